"""A sparse sign projection of wide features, fixed by a seed and by nothing in the data."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

COPIES = 4
"""Places each feature is written to; a power of four, so that the scale 1/sqrt(COPIES) is exact."""


def sign_projection(num_features: int, width: int, seed: int) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """Return, for every feature, the columns it is written to and the signed scale of each.

    Feature `j` and copy `t` are hashed (splitmix64) to a column and a sign, so the map of a feature depends on `seed`,
    `width` and `j` alone.

    Returns
    -------
    columns : ndarray of int32, shape (num_features, COPIES)
    scales : ndarray of float64, shape (num_features, COPIES)
        ``+-1/sqrt(COPIES)``.
    """
    counter = np.arange(num_features * COPIES, dtype=np.uint64) + np.uint64(seed * 0x9E3779B97F4A7C15 % 2**64)
    hashed = splitmix64(counter).reshape(num_features, COPIES)
    columns = ((hashed >> np.uint64(1)) % np.uint64(width)).astype(np.int32)
    signs = np.where(hashed & np.uint64(1), 1.0, -1.0)
    return columns, signs / np.sqrt(COPIES)


def splitmix64(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return a hash of each counter (Steele, Lea and Flood 2014): random numbers that no library's version changes."""
    z = values + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
