"""Arcs put into files by ranges of nodes, so that each file fits memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

ARC = 8
"""Bytes of an arc: two int32."""

FILES = 512
"""Files that are open at once at most."""


class Ranges:
    """Ranges of nodes of one width, a power of two, and a file for each.

    Parameters
    ----------
    folder : Path
    first, last : int
        The nodes that arcs start from.
    count : int
        How many ranges, at most.
    """

    def __init__(self, folder: Path, first: int, last: int, count: int) -> None:
        self.folder, self.first, self.last = folder, first, last
        nodes = last - first
        # A power of two, since shifting is many times quicker than dividing.
        self.shift = max(0, (max(1, nodes) - 1) // max(1, min(count, nodes, FILES))).bit_length()
        self.count = max(1, -(-nodes >> self.shift))

    def path(self, number: int) -> Path:
        """Return the file of a range."""
        return self.folder / f"bucket-{number:05}.bin"

    def range(self, number: int) -> tuple[int, int]:
        """Return the nodes of a range."""
        begin = self.first + (number << self.shift)
        return begin, min(begin + (1 << self.shift), self.last)


class Buckets:
    """Files of arcs, one a range of nodes.

    Parameters
    ----------
    ranges : Ranges
        Their folder is made if it is not there.
    lengths : list of int, optional
        Bytes of each file at a checkpoint; what was written later is cut off.
    """

    def __init__(self, ranges: Ranges, lengths: list[int] | None = None) -> None:
        self.first, self.shift, self.count = ranges.first, ranges.shift, ranges.count
        ranges.folder.mkdir(mode=0o700, exist_ok=True)
        self.lengths = list(lengths or [0] * ranges.count)
        flags = os.O_RDWR | os.O_CREAT
        self._files = [os.open(ranges.path(number), flags, 0o600) for number in range(ranges.count)]
        for file, length in zip(self._files, self.lengths, strict=True):
            os.ftruncate(file, length)
            os.lseek(file, length, os.SEEK_SET)

    def add_edges(self, pairs: NDArray[Any]) -> int:
        """Add both directions of edges; return how many were self-loops, which are left out."""
        offsets, arcs, loops = _spread_edges(pairs, self.first, self.shift, self.count)
        self._write(offsets, arcs)
        return int(loops)

    def add_arcs(self, arcs: NDArray[np.int32]) -> None:
        """Add arcs as they are."""
        self._write(*_spread_arcs(arcs, self.first, self.shift, self.count))

    def _write(self, offsets: NDArray[np.int64], arcs: NDArray[np.int32]) -> None:
        for number in np.flatnonzero(np.diff(offsets)).tolist():
            data = arcs[offsets[number] : offsets[number + 1]].data.cast("B")
            self.lengths[number] += len(data)
            while data:
                data = data[os.write(self._files[number], data) :]

    def flush(self) -> list[int]:
        """Bring all files to the disk; return their lengths."""
        for file in self._files:
            os.fsync(file)
        return list(self.lengths)

    def close(self) -> None:
        """Close the files."""
        while self._files:
            os.close(self._files.pop())

    def __enter__(self) -> Buckets:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


def read_arcs(path: Path, most: int) -> Iterator[NDArray[np.int32]]:
    """Yield the arcs of a bucket, up to `most` at a time, shape (arcs, 2)."""
    with open(path, "rb", buffering=0) as file:
        while (arcs := np.fromfile(file, np.int32, 2 * most)).size:
            yield arcs.reshape(-1, 2)


@nb.njit(cache=True, nogil=True)
def _spread_edges(pairs, first, shift, count):  # type: ignore[no-untyped-def]
    offsets = np.zeros(count + 1, np.int64)
    loops = 0
    for e in range(len(pairs)):
        u, v = pairs[e, 0], pairs[e, 1]
        if u == v:
            loops += 1
        else:
            offsets[((u - first) >> shift) + 1] += 1
            offsets[((v - first) >> shift) + 1] += 1
    for b in range(count):
        offsets[b + 1] += offsets[b]
    arcs = np.empty((offsets[count], 2), np.int32)
    place = offsets[:-1].copy()
    for e in range(len(pairs)):
        u, v = pairs[e, 0], pairs[e, 1]
        if u != v:
            at = place[(u - first) >> shift]
            arcs[at, 0], arcs[at, 1] = u, v
            place[(u - first) >> shift] += 1
            at = place[(v - first) >> shift]
            arcs[at, 0], arcs[at, 1] = v, u
            place[(v - first) >> shift] += 1
    return offsets, arcs, loops


@nb.njit(cache=True, nogil=True)
def _spread_arcs(given, first, shift, count):  # type: ignore[no-untyped-def]
    offsets = np.zeros(count + 1, np.int64)
    for e in range(len(given)):
        offsets[((given[e, 0] - first) >> shift) + 1] += 1
    for b in range(count):
        offsets[b + 1] += offsets[b]
    arcs = np.empty((len(given), 2), np.int32)
    place = offsets[:-1].copy()
    for e in range(len(given)):
        b = (given[e, 0] - first) >> shift
        arcs[place[b]] = given[e]
        place[b] += 1
    return offsets, arcs
