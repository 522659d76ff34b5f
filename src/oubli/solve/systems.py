"""Ridge systems over integers, which the rounded solve asks for exact products and approximate solutions.

Both stand for ``(Z^T diag(w) Z + alpha J) x = b`` with integer `Z` (its last column constant), `w`, `alpha` and `b`,
`J` being the identity but for a zero at the constant column: the intercept is not penalised.
"""

from __future__ import annotations

from typing import Any, Protocol

import numba as nb
import numpy as np
import scipy.linalg as sl
from numpy.typing import NDArray

from oubli.errors import CapacityError
from oubli.solve.digits import DigitMatrix, carry, integer_digits
from oubli.solve.halves import exact_matrix


class RidgeSystem(Protocol):
    """What the rounded solve needs of a system."""

    rhs: NDArray[np.int64]

    def product(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the matrix times digits, in digits, exactly."""

    def solve_roughly(self, residual: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return an approximate solution for a float right-hand side."""

    def error_bound(self, residual: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return a bound of each entry's error, given what a solution leaves of the right-hand side."""


def _factorise(matrix: NDArray[np.float64]) -> Any:
    """Return LAPACK's Cholesky factor, for approximate solutions; `matrix` is overwritten.

    Nothing below its diagonal is read.

    Raises
    ------
    CapacityError
        When the matrix is not positive definite in float64.
    """
    try:
        # Symmetric, so its transpose is the same matrix, in the order LAPACK takes without a copy.
        return sl.cho_factor(matrix.T, lower=True, overwrite_a=True, check_finite=False)
    except sl.LinAlgError:
        raise CapacityError(
            "solve: the system is not positive definite in float64; raise alpha, or drop columns that are repeated"
        ) from None


@nb.njit(cache=True)
def _scale_upper(matrix, scale, out):  # type: ignore[no-untyped-def]
    for i in range(len(matrix)):
        for j in range(i, len(matrix)):
            out[i, j] = matrix[i, j] * scale[i] * scale[j]


def _bound_with_intercept(
    alpha: int, constant_column: NDArray[np.float64], residual: NDArray[np.float64]
) -> NDArray[np.float64]:
    # The constant column is eliminated first: what is left has no eigenvalue below alpha.
    column = constant_column[:-1]
    mass = constant_column[-1]
    along = np.outer(column / mass, residual[-1])
    # The difference may cancel: what its own rounding can hide is added.
    reduced = np.abs(residual[:-1] - along) + 2.0**-50 * (np.abs(residual[:-1]) + np.abs(along))
    inner = np.sqrt((reduced**2).sum(axis=0)) / alpha
    intercept = (np.abs(residual[-1]) + np.sqrt((column**2).sum()) * inner) / mass
    bound = np.empty_like(residual)
    bound[:-1], bound[-1] = inner, intercept
    return bound


class EquilibratedSystem:
    """A positive definite integer matrix, penalties included, that LAPACK solves roughly after scaling.

    Parameters
    ----------
    matrix : ndarray of int64, shape (d, d)
    rhs : ndarray of int64, shape (d, classes)
    """

    def __init__(self, matrix: NDArray[np.int64], rhs: NDArray[np.int64]) -> None:
        self.rhs = rhs
        # No entry of a positive definite matrix is larger than all of its diagonal.
        self._exact = exact_matrix(matrix, int(matrix.diagonal().max(initial=0)))
        # Equilibrated, the factorisation keeps its accuracy when columns differ in size.
        self._scale = 1.0 / np.sqrt(np.maximum(matrix.diagonal().astype(np.float64), 1.0))
        floats = np.empty(matrix.shape)
        _scale_upper(matrix, self._scale, floats)
        self._factor = _factorise(floats)

    def product(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the matrix times digits, in digits, exactly."""
        return self._exact.times(places)

    def solve_roughly(self, residual: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return an approximate solution, by Cholesky in float64."""
        scaled = self._scale[:, None] * residual
        solution: NDArray[np.float64] = self._scale[:, None] * sl.cho_solve(self._factor, scaled, check_finite=False)
        return solution


class GramSystem(EquilibratedSystem):
    """The primal system: the matrix itself, penalties included.

    Parameters
    ----------
    matrix : ndarray of int64, shape (d, d)
        ``Z^T diag(w) Z``, without penalty.
    rhs : ndarray of int64, shape (d, classes)
    alpha : int
    """

    def __init__(self, matrix: NDArray[np.int64], rhs: NDArray[np.int64], alpha: int) -> None:
        self.alpha = alpha
        penalised = matrix.copy()
        inner = np.arange(len(matrix) - 1)
        penalised[inner, inner] += alpha
        self.constant_column = matrix[:, -1].astype(np.float64)
        super().__init__(penalised, rhs)

    def error_bound(self, residual: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return a bound of each entry's error."""
        return _bound_with_intercept(self.alpha, self.constant_column, residual)


class RowSystem:
    """The same system kept as its rows, for more columns than rows; solved in the dual form.

    Parameters
    ----------
    rows : ndarray of int64, shape (n, d)
        `Z`, its last column constant.
    weights : ndarray of int64, shape (n,)
    rhs : ndarray of int64, shape (d, classes)
    alpha : int
    """

    def __init__(self, rows: NDArray[np.int64], weights: NDArray[np.int64], rhs: NDArray[np.int64], alpha: int) -> None:
        self.alpha, self.rhs = alpha, rhs
        self._exact = DigitMatrix(rows)
        self._weights = weights
        self.constant_column = (rows * weights[:, None]).sum(axis=0).astype(np.float64) * float(rows[0, -1])
        self._root = np.sqrt(weights.astype(np.float64))
        self._inner = rows[:, :-1].astype(np.float64) * self._root[:, None]
        self._constant = float(rows[0, -1])
        kernel = self._inner @ self._inner.T
        kernel[np.diag_indices_from(kernel)] += alpha
        self._factor = _factorise(kernel)
        self._ones = sl.cho_solve(self._factor, self._root, check_finite=False)

    def product(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the matrix times digits, in digits, exactly, without forming the matrix."""
        weighted = carry(self._exact.times(places) * self._weights[None, :, None])
        out = self._exact.times(carry(np.concatenate([weighted, np.zeros_like(weighted[:3])])), transpose=True)
        penalty = integer_digits(np.array([self.alpha]), 4)[:, 0]
        for shift, digit in enumerate(penalty.tolist()):
            out[shift : shift + len(places), :-1] += digit * places[:, :-1]
        return carry(out)

    def solve_roughly(self, residual: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return an approximate solution by the Woodbury identity, the intercept by its Schur complement."""
        inner, last = residual[:-1], residual[-1]
        shift = self._constant
        along = shift * (self._ones @ (self._inner @ inner))
        schur = shift * shift * self.alpha * (self._root @ self._ones)
        intercept = (last - along) / schur
        corrected = inner - shift * (self._inner.T @ self._root)[:, None] * intercept[None, :]
        dual = sl.cho_solve(self._factor, self._inner @ corrected, check_finite=False)
        return np.vstack([(corrected - self._inner.T @ dual) / self.alpha, intercept[None, :]])

    def error_bound(self, residual: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return a bound of each entry's error."""
        return _bound_with_intercept(self.alpha, self.constant_column, residual)
