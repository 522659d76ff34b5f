"""Blocks of edges, and what they come from."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

HEAD = 1 << 16
"""Bytes at the beginning of a file by which it is recognised, with its size and time."""

Place = Mapping[str, int]
"""Where reading goes on, as plain numbers."""


@dataclass(frozen=True)
class Block:
    """Some edges of a source, in the order they stand in it.

    Attributes
    ----------
    pairs : ndarray of int32 or int64, or of str objects, shape (edges, 2)
        As they were given: ids, or positions.
    source : Source
    lines : sequence of int
        The line or row of each edge.
    end : mapping
        The place behind the block.
    done : int
        How much of the source's `total` is done after it.
    """

    pairs: NDArray[Any]
    source: Source
    lines: Sequence[int] | NDArray[np.int64]
    end: Place
    done: int

    @property
    def is_text(self) -> bool:
        """Whether the ids are strings."""
        return self.pairs.dtype == object

    def where(self, row: int) -> str:
        """Return the place of an edge, for messages."""
        return f"{self.source.name}, {self.source.unit} {self.lines[row]}"


class Source(ABC):
    """Edges that are read a block at a time, from any place on.

    Attributes
    ----------
    name : str
        For messages.
    unit : str
        What lines are called: "line", "row".
    total : int
        Bytes or rows, of which `Block.done` tells how many are done.
    bytes : int
        Size of what is read.
    most : int
        Edges it has at most.
    named : bool
        Whether the nodes are the ends of the edges, as in tables, and not ``0 .. largest``, as in arrays.
    comment : int or None
        The line of the first comment that was read.
    """

    name: str
    unit = "row"
    total: int
    bytes: int
    most: int
    named = False
    comment: int | None = None

    @abstractmethod
    def blocks(self, after: Place | None = None) -> Iterator[Block]:
        """Yield the edges behind a place, or all of them.

        Raises
        ------
        InputError
            With the place, when an edge cannot be read, or the source is damaged or cut off.
        """

    @abstractmethod
    def fingerprint(self) -> dict[str, Any]:
        """Return plain values by which the same source is recognised."""


def file_fingerprint(path: Path) -> dict[str, Any]:
    """Return plain values by which a file is recognised: size, time and first bytes."""
    status = path.stat()
    with open(path, "rb") as file:
        head = hashlib.sha256(file.read(HEAD)).hexdigest()
    return {"path": str(path.resolve()), "bytes": status.st_size, "modified": status.st_mtime_ns, "head": head}


def array_fingerprint(array: NDArray[Any]) -> dict[str, Any]:
    """Return plain values by which an array in memory is recognised."""
    ends = [np.ascontiguousarray(part).tobytes() for part in (array[:HEAD], array[-HEAD:])]
    return {
        "shape": list(array.shape),
        "dtype": array.dtype.str,
        "ends": hashlib.sha256(b"".join(ends)).hexdigest(),
    }
