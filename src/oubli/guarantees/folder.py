"""A folder of arrays that is whole at every moment, and holds nothing but its present state.

``manifest.json`` names the present state folder and the SHA-256 of every file in it. A new state is written beside,
made durable, and comes into force with the rename of the manifest; then the old one is deleted. Whatever a kill or a
full disk leaves behind is not named by the manifest, and is swept away by the next command that may write there.
Only the owner may read any of it: it is personal data, and the key of the ledger.

Of a model in mapped files the large arrays are in a store folder, which the manifest names beside the state: they
change in place, under a journal that leads back to the state in force. Whoever opens the folder next undoes what a
command that was killed had begun. Their sizes are checked, and their contents by `oubli.verify`.

The digests tell damage and careless changes. Whoever changes a file and its digests alike is not found out here.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import secrets
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oubli.engines.mapped import Store, recover
from oubli.errors import CapacityError, InputError, UnsweptError
from oubli.graph.disk.lock import FolderLock
from oubli.graph.durable import NO_SPACE, flush_file, flush_folder, private, write_and_rename
from oubli.guarantees.placing import LOCK, claimed, placed

FORMAT = 1
MANIFEST = "manifest.json"
BESIDE = f"{MANIFEST}.new"
OURS = re.compile(rf"(state|store)-[0-9a-f]{{16}}|{re.escape(BESIDE)}")
"""Names of what a writer may leave behind: nothing else in a folder is ours to delete."""
FILE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.]*\.npy")
CHANGED = "damaged or changed; restore the model from a backup or fit again"


def write_folder(
    path: str | Path,
    description: dict[str, Any],
    arrays: dict[str, NDArray[Any]],
    expected: str | None = None,
    store: Store | None = None,
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
    store : Store, optional
        Of a model in mapped files. A new one moves into the folder, one that is in another model's folder is copied.

    Raises
    ------
    CapacityError
        When the disk is full; the folder keeps its former state.
    InputError
        When something else is in the way; the folder keeps its former state.
    UnsweptError
        When the new state is in force, and what had to follow failed.
    """
    folder = Path(path)
    try:
        _check_target(folder)
        _make(folder)
        with claimed(folder, store):
            sweep(folder, store)
            if expected is not None and read_manifest(folder)["state"] != expected:
                raise InputError(
                    f"{folder}: another command changed the model meanwhile; nothing was written, run again"
                )
            state = folder / f"state-{secrets.token_hex(8)}"
            try:
                try:
                    with placed(folder, store, lambda: _in_force(folder, state)) as entry:
                        _write_state(folder, state, description, arrays, entry)
                        flush_folder(folder)
                finally:
                    # The disk tells whether the rename came through: it may have done so and failed all the same.
                    if store is not None and store.folder.parent == folder and _in_force(folder, state):
                        store.settle(state.name)
                sweep(folder, store)
            except BaseException as error:
                if isinstance(error, Exception) and _in_force(folder, state):
                    raise UnsweptError(folder, state.name, error) from error
                with contextlib.suppress(OSError):
                    sweep(folder, store)
                raise
            return state.name
    except OSError as error:
        if error.errno in NO_SPACE:
            raise CapacityError(
                f"{folder}: no room to write the model; it is as it was before. Free some space and try again"
            ) from None
        raise InputError(f"{folder}: cannot write the model: {error.strerror or error}") from None


def read_folder(path: str | Path) -> tuple[str, dict[str, Any], dict[str, NDArray[Any]]]:
    """Return the name of the state of a folder, its description and its arrays, each checked against its digest.

    What a kill left behind is swept away first. Where that cannot be, in a folder that may only be read or that another
    command is writing, it is left without a word: it is none of what is read, and the next command tries again.

    Raises
    ------
    InputError
        When there is no model, or it was damaged or changed.
    """
    folder = Path(path)
    read_manifest(folder)
    if os.access(folder, os.W_OK):
        _sweep_unless_in_use(folder)
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
        When it is missing, not ours, or was damaged or changed.
    """
    file = folder / MANIFEST
    try:
        manifest = json.loads(file.read_text())
    except FileNotFoundError:
        raise InputError(f"{folder}: there is no model here (no {MANIFEST}); make one with `oubli fit`") from None
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InputError(
            f"{file}: cannot be read ({error}); restore the model from a backup, or delete its folder and fit again"
        ) from None
    if isinstance(manifest, dict) and manifest.get("kind") == "graph":
        raise InputError(f"{folder}: holds a graph and not a model; fit one with `oubli fit {folder} -o MODEL`")
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise InputError(f"{file}: not a model of this version of oubli (format {FORMAT}); fit again")
    if manifest.get("sha256") != _manifest_digest(manifest):
        raise InputError(f"{file}: does not match its own digest: {CHANGED}")
    if not _names_ours(manifest):
        raise InputError(f"{file}: lacks what the manifest of a model has, or names what it may not: {CHANGED}")
    return manifest


def _names_ours(manifest: dict[str, Any]) -> bool:
    """Tell whether a manifest has its parts, and names nothing outside its folder."""
    try:
        store = manifest.get("store") or {"folder": manifest["state"], "files": {}}
        files = [*manifest["files"], *(entry["file"] for entry in store["files"].values())]
        folders = [manifest["state"], store["folder"]]
        sizes = [entry["bytes"] for part in (manifest, store) for entry in part["files"].values()]
        return (
            isinstance(manifest["description"], dict)
            and all(type(size) is int for size in sizes)
            and all(isinstance(entry["sha256"], str) for entry in manifest["files"].values())
            and all(map(FILE.fullmatch, files))
            and all(map(OURS.fullmatch, folders))
        )
    except (AttributeError, KeyError, TypeError):
        return False


def sweep(folder: Path, store: Store | None = None) -> None:
    """Undo what a writer had begun, and delete what the manifest does not name. The caller holds the lock.

    What is under way in the caller's own `store` is left alone.
    """
    named = {store.folder.name} if store is not None and store.folder.parent == folder else set()
    if (folder / MANIFEST).exists():
        try:
            manifest = read_manifest(folder)
        except InputError:
            return
        named.add(manifest["state"])
        if (entry := manifest.get("store")) is not None:
            named.add(entry["folder"])
            files = {name: file["file"] for name, file in entry["files"].items()}
            place = folder / entry["folder"]
            if store is None or store.folder != place:
                recover(place, files, manifest["state"])
            elif not store.changing:
                store.sweep()
    left = [entry for entry in folder.iterdir() if entry.name not in named and OURS.fullmatch(entry.name)]
    if not left:
        return
    # After a power cut, a manifest that still names one of them must not come back; and nor must they.
    flush_folder(folder)
    for entry in left:
        if entry.is_dir():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    flush_folder(folder)


def _sweep_unless_in_use(folder: Path) -> None:
    try:
        lock = FolderLock(folder, LOCK)
    except OSError:
        return
    with contextlib.closing(lock):
        try:
            lock.claim()
        except InputError:
            return
        with contextlib.suppress(OSError):
            sweep(folder)


def _in_force(folder: Path, state: Path) -> bool:
    try:
        return bool(read_manifest(folder)["state"] == state.name)
    except InputError:
        return False


def _check_target(folder: Path) -> None:
    if folder.is_file():
        raise InputError(f"{folder}: is a file; give the path of a folder for the model")
    names = sorted(e.name for e in folder.iterdir()) if folder.is_dir() else []
    if MANIFEST in names and not _reads_as_ours(folder / MANIFEST):
        raise InputError(
            f"{folder / MANIFEST}: not of a model, or too damaged to tell; nothing was written. Give another folder, "
            "or delete the file if it was a model's"
        )
    strange = [name for name in names if name not in (LOCK, MANIFEST) and not OURS.fullmatch(name)]
    if strange:
        try:
            read_manifest(folder)
        except InputError:
            raise InputError(
                f"{folder}: holds other files ({strange[0]}) and no whole model; give an empty or new folder"
            ) from None


def _reads_as_ours(file: Path) -> bool:
    """Tell whether a file is a manifest of ours, be it damaged or of another version."""
    try:
        manifest = json.loads(file.read_text())
    except (OSError, ValueError):
        return False
    return isinstance(manifest, dict) and {"format", "state"} <= manifest.keys()


def _make(folder: Path) -> None:
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for place in made:
        flush_folder(place.parent)


def _write_state(
    folder: Path,
    state: Path,
    description: dict[str, Any],
    arrays: dict[str, NDArray[Any]],
    store: dict[str, Any] | None,
) -> None:
    state.mkdir(mode=0o700)
    files = {}
    for name, array in arrays.items():
        file = state / f"{name}.npy"
        with open(file, "xb", opener=private) as stream:
            hashing = _HashingStream(stream)
            np.lib.format.write_array(hashing, np.ascontiguousarray(array), allow_pickle=False)
            flush_file(stream)
        files[file.name] = {"sha256": hashing.digest.hexdigest(), "bytes": file.stat().st_size}
    flush_folder(state)
    manifest: dict[str, Any] = {"format": FORMAT, "state": state.name, "description": description, "files": files}
    if store is not None:
        manifest["store"] = store
    manifest["sha256"] = _manifest_digest(manifest)
    # Beside a damaged manifest nothing was swept.
    (folder / BESIDE).unlink(missing_ok=True)
    with write_and_rename(folder / BESIDE, folder / MANIFEST, private) as stream:
        stream.write(json.dumps(manifest, indent=1).encode())
        # The state has to be there for good before the manifest names it.
        flush_folder(folder)


class _HashingStream:
    """Hashes what is written through it, so that files need not be read again."""

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.digest = hashlib.sha256()

    def write(self, data: Any) -> int:
        self.digest.update(data)
        return int(self.stream.write(data))


def _read_array(file: Path, entry: dict[str, Any]) -> NDArray[Any]:
    try:
        if file.stat().st_size != entry["bytes"]:
            raise InputError(f"{file}: has {file.stat().st_size} bytes instead of {entry['bytes']}: {CHANGED}")
        with file.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
            if digest != entry["sha256"]:
                raise InputError(f"{file}: does not match its digest: {CHANGED}")
            stream.seek(0)
            array: NDArray[Any] = np.lib.format.read_array(stream, allow_pickle=False)
            return array
    except FileNotFoundError:
        raise InputError(f"{file}: is missing: {CHANGED}") from None
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{file}: cannot be read ({error}): {CHANGED}") from None


def _manifest_digest(manifest: dict[str, Any]) -> str:
    text = json.dumps({k: v for k, v in manifest.items() if k != "sha256"}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
