"""A bucket of arcs sorted into rows of the adjacency, and appended to its file."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

from oubli.errors import InputError
from oubli.graph.durable import private
from oubli.graph.importing.bucketing import ARC, Buckets, Ranges, read_arcs

HEADER = 128
"""Bytes before the data of a .npy file of one dimension."""

SPLIT = 64
"""Parts that a bucket which does not fit is split into at most."""


class RowFile:
    """An .npy file of int32 that grows; its header is right once it is closed by `finish`.

    Parameters
    ----------
    path : Path
    length : int
        Entries that were written before; what comes after them is cut off.
    """

    def __init__(self, path: Path, length: int = 0) -> None:
        self.length = length
        self._file = open(path, "r+b" if path.exists() else "w+b", buffering=0, opener=private)  # noqa: SIM115 - closed by `close`
        self._file.truncate(HEADER + 4 * length)
        self._file.seek(HEADER + 4 * length)

    def append(self, values: NDArray[np.int32]) -> None:
        """Write entries at the end."""
        data = np.ascontiguousarray(values).data.cast("B")
        while data:
            data = data[self._file.write(data) :]
        self.length += values.size

    def flush(self) -> int:
        """Bring the file to the disk; return how many entries it has."""
        os.fsync(self._file.fileno())
        return self.length

    def finish(self) -> None:
        """Write the header."""
        self._file.seek(0)
        header = {"descr": "<i4", "fortran_order": False, "shape": (self.length,)}
        np.lib.format.write_array_header_1_0(self._file, header)
        self.flush()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def __enter__(self) -> RowFile:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def append_bucket(path: Path, begin: int, end: int, capacity: int, counts: NDArray[np.int32], rows: RowFile) -> None:
    """Append the rows of nodes `begin` to `end`, whose arcs are in a file, and set their `counts`.

    A bucket of more than `capacity` arcs is split first, unless it is of one node.
    """
    arcs = path.stat().st_size // ARC
    if arcs <= capacity or end - begin == 1:
        rows.append(_sort_rows(path, begin, counts[begin:end]))
        return
    folder = path.with_suffix(".parts")
    shutil.rmtree(folder, ignore_errors=True)
    parts = Ranges(folder, begin, end, min(SPLIT, 2 * arcs // capacity + 1))
    with Buckets(parts) as buckets:
        for block in read_arcs(path, capacity):
            if block[:, 0].min() < begin or block[:, 0].max() >= end:
                raise damaged(path)
            buckets.add_arcs(block)
    for number in range(parts.count):
        append_bucket(parts.path(number), *parts.range(number), capacity, counts, rows)
        parts.path(number).unlink()
    shutil.rmtree(folder)


def damaged(path: Path) -> InputError:
    """Return the error for a bucket that holds arcs of other nodes."""
    return InputError(f"{path}: damaged, by a disk that fails or a power cut; import the graph again")


def _sort_rows(path: Path, begin: int, counts: NDArray[np.int32]) -> NDArray[Any]:
    pairs = np.fromfile(path, np.int32).reshape(-1, 2)
    neighbours = np.empty(len(pairs), np.int32)
    kept = _fill_and_sort(pairs, begin, counts, neighbours)
    if kept < 0:
        raise damaged(path)
    return neighbours[:kept]


@nb.njit(cache=True, nogil=True)
def _fill_and_sort(pairs, begin, counts, neighbours):  # type: ignore[no-untyped-def]
    """Write each row's neighbours once, ascending, and how many there are; return how many in all, or -1."""
    nodes = counts.size
    place = np.zeros(nodes + 1, np.int64)
    for e in range(len(pairs)):
        if pairs[e, 0] < begin or pairs[e, 0] >= begin + nodes:
            return -1
        place[pairs[e, 0] - begin + 1] += 1
    for i in range(nodes):
        place[i + 1] += place[i]
    # Filling moves the beginning of each row to its end, which is the beginning of the next.
    for e in range(len(pairs)):
        i = pairs[e, 0] - begin
        neighbours[place[i]] = pairs[e, 1]
        place[i] += 1
    kept, first = 0, 0
    for i in range(nodes):
        row = neighbours[first : place[i]]
        row.sort()
        before = kept
        for p in range(row.size):
            if p == 0 or row[p] != row[p - 1]:
                value = row[p]
                neighbours[kept] = value
                kept += 1
        counts[i] = kept - before
        first = place[i]
    return kept
