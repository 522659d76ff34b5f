"""Files from the homes of data sets: fetched once, checked, converted, and kept in the user's cache."""

from __future__ import annotations

import hashlib
import os
import re
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from oubli.errors import InputError
from oubli.graph.archive import Arrays, write_arrays
from oubli.graph.durable import write_beside


@dataclass(frozen=True)
class DatasetSource:
    """Where a data set lives and how to read what is served there.

    Parameters
    ----------
    name : str
        The name that `load_dataset` takes.
    base_url : str
        The folder of the files, ending in a slash; the environment variable OUBLI_MIRROR replaces it.
    files : mapping of str to str or None
        The files and their sha256. None where no checksum is known for certain: the one of the first download is then
        recorded, and later downloads must have it.
    reader : callable
        Takes the folder of the downloaded files, returns the arrays of an .npz.
    """

    name: str
    base_url: str
    files: Mapping[str, str | None]
    reader: Callable[[Path], Arrays]


def cache_folder() -> Path:
    """Return where downloads are kept, by the customs of the system; it may not be there yet."""
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "oubli"


def download(source: DatasetSource) -> Path:
    """Fetch a data set into the cache and return the path of the converted .npz.

    Raises
    ------
    InputError
        When it cannot be fetched, is not what it should be, or cannot be read.
    """
    try:
        import pooch
    except ImportError:
        raise ImportError(
            f'downloading {source.name} needs pooch: pip install "oubli[data]" '
            f"(or put {source.name}.npz in a folder and pass root=)"
        ) from None
    cache = cache_folder()
    target = cache / f"{source.name}.npz"
    recorded = _recorded(target)
    base_url = os.environ.get("OUBLI_MIRROR", source.base_url).rstrip("/") + "/"
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache, prefix=f".{source.name}.") as folder:
        registry = {file: known or recorded.get(f"home/{file}") for file, known in source.files.items()}
        fetcher = pooch.create(path=folder, base_url=base_url, registry=registry, retry_if_failed=1)
        for file in source.files:
            try:
                fetcher.fetch(file)
            except (OSError, ValueError) as error:
                raise InputError(_failed(source, base_url + file, error)) from None
        write_arrays(source.reader(Path(folder)), target)
        _record(target, [Path(folder) / file for file in source.files])
    return target


def _failed(source: DatasetSource, url: str, error: Exception) -> str:
    if isinstance(error, ValueError) and "hash" in str(error):
        return (
            f"{url}: its sha256 is not the known one: damaged on the way, or changed at its home; try again, or if you "
            f"trust it and it was recorded by an earlier download, delete {source.name}.sha256 in {cache_folder()}"
        )
    return (
        f"{url}: cannot be downloaded ({error}); try again, put {source.name}.npz in a folder and pass root=, "
        "or name another server in the environment variable OUBLI_MIRROR"
    )


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _recorded(path: Path) -> dict[str, str]:
    """Return the checksums in the .sha256 beside a file, by file name."""
    beside = path.with_suffix(".sha256")
    text = beside.read_text(encoding="utf-8") if beside.is_file() else ""
    return {name: digest for digest, name in re.findall(r"^([0-9a-f]{64})  (.+)$", text, re.MULTILINE)}


def _record(path: Path, sources: list[Path]) -> None:
    # What was served may have the name of what it became.
    named = {path.name: path, **{f"home/{file.name}": file for file in sources}}
    lines = "".join(f"{_sha256(file)}  {name}\n" for name, file in named.items())
    with write_beside(path.with_suffix(".sha256")) as beside:
        beside.write(lines.encode())


def check_recorded(path: Path) -> None:
    """Raise `InputError` when a file in the cache is no longer what was written there."""
    expected = _recorded(path).get(path.name)
    if expected is not None and expected != _sha256(path):
        raise InputError(f"{path}: its sha256 is not the one in {path.stem}.sha256; delete both to fetch it again")
