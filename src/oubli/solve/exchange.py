"""What rows that change do to a Gram matrix: a pass over its lower half, without what multiplies by nothing."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

ROWS = 256
"""Rows that are exchanged in one pass: they stay in cache."""

TILE = 64


def exchange_rows(lower: NDArray[np.int64], former: NDArray[np.int32], present: NDArray[np.int32]) -> bool:
    """Add ``N^T N - O^T O`` to the lower triangle of `lower`, for rows `O` that have become `N`, exactly.

    With ``D = N - O`` that is ``D^T N + O^T D``. Most entries of `D` are zero where a removal barely reaches.

    Parameters
    ----------
    lower : ndarray of int64, shape (d, d)
        Above the diagonal nothing is read or written.
    former, present : ndarray of int32, shape (rows, d)

    Returns
    -------
    bool
        Whether it was done: values whose products could leave int32 are left to others.
    """
    # A row adds |D| |N| + |O| |D| at most, and |D| <= |N| + |O|.
    room = (2**31 - 1) // max((_largest(former) + _largest(present)) ** 2, 1)
    if room == 0:
        return False
    chunk = min(room, ROWS)
    for first in range(0, len(former), chunk):
        _exchange(lower, former[first : first + chunk], present[first : first + chunk])
    return True


def mirror(matrix: NDArray[np.int64]) -> None:
    """Copy the lower triangle of a square matrix to the upper one."""
    _mirror(matrix)


def _largest(rows: NDArray[np.int32]) -> int:
    return max(int(rows.max(initial=0)), -int(rows.min(initial=0)))


@nb.njit(cache=True)
def _exchange(lower: Any, former: Any, present: Any) -> None:
    count, width = former.shape
    # Present rows, and below them what changed.
    vectors = np.empty((2 * count, width), np.int32)
    vectors[:count] = present
    for r in range(count):
        for j in range(width):
            vectors[count + r, j] = present[r, j] - former[r, j]
    which, factors = np.empty(2 * count, np.int64), np.empty(2 * count, np.int32)
    total = np.empty(width, np.int32)
    for i in range(width):
        terms = 0
        for r in range(count):
            change = vectors[count + r, i]
            if change != 0:
                which[terms], factors[terms] = r, change
                terms += 1
            if former[r, i] != 0:
                which[terms], factors[terms] = count + r, former[r, i]
                terms += 1
        if terms:
            _sum_multiples(total[: i + 1], vectors, which[:terms], factors[:terms])
            for j in range(i + 1):
                lower[i, j] += total[j]


@nb.njit(cache=True)
def _sum_multiples(total: Any, vectors: Any, which: Any, factors: Any) -> None:
    """Write the sum of ``factors[p] * vectors[which[p]]``, four of them at a time."""
    total[:] = 0
    whole = which.size // 4 * 4
    for p in range(0, whole, 4):
        a, b, c, d = factors[p], factors[p + 1], factors[p + 2], factors[p + 3]
        s, t, u, v = vectors[which[p]], vectors[which[p + 1]], vectors[which[p + 2]], vectors[which[p + 3]]
        for j in range(total.size):
            total[j] += a * s[j] + b * t[j] + c * u[j] + d * v[j]
    for p in range(whole, which.size):
        a, s = factors[p], vectors[which[p]]
        for j in range(total.size):
            total[j] += a * s[j]


@nb.njit(cache=True)
def _mirror(matrix: Any) -> None:
    size = matrix.shape[0]
    for top in range(0, size, TILE):
        for left in range(0, top + 1, TILE):
            for i in range(top, min(size, top + TILE)):
                for j in range(left, min(i, left + TILE)):
                    matrix[j, i] = matrix[i, j]
