"""Long integers as balanced digits in base 2**20, multiplied exactly by float64 matrix products."""

from __future__ import annotations

import numba as nb
import numpy as np
from numpy.typing import NDArray

from oubli.errors import CapacityError

BITS = 20
HALF = 1 << (BITS - 1)
MAX_TERMS = 2 ** (53 - 2 * (BITS - 1)) // 2
"""Longest sum of products of two digits that float64 holds exactly, with a factor of two to spare."""


def carry(places: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the same numbers in balanced digits, ``-2**19 <= digit < 2**19``, least significant first.

    The last place keeps what is left over, whatever its size.
    """
    out = places.copy()
    for k in range(len(out) - 1):
        over = (out[k] + HALF) >> BITS
        out[k] -= over << BITS
        out[k + 1] += over
    return out


def integer_digits(values: NDArray[np.int64], count: int) -> NDArray[np.int64]:
    """Write int64 values in `count` balanced digits, least significant first, shape (count, *values.shape)."""
    places = np.zeros((count, *values.shape), np.int64)
    places[0] = values
    return carry(places)


def digits_needed(values: NDArray[np.int64]) -> int:
    """Return how many digits hold all values."""
    largest = max(int(values.max(initial=0)), -int(values.min(initial=0)))
    return max(1, -(-(largest.bit_length() + 1) // BITS))


def float_digits(values: NDArray[np.float64], fraction: int, count: int) -> NDArray[np.int64]:
    """Write floats in digits, `fraction` of them after the point; what is below the last is cut off."""
    places = np.zeros((count, *values.shape), np.int64)
    rest = values.copy()
    for k in range(count - 1, -1, -1):
        weight = 2.0 ** (BITS * (k - fraction))
        digit = np.trunc(rest / weight)
        places[k] = digit.astype(np.int64)
        rest -= digit * weight
    return places


def to_float(places: NDArray[np.int64], fraction: int) -> NDArray[np.float64]:
    """Return the value of digits as float64, `fraction` of them after the point."""
    total = np.zeros(places.shape[1:])
    for k in range(len(places)):
        total += places[k].astype(np.float64) * 2.0 ** (BITS * (k - fraction))
    return total


@nb.njit(cache=True)
def _split(matrix, parts):  # type: ignore[no-untyped-def]
    # As integer_digits does, without a pass over memory for each digit.
    for i in range(matrix.shape[0]):
        for j in range(matrix.shape[1]):
            rest = matrix[i, j]
            for k in range(parts.shape[0] - 1):
                over = (rest + HALF) >> BITS
                parts[k, i, j] = rest - (over << BITS)
                rest = over
            parts[parts.shape[0] - 1, i, j] = rest


class DigitMatrix:
    """An integer matrix that multiplies digit vectors exactly.

    Parameters
    ----------
    matrix : ndarray of int64, shape (rows, columns)

    Raises
    ------
    CapacityError
        When a row is longer than exact float64 sums allow.
    """

    def __init__(self, matrix: NDArray[np.int64]) -> None:
        if max(matrix.shape) > MAX_TERMS:
            raise CapacityError(
                f"solve: {max(matrix.shape)} columns or rows; exact residuals reach {MAX_TERMS}. Use a projection"
            )
        parts = np.empty((digits_needed(matrix), *matrix.shape))
        _split(matrix, parts)
        self.parts = list(parts)

    @classmethod
    def of_one_digit(cls, matrix: NDArray[np.float64]) -> DigitMatrix:
        """Take a matrix of integers up to 2**19 as it is, without a copy."""
        assert max(matrix.shape) <= MAX_TERMS
        made = cls.__new__(cls)
        made.parts = [matrix]
        return made

    def times(self, places: NDArray[np.int64], transpose: bool = False) -> NDArray[np.int64]:
        """Return ``matrix @ x`` (or its transpose) in digits, `x` having shape (digits, columns, m)."""
        length, size, m = places.shape
        # Leading digits are mostly zero, and so are those that refinement has not reached yet.
        used = np.flatnonzero(places.any(axis=(1, 2)))
        side_by_side = places[used].transpose(1, 0, 2).reshape(size, used.size * m).astype(np.float64)
        rows = self.parts[0].shape[1 if transpose else 0]
        out = np.zeros((length + len(self.parts) + 1, rows, m), np.int64)
        for shift, part in enumerate(self.parts):
            product = (part.T if transpose else part) @ side_by_side
            out[used + shift] += product.reshape(rows, used.size, m).transpose(1, 0, 2).astype(np.int64)
        return carry(out)
