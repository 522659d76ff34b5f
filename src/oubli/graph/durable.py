"""Writing that a full disk, a kill or a power cut cannot turn into half a file."""

from __future__ import annotations

import contextlib
import errno
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, BinaryIO

from oubli.errors import CapacityError, InputError

NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


def flush_file(file: IO[Any]) -> None:
    """Bring what was written to a file to the disk; a full disk shows now."""
    file.flush()
    os.fsync(file.fileno())


def flush_folder(folder: Path) -> None:
    """Bring the entries of a folder to the disk: what was made, renamed or deleted in it stays so."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def private(path: str, flags: int) -> int:
    """Open a file that, when it is made, only its owner may read: an opener for `open`."""
    return os.open(path, flags, 0o600)


@contextlib.contextmanager
def write_and_rename(beside: Path, path: Path, opener: Callable[[str, int], int] | None = None) -> Iterator[BinaryIO]:
    """Open `beside`, a new file, for writing; on success flush it to the disk and rename it to `path`."""
    with open(beside, "xb", opener=opener) as file:
        yield file
        flush_file(file)
    os.replace(beside, path)


@contextlib.contextmanager
def write_beside(path: str | Path) -> Iterator[BinaryIO]:
    """Open a file beside `path` for writing; on success flush it to the disk and rename it to `path`."""
    path = Path(path)
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:12]}.part")
    try:
        with write_and_rename(beside, path) as file:
            yield file
        # The file is whole by now, and not every system can open a folder.
        with contextlib.suppress(OSError):
            flush_folder(path.parent)
    except OSError as error:
        if error.errno in NO_SPACE:
            raise CapacityError(f"{path}: the disk is full; make room and write again") from error
        raise InputError(f"{path}: cannot be written ({error.strerror or error})") from error
    finally:
        beside.unlink(missing_ok=True)
