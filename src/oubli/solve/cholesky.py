"""A Cholesky solve in one fixed order of operations: the same bytes on any machine."""

from __future__ import annotations

import numba as nb
import numpy as np
from numpy.typing import NDArray

from oubli.errors import CapacityError
from oubli.propagation.threads import TwoWay

BLOCK = 64
STRIP = 512
"""Columns of a block that stay in the second-level cache."""


def fixed_order_solve(matrix: NDArray[np.float64], rhs: NDArray[np.float64]) -> NDArray[np.float64]:
    """Solve ``matrix @ x = rhs`` for a symmetric positive definite matrix.

    Every element goes through the same additions and multiplications in the same order whatever the vector width,
    thread count or BLAS: inner loops run over independent elements, never over a sum.

    Parameters
    ----------
    matrix : ndarray of float64, shape (n, n)
    rhs : ndarray of float64, shape (n, m)

    Returns
    -------
    ndarray of float64, shape (n, m)

    Raises
    ------
    CapacityError
        When the matrix is not positive definite in float64.
    """
    return FixedOrderFactor(matrix).solve(rhs)


class FixedOrderFactor:
    """A Cholesky factor in the fixed order, for several uses.

    Parameters
    ----------
    matrix : ndarray of float64, shape (n, n)
        Symmetric positive definite.

    Raises
    ------
    CapacityError
        When the matrix is not positive definite in float64.
    """

    def __init__(self, matrix: NDArray[np.float64]) -> None:
        self._upper = matrix.copy()
        failed = _factor(self._upper)
        if failed >= 0:
            raise CapacityError(
                f"solve: the system is not positive definite in float64 (column {failed}); raise alpha, "
                "or drop columns that are constant or repeated"
            )

    def solve(self, rhs: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the solution of the system, shape as `rhs`."""
        solution = rhs.copy()
        _substitute(self._upper, solution)
        return solution

    def inverse(self) -> NDArray[np.float64]:
        """Return the inverse of the lower triangular factor ``L`` of ``matrix = L L^T``, shape (n, n)."""
        out = np.zeros_like(self._upper)
        _invert(self._upper.T.copy(), out)
        return out


def _factor(upper: NDArray[np.float64]) -> int:
    """Overwrite the upper triangle by the factor; return the column where that fails, or -1."""
    n = len(upper)
    for first in range(0, n, BLOCK):
        last = min(n, first + BLOCK)
        failed = _factor_rows(upper, first, last)
        if failed >= 0:
            return int(failed)
        _subtract_block((n - last) * (n - last) * BLOCK, upper, first, last)
    return -1


@nb.njit(cache=True)
def _factor_rows(upper, first, last):  # type: ignore[no-untyped-def]
    # What rows before `first` subtract has been subtracted already.
    n = upper.shape[0]
    for i in range(first, last):
        for k in range(first, i):
            a = upper[k, i]
            for j in range(i, n):
                upper[i, j] -= a * upper[k, j]
        pivot = upper[i, i]
        if not pivot > 0.0:
            return i
        pivot = np.sqrt(pivot)
        for j in range(i, n):
            upper[i, j] /= pivot
    return -1


@TwoWay
def _subtract_block(upper, first, last):  # type: ignore[no-untyped-def]
    # Four rows by four terms at a time and a strip of columns that stays in cache; the order of operations on each
    # element is as it is one term at a time.
    n = upper.shape[0]
    tiles = (n - last + 3) // 4
    for tile in nb.prange(tiles):
        i = last + 4 * tile
        rows = min(4, n - i)
        for left in range(i, n, STRIP):
            right = min(n, left + STRIP)
            if rows < 4:
                for q in range(rows):
                    for k in range(first, last):
                        a = upper[k, i + q]
                        for j in range(left, right):
                            upper[i + q, j] -= a * upper[k, j]
                continue
            whole = first + (last - first) // 4 * 4
            for k in range(first, whole, 4):
                for q in range(0, 4, 2):
                    a, b, c, d = upper[k, i + q], upper[k + 1, i + q], upper[k + 2, i + q], upper[k + 3, i + q]
                    e, f, g, h = (
                        upper[k, i + q + 1],
                        upper[k + 1, i + q + 1],
                        upper[k + 2, i + q + 1],
                        upper[k + 3, i + q + 1],
                    )
                    for j in range(left, right):
                        s, t, u, v = upper[k, j], upper[k + 1, j], upper[k + 2, j], upper[k + 3, j]
                        upper[i + q, j] = (((upper[i + q, j] - a * s) - b * t) - c * u) - d * v
                        upper[i + q + 1, j] = (((upper[i + q + 1, j] - e * s) - f * t) - g * u) - h * v
            for k in range(whole, last):
                for q in range(4):
                    a = upper[k, i + q]
                    for j in range(left, right):
                        upper[i + q, j] -= a * upper[k, j]


@nb.njit(cache=True)
def _invert(lower, out):  # type: ignore[no-untyped-def]
    # Row i of the inverse, from the rows above it; those have nothing right of their diagonal.
    n = lower.shape[0]
    for i in range(n):
        for k in range(i):
            a = lower[i, k]
            for j in range(k + 1):
                out[i, j] -= a * out[k, j]
        out[i, i] = 1.0
        for j in range(i + 1):
            out[i, j] /= lower[i, i]


@nb.njit(cache=True)
def _substitute(upper, solution):  # type: ignore[no-untyped-def]
    n, m = solution.shape
    lower = upper.T.copy()
    for i in range(n):
        _subtract(lower[i], 0, i, solution, i)
        for c in range(m):
            solution[i, c] /= upper[i, i]
    for i in range(n - 1, -1, -1):
        _subtract(upper[i], i + 1, n, solution, i)
        for c in range(m):
            solution[i, c] /= upper[i, i]


@nb.njit(cache=True)
def _subtract(factors, first, last, rows, i):  # type: ignore[no-untyped-def]
    """Take ``factors[k] * rows[k]`` from ``rows[i]`` for every `k` in turn, four at a time in the same order."""
    m = rows.shape[1]
    whole = first + (last - first) // 4 * 4
    for k in range(first, whole, 4):
        a, b, c, d = factors[k], factors[k + 1], factors[k + 2], factors[k + 3]
        for j in range(m):
            rows[i, j] = (((rows[i, j] - a * rows[k, j]) - b * rows[k + 1, j]) - c * rows[k + 2, j]) - d * rows[
                k + 3, j
            ]
    for k in range(whole, last):
        a = factors[k]
        for j in range(m):
            rows[i, j] -= a * rows[k, j]
