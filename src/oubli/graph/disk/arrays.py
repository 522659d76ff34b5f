"""Arrays in .npy files that are mapped into memory, with their room on the disk taken beforehand."""

from __future__ import annotations

import hashlib
import mmap
import os
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import DTypeLike, NDArray

from oubli.errors import CapacityError, InputError
from oubli.graph.durable import NO_SPACE, flush_file, private

STRETCH = 1 << 24
"""Bytes that are copied or hashed at a time."""

Mode = Literal["private", "shared"]


def allocate(path: Path, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Make a .npy file of zeros and map it; what is written to the array is in the file.

    All its room is taken now, so that a disk that fills shows here and not as a bus error at some later write.

    Raises
    ------
    CapacityError
        When the disk is full; no file is left.
    InputError
        When the file is there already, or cannot be made.
    """
    kind = np.dtype(dtype)
    try:
        with open(path, "xb", opener=private) as file:
            header = {"descr": np.lib.format.dtype_to_descr(kind), "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(file, header)
            begin = file.tell()
            size = begin + int(np.prod(shape, dtype=np.int64)) * kind.itemsize
            file.flush()
            if size > begin:
                os.posix_fallocate(file.fileno(), 0, size)
            else:
                # What has no rows is not mapped, and so is not flushed later.
                os.fsync(file.fileno())
    except OSError as error:
        if not isinstance(error, FileExistsError):
            path.unlink(missing_ok=True)
        raise disk_error(path, error) from None
    return map_array(path, "shared")


def map_array(path: Path, mode: Mode) -> NDArray[Any]:
    """Map a .npy file: "shared" writes through to the file; "private" keeps what is written in memory alone.

    Raises
    ------
    InputError
        When the file is missing, no .npy, shorter than its header says, or of Python objects.
    """
    try:
        with open(path, "r+b" if mode == "shared" else "rb") as file:
            version = np.lib.format.read_magic(file)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, fortran, kind = read(file)
            begin, size = file.tell(), int(np.prod(shape, dtype=np.int64)) * kind.itemsize
            if kind.hasobject or fortran:
                raise InputError(f"{path}: not an array that oubli writes; fetch or write the file again")
            if os.fstat(file.fileno()).st_size < begin + size:
                raise InputError(f"{path}: cut off; it should have {begin + size:,} bytes. Fetch or write it again")
            if size == 0:
                return np.empty(shape, kind)
            access = mmap.ACCESS_WRITE if mode == "shared" else mmap.ACCESS_COPY
            mapped = mmap.mmap(file.fileno(), begin + size, access=access)
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path}: cannot be opened ({error}); fetch or write the file again") from None
    return np.frombuffer(mapped, kind, offset=begin, count=size // kind.itemsize).reshape(shape)


def flush_array(array: NDArray[Any]) -> None:
    """Bring a mapped array to the disk."""
    base: Any = array
    while isinstance(base, np.ndarray):
        base = base.base
    if isinstance(base, memoryview):
        base = base.obj
    if isinstance(base, mmap.mmap):
        base.flush()


def copy_file(source: Path, target: Path, expected: str | None = None) -> None:
    """Copy a file and flush it to the disk, comparing its SHA-256 with the one expected, if there is one.

    Raises
    ------
    InputError
        When the SHA-256 is not the one expected; the copy is deleted.
    CapacityError
        When the disk is full; the copy is deleted.
    """
    digest = hashlib.sha256()
    try:
        with open(source, "rb") as given, open(target, "xb", opener=private) as file:
            while stretch := given.read(STRETCH):
                digest.update(stretch)
                file.write(stretch)
            flush_file(file)
    except OSError as error:
        target.unlink(missing_ok=True)
        raise disk_error(target, error) from None
    if expected is not None and digest.hexdigest() != expected:
        target.unlink()
        raise mismatch(source)


def mismatch(path: Path) -> InputError:
    """Return what to raise for a file of a graph whose SHA-256 is not the one expected."""
    return InputError(f"{path}: does not match its checksum: damaged or changed; import the graph again")


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def disk_error(path: Path, error: OSError) -> CapacityError | InputError:
    """Return what to raise for a failure to write: a full disk, or anything else."""
    if error.errno in NO_SPACE:
        return CapacityError(f"{path}: the disk is full; make room and try again")
    return InputError(f"{path}: cannot be written ({error.strerror or error})")
