"""Edges in NumPy's formats: a mapped .npy file, a member of an .npz archive, arrays and blocks of arrays."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from oubli.errors import InputError
from oubli.graph.archive import DAMAGE
from oubli.graph.ids import as_id_array
from oubli.graph.importing.sources.block import Block, Place, Source, array_fingerprint, file_fingerprint


class ArraySource(Source):
    """Pairs in an array, which may be mapped from a .npy file, of shape (edges, 2) or (2, edges).

    Parameters
    ----------
    array : ndarray of integers or strings
    name : str
    rows : int
        Edges that are read at a time.
    path : Path, optional
        The file that it is mapped from.
    """

    def __init__(self, array: NDArray[Any], name: str, rows: int, path: Path | None = None) -> None:
        if array.ndim == 2 and array.shape[1] != 2 and array.shape[0] == 2 and path is not None:
            array = array.T
        check_pairs(array, name)
        self.array, self.name, self.rows, self.path = array, name, rows, path
        self.total = self.most = len(array)
        self.bytes = array.nbytes

    def fingerprint(self) -> dict[str, Any]:
        """Return plain values by which the array is recognised."""
        return array_fingerprint(self.array) if self.path is None else file_fingerprint(self.path)

    def blocks(self, after: Place | None = None) -> Iterator[Block]:
        """Yield the edges behind a place, or all of them."""
        for first in range((after or {"row": 0})["row"], self.total, self.rows):
            end = min(first + self.rows, self.total)
            where = f"{self.name}, rows {first + 1} to {end}"
            yield Block(as_block(self.array[first:end], where), self, range(first + 1, end + 1), {"row": end}, end)


def map_pairs(path: Path, rows: int) -> ArraySource:
    """Return the edges of a .npy file.

    Raises
    ------
    InputError
        When it is none, cut off, or of another shape.
    """
    return ArraySource(map_npy(path), str(path), rows, path)


def map_npy(path: Path) -> NDArray[Any]:
    """Map a .npy file that someone else wrote, for reading.

    Raises
    ------
    InputError
        When it is none, or cut off.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    try:
        # Only the mapping: of numpy.memmap each slice is an object with a history.
        return np.asarray(np.load(path, mmap_mode="r", allow_pickle=False))
    except (ValueError, OSError, EOFError) as error:
        raise InputError(
            f"{path}: not a whole .npy file of numbers or strings, perhaps cut off ({error}); fetch or write it again"
        ) from None


def check_pairs(array: NDArray[Any], name: str) -> None:
    """Refuse an array that is none of pairs of ids."""
    if array.ndim != 2 or array.shape[1] != 2 or array.dtype.kind not in "iuU":
        raise InputError(
            f"{name}: expected pairs of node ids, integers or strings of shape (edges, 2), "
            f"got {array.dtype} of shape {array.shape}"
        )


def as_block(pairs: NDArray[Any], where: str) -> NDArray[Any]:
    """Return pairs as int32, int64 or str objects, contiguous."""
    check_pairs(pairs, where)
    if pairs.dtype == np.int32:
        return np.ascontiguousarray(pairs)
    ids = as_id_array(np.ascontiguousarray(pairs).ravel(), where).reshape(-1, 2)
    return ids.astype(object) if ids.dtype.kind == "U" else np.ascontiguousarray(ids)


class ArchiveSource(Source):
    """The array `edge_index`, shape (2, edges), of an .npz archive, read from the archive as it goes.

    Parameters
    ----------
    path : Path
    rows : int
        Edges that are read at a time.

    Attributes
    ----------
    names : set of str
        Arrays in the archive, `edge_index` among them.
    """

    member = "edge_index.npy"

    def __init__(self, path: Path, rows: int) -> None:
        self.path, self.name, self.rows = path, f"{path}, edge_index", rows
        self.bytes = path.stat().st_size
        try:
            with zipfile.ZipFile(path) as archive, archive.open(self.member) as file:
                self.shape, self.fortran, self.dtype = read_header(file)
                self.names = {name.removesuffix(".npy") for name in archive.namelist()}
        except KeyError:
            raise InputError(f"{path}: array edge_index is missing; see oubli.graph.read_npz") from None
        except DAMAGE as error:
            raise self._damaged(error) from None
        if len(self.shape) != 2 or self.shape[0] != 2 or self.dtype.kind not in "iu":
            raise InputError(f"{path}: edge_index must be integers of shape (2, edges), got {self.dtype} {self.shape}")
        self.total = self.most = self.shape[1]

    def fingerprint(self) -> dict[str, Any]:
        """Return plain values by which the file is recognised."""
        return file_fingerprint(self.path)

    def blocks(self, after: Place | None = None) -> Iterator[Block]:
        """Yield the edges behind a place, or all of them."""
        first = (after or {"row": 0})["row"]
        try:
            with zipfile.ZipFile(self.path) as archive:
                yield from self._blocks(archive, first)
        except DAMAGE as error:
            if isinstance(error, InputError):
                raise
            raise self._damaged(error) from None
        except Exception as error:  # zlib's and lzma's own, which depend on how the archive was packed
            if type(error).__module__ in ("zlib", "_lzma"):
                raise self._damaged(error) from None
            raise

    def _blocks(self, archive: zipfile.ZipFile, first: int) -> Iterator[Block]:
        wide = self.dtype.itemsize
        # One after the other in Fortran's order; else all first ends before all second ones: two readers.
        starts = [2 * first * wide] if self.fortran else [first * wide, (self.total + first) * wide]
        readers = [self._open(archive, start) for start in starts]
        for begin in range(first, self.total, self.rows):
            end = min(begin + self.rows, self.total)
            parts = [_read_exactly(file, (end - begin) * wide * 2 // len(readers)) for file in readers]
            values = np.frombuffer(b"".join(parts), self.dtype)
            pairs = values.reshape(-1, 2) if self.fortran else values.reshape(2, -1).T
            where = f"{self.name}, rows {begin + 1} to {end}"
            yield Block(as_block(pairs, where), self, range(begin + 1, end + 1), {"row": end}, end)
        # To the end, where the checksum is compared.
        readers[-1].read(1)

    def _open(self, archive: zipfile.ZipFile, skipped: int) -> IO[bytes]:
        file = archive.open(self.member)
        read_header(file)
        while skipped:
            part = file.read(min(skipped, 1 << 20))
            if not part:
                raise EOFError("it ends early")
            skipped -= len(part)
        return file

    def _damaged(self, error: Exception) -> InputError:
        return InputError(f"{self.path}: array edge_index is damaged or cut off ({error}); fetch or write it again")


def read_header(file: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Return shape, order and type of an array in NumPy's format, whose data come next."""
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, kind = read(file)
    if kind.hasobject:
        raise ValueError("it holds pickled Python objects")
    return shape, fortran, kind


def _read_exactly(file: IO[bytes], size: int) -> bytes:
    parts = []
    while size:
        part = file.read(size)
        if not part:
            raise EOFError("it ends early")
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


class BlockSource(Source):
    """Blocks from Python: an iterable of integer arrays of shape (edges, 2), or what returns one when it is called.

    Parameters
    ----------
    given : iterable or callable
        What is called gives the same blocks each time, and so does a list: an import from them can be resumed.
    """

    name, unit, total, bytes, most = "edges", "row", 0, 0, 1 << 32

    def __init__(self, given: Iterable[Any] | Callable[[], Iterable[Any]]) -> None:
        self.once = not callable(given) and iter(given) is given
        self._given = given

    def fingerprint(self) -> dict[str, Any]:
        """Return plain values by which the source is recognised."""
        return {"blocks": "once" if self.once else getattr(self._given, "__qualname__", "listed")}

    def blocks(self, after: Place | None = None) -> Iterator[Block]:
        """Yield the edges behind a place, or all of them."""
        skipped, rows = (after or {"block": 0})["block"], (after or {"row": 0})["row"]
        blocks = self._given() if callable(self._given) else self._given
        if not isinstance(blocks, Iterable):
            raise InputError(f"edges: the function returned {blocks!r}; it has to return blocks of pairs")
        for number, block in enumerate(islice(blocks, skipped, None), start=skipped + 1):
            pairs = as_block(np.asarray(block), f"edges, block {number}")
            if pairs.dtype == object:
                raise InputError(f"edges, block {number}: expected integers, got strings; number the nodes")
            rows += len(pairs)
            yield Block(pairs, self, range(rows - len(pairs) + 1, rows + 1), {"block": number, "row": rows}, rows)
