"""Random integers that no library's version changes: hashes of a counter under a seed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oubli.propagation.projection import splitmix64

BELL_WORDS = 4
"""Hashes that one draw of `bell` takes."""


def hashes(size: int, seed: int, purpose: int) -> NDArray[np.uint64]:
    """Return the hashes of ``0 .. size - 1`` under a seed, others for every purpose."""
    key = splitmix64(np.array([seed], np.uint64))[0] ^ np.uint64(purpose)
    return splitmix64(splitmix64(np.arange(size, dtype=np.uint64)) ^ splitmix64(np.array([key], np.uint64)))


def bell(words: NDArray[np.uint64]) -> NDArray[np.int32]:
    """Return integers near a normal distribution of deviation 8: the ones among 256 random bits, less 128."""
    bits = np.unpackbits(words.astype("<u8").view(np.uint8).reshape(-1, 8 * BELL_WORDS), axis=1)
    centred: NDArray[np.int32] = bits.sum(axis=1, dtype=np.int32) - np.int32(32 * BELL_WORDS)
    return centred
