"""A Cholesky solve in one fixed order of operations: the same bytes on any machine."""

from __future__ import annotations

import numba as nb
import numpy as np
from numpy.typing import NDArray

from oubli.errors import CapacityError


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
    factor = matrix.copy()
    failed = _factor(factor)
    if failed >= 0:
        raise CapacityError(
            f"solve: the system is not positive definite in float64 (column {failed}); raise alpha, "
            "or drop columns that are constant or repeated"
        )
    solution = rhs.copy()
    _substitute(factor, solution)
    return solution


@nb.njit(cache=True)
def _factor(upper):  # type: ignore[no-untyped-def]
    # Row i is finished from the rows above it. Taking four of those at a time saves memory traffic and leaves the order
    # of operations on each element as it is one at a time.
    n = upper.shape[0]
    for i in range(n):
        whole = i // 4 * 4
        for k in range(0, whole, 4):
            a, b, c, d = upper[k, i], upper[k + 1, i], upper[k + 2, i], upper[k + 3, i]
            for j in range(i, n):
                upper[i, j] = (
                    ((upper[i, j] - a * upper[k, j]) - b * upper[k + 1, j]) - c * upper[k + 2, j]
                ) - d * upper[k + 3, j]
        for k in range(whole, i):
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
