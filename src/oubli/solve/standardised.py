"""Ridge on standardised columns from exact statistics, without touching a row."""

from __future__ import annotations

import numba as nb
import numpy as np
from numpy.typing import NDArray

from oubli.errors import CapacityError, InputError
from oubli.solve.gram import ExactGram
from oubli.solve.products import ordered_product
from oubli.solve.rounded import rounded_solve
from oubli.solve.systems import EquilibratedSystem

ROOM = 2**62
TILE = 64


class PenalisedSystem(EquilibratedSystem):
    """The system ``(A + diag(p)) x = b`` of integers, `A` positive semidefinite and every penalty positive.

    Parameters
    ----------
    matrix : ndarray of int64, shape (d, d)
        `A`; the penalties are added in place.
    rhs : ndarray of int64, shape (d, classes)
    penalties : ndarray of int64, shape (d,)
    """

    def __init__(self, matrix: NDArray[np.int64], rhs: NDArray[np.int64], penalties: NDArray[np.int64]) -> None:
        self._roots = np.sqrt(penalties.astype(np.float64))
        matrix[np.diag_indices_from(matrix)] += penalties
        super().__init__(matrix, rhs)

    def error_bound(self, residual: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return ``|P^(-1/2) r| / sqrt(p_i)``: the system is at least `P`, so its inverse is at most that of `P`."""
        length = np.sqrt(((residual / self._roots[:, None]) ** 2).sum(axis=0))
        bound: NDArray[np.float64] = length[None, :] / self._roots[:, None]
        return bound


def standardised_weights(gram: ExactGram, alpha: float) -> NDArray[np.float64]:
    """Return ridge weights of the classes that occur, shape (columns + 1, classes), the intercept last.

    One-hot targets, squared error, and the penalty `alpha` that ridge would have on columns divided by their deviation:
    ``(n G - s s^T + (alpha / n) diag(n G - s s^T)) W = n R - s r``. Each weight is correctly rounded; a column that is
    constant has none.

    Parameters
    ----------
    gram : ExactGram
        Of one group, with a constant column of ones.
    alpha : float

    Raises
    ------
    CapacityError
        When a number leaves int64, or the system cannot be solved to the last bit.
    InputError
        When `alpha` is too large for exact sums.
    """
    present = np.flatnonzero(gram.counts)
    products, counts = gram.lower, gram.counts[present]
    size, totals = int(products[-1, -1]), products[-1, :-1]
    # By Cauchy and Schwarz no entry, and no part of one, exceeds the largest of the diagonal.
    if size * int(products.diagonal().max()) >= ROOM:
        raise CapacityError("solve: products of sums leave int64; there are too many training nodes for this head")
    matrix = np.empty((totals.size, totals.size), np.int64)
    _centre(products, matrix)
    rhs = size * gram.sums[present, :-1].T - np.outer(totals, counts)
    spread = matrix.diagonal().copy()
    wanted = np.maximum(np.rint(spread * (alpha / size)), 1.0)
    if wanted.max(initial=0.0) >= ROOM:
        raise InputError(f"alpha: {alpha} is too large for exact sums here; lower it")
    # Of two classes the right-hand sides, and with them the weights, are each other's negatives.
    several = rhs if present.size != 2 else rhs[:, 1:]
    weights = rounded_solve(PenalisedSystem(matrix, np.ascontiguousarray(several), wanted.astype(np.int64)))
    if present.size == 2:
        weights = np.hstack([0.0 - weights, weights])
    intercept = (counts - ordered_product(totals[None, :].astype(np.float64), weights)) / size
    return np.vstack([weights, intercept])


@nb.njit(cache=True)
def _centre(lower, out):  # type: ignore[no-untyped-def]
    # One pass, without the products of columns and of sums as matrices of their own; by tiles, so that writing across
    # stays in cache.
    last = out.shape[0]
    size = lower[last, last]
    for top in range(0, last, TILE):
        for left in range(0, top + 1, TILE):
            for i in range(top, min(last, top + TILE)):
                for j in range(left, min(i + 1, left + TILE)):
                    out[i, j] = size * lower[i, j] - lower[last, i] * lower[last, j]
            for j in range(left, min(last, left + TILE)):
                for i in range(max(top, j + 1), min(last, top + TILE)):
                    out[j, i] = out[i, j]
