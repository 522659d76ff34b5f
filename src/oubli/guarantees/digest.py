"""Digests over canonical bytes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

CHUNK = 1 << 16
KINDS = {"i": "<i8", "u": "<i8", "b": "<i8", "f": "<f8"}


def canonical_digest(parts: Iterable[tuple[str, Any]]) -> str:
    """Return the SHA-256 of named parts, as hexadecimal text.

    Arrays are hashed with their shape as little-endian int64 or float64 (strings as UTF-8), whatever they are stored
    in, so storage widths and byte orders do not matter; anything else as JSON with sorted keys.
    """
    digest = hashlib.sha256()
    for name, value in parts:
        digest.update(f"\0{name}\0".encode())
        if isinstance(value, np.ndarray):
            _hash_array(digest, value)
        else:
            digest.update(json.dumps(value, sort_keys=True).encode())
    return digest.hexdigest()


def _hash_array(digest: Any, array: NDArray[Any]) -> None:
    digest.update(repr(array.shape).encode())
    if array.dtype.kind == "U":
        digest.update(json.dumps(array.tolist()).encode())
        return
    kind = KINDS[array.dtype.kind]
    digest.update(kind.encode())
    for first in range(0, len(array) if array.ndim else 1, CHUNK):
        part = array[first : first + CHUNK] if array.ndim else array
        digest.update(np.ascontiguousarray(part, dtype=kind).data)
