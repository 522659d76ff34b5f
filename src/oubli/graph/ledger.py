"""What was removed, as keyed hashes: enough to recognise a second request, and no id of anyone.

Whoever holds the key can test a guess, and no more; without the key the hashes are noise.
"""

from __future__ import annotations

import hashlib
import os
from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

from oubli.graph.distinct import distinct

KEY_BYTES = 16
KINDS = ("nodes", "edges", "features", "labels")


class Ledger:
    """Keyed 64-bit hashes (SipHash-2-4) of removed ids and edges.

    Parameters
    ----------
    key : bytes, optional
        16 bytes; from the operating system without it.
    hashes : ndarray of uint64, optional
        What a saved ledger remembered.
    """

    def __init__(self, key: bytes | None = None, hashes: NDArray[np.uint64] | None = None) -> None:
        self.key = os.urandom(KEY_BYTES) if key is None else key
        self._parts: list[NDArray[np.uint64]] = [] if hashes is None else [hashes]

    def copy(self) -> Ledger:
        """Return an independent copy with the same key."""
        twin = Ledger(self.key)
        twin._parts = list(self._parts)
        return twin

    def hashes(self) -> NDArray[np.uint64]:
        """Return the hashes, sorted, so that they do not tell an order."""
        self._parts = [distinct(*self._parts)] if self._parts else [np.empty(0, np.uint64)]
        return self._parts[0]

    def remember(self, kind: str, names: NDArray[Any]) -> None:
        """Keep hashes of ids, shape (m,), or of edges, shape (m, 2), their ends ascending."""
        if len(names):
            self._parts.append(self._hash(kind, names))

    def knows(self, kind: str, names: NDArray[Any]) -> NDArray[np.bool_]:
        """Tell for each id or edge whether it was removed before."""
        return np.isin(self._hash(kind, names), self.hashes())

    def _hash(self, kind: str, names: NDArray[Any]) -> NDArray[np.uint64]:
        words = self._words(names if names.ndim == 2 else names[:, None])
        out = np.empty(len(words), np.uint64)
        first, second = np.frombuffer(self.key, "<u8")
        _siphash(first, second, np.uint64(KINDS.index(kind) + (words.shape[1] << 8)), words, out)
        return out

    def _words(self, names: NDArray[Any]) -> NDArray[np.uint64]:
        if names.dtype.kind == "i":
            return np.ascontiguousarray(names, np.int64).view(np.uint64)
        texts = names.ravel().tolist()
        digests = [hashlib.blake2b(text.encode(), key=self.key, digest_size=8).digest() for text in texts]
        return np.frombuffer(b"".join(digests), np.uint64).reshape(names.shape)


def fixed_hashes(names: NDArray[Any], purpose: str, seed: int) -> NDArray[np.uint64]:
    """Return 64-bit hashes of ids under a key that configuration alone fixes, for draws that follow a node's id."""
    key = hashlib.blake2b(f"{purpose} {seed}".encode(), digest_size=KEY_BYTES).digest()
    return Ledger(key)._hash("nodes", names)


@nb.njit(cache=True, inline="always")
def _rotate(word, bits):  # type: ignore[no-untyped-def]
    return (word << np.uint64(bits)) | (word >> np.uint64(64 - bits))


@nb.njit(cache=True)
def _rounds(a, b, c, d, count):  # type: ignore[no-untyped-def]
    for _ in range(count):
        a += b
        b = _rotate(b, 13) ^ a
        a = _rotate(a, 32)
        c += d
        d = _rotate(d, 16) ^ c
        a += d
        d = _rotate(d, 21) ^ a
        c += b
        b = _rotate(b, 17) ^ c
        c = _rotate(c, 32)
    return a, b, c, d


@nb.njit(cache=True)
def _siphash(first, second, tag, words, out):  # type: ignore[no-untyped-def]
    """SipHash-2-4 (Aumasson and Bernstein 2012) of each row of words, `tag` taking the place of its last block."""
    for r in range(words.shape[0]):
        a = first ^ np.uint64(0x736F6D6570736575)
        b = second ^ np.uint64(0x646F72616E646F6D)
        c = first ^ np.uint64(0x6C7967656E657261)
        d = second ^ np.uint64(0x7465646279746573)
        for k in range(words.shape[1] + 1):
            word = words[r, k] if k < words.shape[1] else tag
            d ^= word
            a, b, c, d = _rounds(a, b, c, d, 2)
            a ^= word
        c ^= np.uint64(0xFF)
        a, b, c, d = _rounds(a, b, c, d, 4)
        out[r] = a ^ b ^ c ^ d
