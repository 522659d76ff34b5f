"""Ridge on standardised integer rows, its strength chosen by the leave-one-out error in closed form."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oubli.solve.cholesky import FixedOrderFactor
from oubli.solve.products import exact_product, largest, row_squares, to_integers
from oubli.solve.standard import LARGEST_STEP, STEPS, column_squares

WEIGHT_BITS = 26
"""Bits of the weights and of the inverse factor: with rows of 15 bits, sums over 4,096 terms are exact."""

LARGEST_LEVERAGE = 0.999
BLOCK = 128

Solution = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
"""Weights, fitted values less the mean, leverages."""


@dataclass(frozen=True)
class LeaveOneOutRidge:
    """A ridge fit and what it predicts for each of its rows when that row is left out.

    Attributes
    ----------
    alpha : float
    weights : ndarray of float64, shape (columns, classes)
        Of rows in steps of 2**-11, as multiples of a power of two.
    mean : ndarray of float64, shape (classes,)
        Share of each class, the intercept of standardised rows.
    left_out : ndarray of float64, shape (rows, classes)
        Leave-one-out predictions.
    """

    alpha: float
    weights: NDArray[np.float64]
    mean: NDArray[np.float64]
    left_out: NDArray[np.float64]

    @classmethod
    def fit(cls, rows: NDArray[np.float64], targets: NDArray[np.float64], alphas: list[float]) -> LeaveOneOutRidge:
        """Fit ``|targets - mean - rows w|^2 + alpha |w|^2`` at the alpha with the least leave-one-out error.

        Parameters
        ----------
        rows : ndarray of float64, shape (n, columns)
            Integers, in steps of 2**-11.
        targets : ndarray of float64, shape (n, classes)
            Zeros and ones.
        alphas : list of float
            Ascending. From the middle the search climbs down to where neither neighbour has a lower error.
        """
        system = _Dual(rows, targets) if len(rows) < rows.shape[1] else _Primal(rows, targets)
        found: dict[int, tuple[float, LeaveOneOutRidge]] = {}

        def error(at: int) -> float:
            if not 0 <= at < len(alphas):
                return np.inf
            if at not in found:
                fitted = cls._at(alphas[at], targets, system)
                found[at] = float(row_squares((fitted.left_out - targets).reshape(1, -1))[0]), fitted
            return found[at][0]

        at = len(alphas) // 2
        while True:
            step = -1 if error(at - 1) < error(at) else 1 if error(at + 1) < error(at) else 0
            if step == 0:
                return found[at][1]
            at += step

    @classmethod
    def _at(cls, alpha: float, targets: NDArray[np.float64], system: _Primal | _Dual) -> LeaveOneOutRidge:
        weights, fitted, leverage = system.solve(alpha)
        # The mean's own share of each row's leverage is 1/n.
        kept = 1.0 - np.minimum(leverage + 1.0 / len(targets), LARGEST_LEVERAGE)
        left_out = targets - (targets - system.mean - fitted) / kept[:, None]
        return cls(alpha, weights, system.mean, left_out)

    def predict(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return scores of rows that a `Standardiser` has written, shape (rows, classes)."""
        integers, unit = to_integers(self.weights, WEIGHT_BITS)
        scores: NDArray[np.float64] = exact_product(rows, integers, left_largest=LARGEST_STEP) * unit + self.mean
        return scores


class _Primal:
    """``(Z^T Z + alpha I) w = Z^T (Y - mean)``, of as many equations as columns."""

    def __init__(self, rows: NDArray[np.float64], targets: NDArray[np.float64]) -> None:
        self.mean = targets.sum(axis=0) / len(rows)
        self._rows = rows
        # Integers up to here, so that nothing depends on the order of rows or on BLAS.
        self._largest = largest(rows)
        self._gram = exact_product(rows.T, rows, left_largest=self._largest)
        self._moments = exact_product(rows.T, targets) - np.outer(rows.sum(axis=0), self.mean)

    def solve(self, alpha: float) -> Solution:
        factor = FixedOrderFactor(_penalised(self._gram, alpha))
        integers, unit = to_integers(factor.solve(self._moments), WEIGHT_BITS)
        half, half_unit = to_integers(factor.inverse(), WEIGHT_BITS)
        # h_ii = |L^-1 z_i|^2, a few rows of the triangle at a time: none reads columns right of its diagonal.
        leverage = np.zeros(len(self._rows))
        for first in range(0, len(half), BLOCK):
            last = min(first + BLOCK, len(half))
            leverage += row_squares(
                exact_product(self._rows[:, :last], half[first:last, :last].T, left_largest=self._largest)
            )
        leverage *= half_unit * half_unit
        return integers * unit, exact_product(self._rows, integers) * unit, leverage


class _Dual:
    """``(Z Z^T + alpha I) a = Y - mean``, ``w = Z^T a``, of as many equations as rows."""

    def __init__(self, rows: NDArray[np.float64], targets: NDArray[np.float64]) -> None:
        self.mean = targets.sum(axis=0) / len(rows)
        self._rows = rows
        self._gram = exact_product(rows, rows.T)
        self._centred = targets - self.mean

    def solve(self, alpha: float) -> Solution:
        factor = FixedOrderFactor(_penalised(self._gram, alpha))
        integers, unit = to_integers(factor.solve(self._centred), WEIGHT_BITS)
        weights, weight_unit = to_integers(exact_product(self._rows.T, integers) * unit, WEIGHT_BITS)
        # h = 1 - alpha diag (Z Z^T + alpha I)^-1
        inverse = factor.inverse()
        diagonal = column_squares(inverse, np.zeros(len(inverse)))
        fitted = self._centred - integers * (unit * alpha * STEPS * STEPS)
        return weights * weight_unit, fitted, 1.0 - alpha * STEPS * STEPS * diagonal


def _penalised(gram: NDArray[np.float64], alpha: float) -> NDArray[np.float64]:
    system = gram.copy()
    system[np.diag_indices_from(system)] += alpha * STEPS * STEPS
    return system
