"""A folder of arrays that is whole at every moment, and holds nothing but its present state.

``manifest.json`` names the present state folder and the SHA-256 of every file in it. A new state is written beside,
made durable, and comes into force with the rename of the manifest; then the old one is deleted. Whatever a kill or a
full disk leaves behind is not named by the manifest, and is swept away by the next command.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oubli.errors import CapacityError, InputError

FORMAT = 1
MANIFEST = "manifest.json"
BESIDE = f"{MANIFEST}.new"
LOCK = "lock"
OURS = re.compile(rf"state-[0-9a-f]{{16}}|{re.escape(BESIDE)}")
"""Names of what a writer may leave behind: nothing else in a folder is ours to delete."""


def write_folder(
    path: str | Path, description: dict[str, Any], arrays: dict[str, NDArray[Any]], expected: str | None = None
) -> str:
    """Replace the state of a folder by `description` and `arrays`, all or nothing; return the name of the new state.

    Parameters
    ----------
    path : str or Path
    description : dict
        Plain values.
    arrays : dict
    expected : str, optional
        The state this one was derived from; if another writer has replaced it meanwhile, nothing is written.

    Raises
    ------
    CapacityError
        When the disk is full; the folder keeps its former state.
    InputError
        When something else is in the way.
    """
    folder = Path(path)
    try:
        _check_target(folder)
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder, wait=True):
            sweep(folder)
            if expected is not None and read_manifest(folder)["state"] != expected:
                raise InputError(
                    f"{folder}: another command changed the model meanwhile; nothing was written, run again"
                )
            state = folder / f"state-{secrets.token_hex(8)}"
            try:
                _write_state(folder, state, description, arrays)
            except BaseException:
                # Whichever state is not in force goes: an interrupt may come just after the rename.
                with contextlib.suppress(OSError):
                    sweep(folder)
                raise
            sweep(folder)
            return state.name
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise CapacityError(
                f"{folder}: no room to write the model; it is as it was before. Free some space and try again"
            ) from None
        raise InputError(f"{folder}: cannot write the model: {error.strerror or error}") from None


def read_folder(path: str | Path) -> tuple[str, dict[str, Any], dict[str, NDArray[Any]]]:
    """Return the name of the state of a folder, its description and its arrays, each checked against its digest.

    Raises
    ------
    InputError
        When there is no model, or it is truncated or was tampered with.
    """
    folder = Path(path)
    read_manifest(folder)
    if os.access(folder, os.W_OK):
        with contextlib.suppress(BlockingIOError, OSError), _locked(folder, wait=False):
            sweep(folder)
    # A writer may replace the state between the manifest and its files: then there is a newer manifest to read.
    for attempt in range(3):
        manifest = read_manifest(folder)
        try:
            state = folder / manifest["state"]
            arrays = {name: _read_array(state / name, entry) for name, entry in manifest["files"].items()}
            return state.name, manifest["description"], {name.removesuffix(".npy"): a for name, a in arrays.items()}
        except InputError:
            if attempt == 2 or read_manifest(folder)["state"] == manifest["state"]:
                raise
    raise InputError(f"{folder}: the model kept changing while it was read; try again")


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of a folder.

    Raises
    ------
    InputError
        When it is missing, not ours, or was tampered with.
    """
    file = folder / MANIFEST
    try:
        manifest = json.loads(file.read_text())
    except FileNotFoundError:
        raise InputError(f"{folder}: there is no model here (no {MANIFEST}); make one with `oubli fit`") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(f"{file}: cannot be read ({error}); restore the model from a backup or fit again") from None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise InputError(f"{file}: not a model of this version of oubli (format {FORMAT}); fit again")
    if manifest.get("sha256") != _manifest_digest(manifest):
        raise InputError(f"{file}: does not match its own digest: truncated or tampered with; restore or fit again")
    if not (OURS.fullmatch(str(manifest.get("state"))) and {"description", "files"} <= manifest.keys()):
        raise InputError(f"{file}: lacks what the manifest of a model has: tampered with; restore or fit again")
    return manifest


def sweep(folder: Path) -> None:
    """Delete what writers left behind and the manifest does not name. The caller holds the lock."""
    present = None
    if (folder / MANIFEST).exists():
        try:
            present = read_manifest(folder)["state"]
        except InputError:
            return
    for entry in folder.iterdir():
        if entry.name == present or not OURS.fullmatch(entry.name):
            continue
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()


def _check_target(folder: Path) -> None:
    if folder.is_file():
        raise InputError(f"{folder}: is a file; give the path of a folder for the model")
    names = sorted(e.name for e in folder.iterdir()) if folder.is_dir() else []
    strange = [name for name in names if name not in (LOCK, MANIFEST) and not OURS.fullmatch(name)]
    if strange:
        try:
            read_manifest(folder)
        except InputError:
            raise InputError(
                f"{folder}: holds other files ({strange[0]}) and no whole model; give an empty or new folder"
            ) from None


def _write_state(folder: Path, state: Path, description: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> None:
    state.mkdir()
    files = {}
    for name, array in arrays.items():
        file = state / f"{name}.npy"
        with file.open("wb") as stream:
            hashing = _HashingStream(stream)
            np.lib.format.write_array(hashing, np.ascontiguousarray(array), allow_pickle=False)
            stream.flush()
            os.fsync(stream.fileno())
        files[file.name] = {"sha256": hashing.digest.hexdigest(), "bytes": file.stat().st_size}
    _fsync_folder(state)
    manifest: dict[str, Any] = {"format": FORMAT, "state": state.name, "description": description, "files": files}
    manifest["sha256"] = _manifest_digest(manifest)
    beside = folder / BESIDE
    with beside.open("w") as stream:
        json.dump(manifest, stream, indent=1)
        stream.flush()
        os.fsync(stream.fileno())
    beside.rename(folder / MANIFEST)
    _fsync_folder(folder)


class _HashingStream:
    """Hashes what is written through it, so that files need not be read again."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.digest = hashlib.sha256()

    def write(self, data: Any) -> int:
        self.digest.update(data)
        return int(self.stream.write(data))


def _read_array(file: Path, entry: dict[str, Any]) -> NDArray[Any]:
    advice = "truncated or tampered with; restore the model from a backup or fit again"
    try:
        if file.stat().st_size != entry["bytes"]:
            raise InputError(f"{file}: has {file.stat().st_size} bytes instead of {entry['bytes']}: {advice}")
        with file.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            if digest != entry["sha256"]:
                raise InputError(f"{file}: does not match its digest: {advice}")
            stream.seek(0)
            array: NDArray[Any] = np.lib.format.read_array(stream, allow_pickle=False)
            return array
    except FileNotFoundError:
        raise InputError(f"{file}: is missing: {advice}") from None
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{file}: cannot be read ({error}): {advice}") from None


def _manifest_digest(manifest: dict[str, Any]) -> str:
    text = json.dumps({k: v for k, v in manifest.items() if k != "sha256"}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _fsync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def _locked(folder: Path, wait: bool) -> Iterator[None]:
    with (folder / LOCK).open("a") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        yield
