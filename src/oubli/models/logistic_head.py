"""The head of a certified model: its training rows, its weights, and the gradient that they leave, kept up to date."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oubli.solve.logistic import UNIT, Curvature, Summed, predict, sum_gradient

INNER_STEPS = 64
"""Conjugate gradients a Newton step takes at most."""

LOOSE = 1e-4
"""Share of a gradient that a step may leave of the linear system: a step costs more than conjugate gradients do."""

HALVINGS = 30

Matrix = NDArray[np.float64]


class LogisticHead:
    """Weights of a perturbed logistic loss, each class against the rest, and a bound on the gradient at them.

    The loss is ``sum_i sum_c l(y_ic z_i w_c) + strength / 2 |w|^2 + <noise, w>`` with ``strength = alpha n``. A row
    that changes or goes is taken out of the gradient and put back as it is now, at the weights in force, so that the
    residual is known at the cost of the change; rounding is bounded and counted.

    Parameters
    ----------
    slots : ndarray of int64, shape (n,)
        Of the training nodes, ascending.
    rows : ndarray of float64, shape (n, columns)
    targets : ndarray of int64, shape (n,)
        Column of the weights that stands for the class of a row, -1 for none.
    num_columns : int
        Columns of the weights: one a class, or one for two.
    alpha : float

    Attributes
    ----------
    weights, noise : ndarray of float64, shape (columns, classes)
    count : int
        Rows that train.
    """

    def __init__(
        self, slots: NDArray[np.int64], rows: Matrix, targets: NDArray[np.int64], num_columns: int, alpha: float
    ) -> None:
        self._slots, self._rows, self._targets, self._alpha = slots, rows, targets, alpha
        self.count = len(rows)
        self.noise, self.weights = (np.zeros((rows.shape[1], num_columns)) for _ in range(2))
        self._move_to(self.weights)

    @property
    def strength(self) -> float:
        """Of the penalty: the loss curves at least this much in every direction."""
        return self._alpha * self.count

    @property
    def gradient(self) -> Matrix:
        """Of the whole loss at the weights, shape (columns, classes)."""
        out: Matrix = self._sum.gradient + self.strength * self.weights + self.noise
        return out

    def residual(self) -> float:
        """Return at least the Frobenius norm of the gradient, whatever rounding did."""
        terms = np.linalg.norm(self._sum.gradient), self.strength * np.linalg.norm(self.weights)
        rounding = 8 * UNIT * float(sum(terms) + np.linalg.norm(self.noise))
        norm = float(np.linalg.norm(self.gradient))
        return float((norm + self._sum.rounding + rounding) * (1.0 + self.weights.size * UNIT))

    def embedding_error(self, bounds: NDArray[np.float64]) -> float:
        """Return how much the gradient's norm may differ on exact rows, given column-wise bounds on their error.

        ``|E^T s| + |Z^T (s' - s)| <= sqrt(classes) |rho| + |Z| |E W| / 4`` with ``|E W_c| <= sum_j |w_jc| rho_j``: no
        pull exceeds 1, nor the sigmoid's slope 1/4 (docs/proofs/certified-removal). Lengths are Frobenius norms.
        """
        if not bounds.any():
            return 0.0
        columns = self.weights.shape[1]
        length = np.sqrt(self._squares)
        moved = float(np.linalg.norm(np.abs(self.weights).T @ bounds))
        return float((np.sqrt(columns) * float(np.linalg.norm(bounds)) + length * moved / 4) * (1.0 + 1e-12))

    def replace(self, slots: NDArray[np.int64], rows: Matrix) -> None:
        """Put other rows in the places of those of `slots`."""
        places = np.searchsorted(self._slots, slots)
        if 2 * places.size > len(self._slots):
            # Taken afresh, the sum costs less than taking out and putting in, and forgets the rounding so far.
            self._rows[places] = rows
            self._move_to(self.weights)
            return
        self._take_out(places)
        self._rows[places] = rows
        self._put_in(places, rows)

    def drop(self, slots: NDArray[np.int64]) -> None:
        """Take the rows of `slots` out for good; their places hold zeros, which pull at nothing."""
        places = np.searchsorted(self._slots, slots)
        self._take_out(places)
        self._rows[places], self._targets[places] = 0.0, -1
        self.count -= places.size

    def resume(self, weights: Matrix, noise: Matrix) -> None:
        """Take over weights and noise that were saved."""
        self.noise = noise
        self._move_to(weights)

    def newton_step(self, goal: float) -> bool:
        """Move the weights by one step of Newton's method; tell whether that shortened the gradient.

        Parameters
        ----------
        goal : float
            Length that the gradient need not fall below.
        """
        gradient, weights = self.gradient, self.weights
        length = float(np.linalg.norm(gradient))
        # Half the memory to go through, and any step will do: what is certified is the gradient after it.
        curvature = Curvature(self._rows.astype(np.float32), self._predicted, self.strength)
        direction, _ = curvature.solve(gradient, max(goal / 2, LOOSE * length), INNER_STEPS)
        for halvings in range(HALVINGS):
            self._move_to(weights - 0.5**halvings * direction)
            if np.linalg.norm(self.gradient) < length:
                return True
        self._move_to(weights)
        return False

    def _move_to(self, weights: Matrix) -> None:
        self.weights = weights
        # At least the sum of squares, also when what is taken out again was most of it.
        self._squares = float(np.vdot(self._rows, self._rows)) * (1.0 + (self._rows.size + 4) * UNIT)
        self._predicted = predict(self._rows, weights)
        self._sum = sum_gradient(self._rows, self._targets, self._predicted, float(np.linalg.norm(weights)))

    def _take_out(self, places: NDArray[np.int64]) -> None:
        self._add(self._rows[places], self._targets[places], self._predicted[places], -1.0)

    def _put_in(self, places: NDArray[np.int64], rows: Matrix) -> None:
        predicted = predict(rows, self.weights)
        self._predicted[places] = predicted
        self._add(rows, self._targets[places], predicted, 1.0)

    def _add(self, rows: Matrix, targets: NDArray[np.int64], predicted: Matrix, sign: float) -> None:
        length = float(np.linalg.norm(self.weights))
        part = sum_gradient(rows, targets, predicted, length)
        squares = float(np.vdot(rows, rows))
        self._squares += sign * squares + (rows.size + 4) * UNIT * (squares + self._squares)
        total = self._sum.gradient + sign * part.gradient
        rounding = self._sum.rounding + part.rounding + 2 * UNIT * float(np.linalg.norm(total))
        self._sum = Summed(total, rounding)
