"""Digests over canonical bytes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

CHUNK = 1 << 16
KINDS = {"i": "<i8", "u": "<i8", "b": "<i8", "f": "<f8"}


@dataclass(frozen=True)
class Rows:
    """Rows of something that is sliced by rows, read a part at a time when they are hashed.

    Parameters
    ----------
    source : array-like of two dimensions
    chosen : ndarray of int64
        Which rows, in which order.
    """

    source: Any
    chosen: NDArray[np.int64]

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of the rows chosen."""
        return (self.chosen.size, *self.source.shape[1:])

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the source."""
        kind: np.dtype[Any] = self.source.dtype
        return kind

    def __getitem__(self, part: slice) -> NDArray[Any]:
        rows: NDArray[Any] = self.source[self.chosen[part]]
        return rows


def canonical_digest(parts: Iterable[tuple[str, Any]]) -> str:
    """Return the SHA-256 of named parts, as hexadecimal text.

    Arrays are hashed with their shape as little-endian int64 or float64 (strings as UTF-8), whatever they are stored
    in, so storage widths and byte orders do not matter; anything else as JSON with sorted keys.
    """
    digest = hashlib.sha256()
    for name, value in parts:
        digest.update(f"\0{name}\0".encode())
        if isinstance(value, np.ndarray | Rows):
            _hash_array(digest, value)
        else:
            digest.update(json.dumps(value, sort_keys=True).encode())
    return digest.hexdigest()


def _hash_array(digest: Any, array: NDArray[Any] | Rows) -> None:
    digest.update(repr(array.shape).encode())
    if isinstance(array, np.ndarray) and array.dtype.kind == "U":
        digest.update(json.dumps(array.tolist()).encode())
        return
    kind = KINDS[array.dtype.kind]
    digest.update(kind.encode())
    for first in range(0, array.shape[0] if array.shape else 1, CHUNK):
        part = array[first : first + CHUNK] if array.shape else array
        digest.update(np.ascontiguousarray(part, dtype=kind).data)
