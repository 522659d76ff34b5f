"""An integer matrix times long integers, exactly, without writing the matrix in digits first."""

from __future__ import annotations

import numba as nb
import numpy as np
from numpy.typing import NDArray

from oubli.solve.digits import BITS, MAX_TERMS, DigitMatrix, carry

EXACT_BITS = 52
"""Sums of products stay below this, in any order: one bit to spare for a leading digit."""


class HalvedMatrix:
    """An integer matrix that multiplies digit vectors exactly, its entries halved as they are read.

    An entry is ``low + high * 2**b``, both of `b` bits at most, balanced. As many of their products with digits are
    summed in float64 as it holds exactly, and these sums in int64.

    Parameters
    ----------
    matrix : ndarray of int64, shape (rows, columns)
        Kept, not copied.
    largest : int
        Not below any entry in size.
    """

    def __init__(self, matrix: NDArray[np.int64], largest: int) -> None:
        self._matrix = matrix
        self._bits = _half_bits(largest)

    def times(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return ``matrix @ x`` in digits, `x` having shape (digits, columns, m)."""
        length, size, m = places.shape
        # Leading digits are mostly zero, and so are those that refinement has not reached yet.
        used = np.flatnonzero(places.any(axis=(1, 2)))
        vectors = places[used].transpose(0, 2, 1).reshape(used.size * m, size).astype(np.float64)
        rows, (whole, rest) = len(self._matrix), divmod(self._bits, BITS)
        out = np.zeros((length + whole + 3, rows, m), np.int64)
        if used.size == 0:
            return out
        sums = np.empty((2, used.size * m, rows), np.int64)
        _multiply(self._matrix, vectors, self._bits, _run(self._bits), sums)
        low, high = sums.reshape(2, used.size, m, rows).transpose(0, 1, 3, 2)
        out[used] += low
        # Shifted in two parts, which int64 holds.
        above = high >> BITS
        out[used + whole] += (high - (above << BITS)) << rest
        out[used + whole + 1] += above << rest
        return carry(out)


def exact_matrix(matrix: NDArray[np.int64], largest: int) -> HalvedMatrix | DigitMatrix:
    """Return what multiplies by the matrix exactly: halves, unless their sums could leave int64."""
    fits = max(matrix.shape) << (_half_bits(largest) + BITS - 2) < 2**62 and max(matrix.shape) <= MAX_TERMS
    return HalvedMatrix(matrix, largest) if fits else DigitMatrix(matrix)


def _half_bits(largest: int) -> int:
    return (largest.bit_length() + 3) // 2


def _run(bits: int) -> int:
    """Return of how many products of a half and a digit float64 holds the sum."""
    return 1 << (EXACT_BITS - (bits - 1) - (BITS - 1))


# On one thread: it is quick beside the factor, and a forked process, which has no thread pool, solves as well.
@nb.njit(cache=True)
def _multiply(matrix, vectors, bits, run, sums):  # type: ignore[no-untyped-def]
    size, count = matrix.shape[1], len(vectors)
    for i in range(len(matrix)):
        low, high = np.empty(size), np.empty(size)
        for j in range(size):
            over = (matrix[i, j] + (1 << (bits - 1))) >> bits
            low[j], high[j] = matrix[i, j] - (over << bits), over
        sums[:, :, i] = 0
        for first in range(0, size, run):
            some, more = low[first : first + run], high[first : first + run]
            for c in range(0, count - 1, 2):
                p, q, s, t = _four_sums(some, more, vectors[c, first:], vectors[c + 1, first:])
                sums[0, c, i] += np.int64(p)
                sums[1, c, i] += np.int64(q)
                sums[0, c + 1, i] += np.int64(s)
                sums[1, c + 1, i] += np.int64(t)
            if count % 2:
                p, q, _, _ = _four_sums(some, more, vectors[count - 1, first:], vectors[count - 1, first:])
                sums[0, count - 1, i] += np.int64(p)
                sums[1, count - 1, i] += np.int64(q)


# Exact sums may be taken in any order, which lets the compiler take several terms at a time.
@nb.njit(cache=True, fastmath={"reassoc", "contract", "nsz"})
def _four_sums(low, high, one, other):  # type: ignore[no-untyped-def]
    p, q, s, t = 0.0, 0.0, 0.0, 0.0
    for j in range(low.size):
        p += low[j] * one[j]
        q += high[j] * one[j]
        s += low[j] * other[j]
        t += high[j] * other[j]
    return p, q, s, t
