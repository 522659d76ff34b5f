"""Logistic regression, each class against the rest: its gradient with a bound on rounding, and Newton steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

CHUNK = 8192
UNIT = 2.0**-53

Matrix = NDArray[np.float64]


@dataclass(frozen=True)
class Summed:
    """The data's share of a gradient, and how far rounding may have led it astray.

    Attributes
    ----------
    gradient : ndarray of float64, shape (columns, classes)
        ``Z^T (sigma(Z W) - Y)``.
    rounding : float
        At least the Frobenius norm of its error.
    """

    gradient: Matrix
    rounding: float


def predict(rows: Matrix, weights: Matrix) -> Matrix:
    """Return ``sigma(Z W)``, shape (n, classes)."""
    out = np.empty((len(rows), weights.shape[1]))
    for first in range(0, len(rows), CHUNK):
        part = slice(first, first + CHUNK)
        expit(rows[part] @ weights, out=out[part])
    return out


def sum_gradient(rows: Matrix, targets: NDArray[np.int64], predicted: Matrix, weight_length: float) -> Summed:
    """Return the gradient that rows bring to the sum of the losses of all classes.

    Parameters
    ----------
    rows : ndarray of float64, shape (n, columns)
    targets : ndarray of int64, shape (n,)
        The class of each row, as a column of `predicted`; -1 for one that is in none of them.
    predicted : ndarray of float64, shape (n, classes)
        What `predict` returned.
    weight_length : float
        Frobenius norm of the weights it was given.

    Notes
    -----
    The bound: an entry sums `n` products, with an error of ``(n + 2) u sum |z| |s|``, by Cauchy and Schwarz at most
    ``(n + 2) u |z_j| |s_c|``. A score is off by ``(columns + 2) u |z_i| |w_c|`` and its sigmoid by a quarter of that
    and a few units. Frobenius norms of all of it, doubled (docs/proofs/certified-removal).
    """
    total = np.zeros((rows.shape[1], predicted.shape[1]))
    squares = np.zeros(2)
    for first in range(0, len(rows), CHUNK):
        part = slice(first, first + CHUNK)
        pulls = predicted[part].copy()
        labelled = np.flatnonzero(targets[part] >= 0)
        pulls[labelled, targets[part][labelled]] -= 1.0
        total += rows[part].T @ pulls
        squares += (np.vdot(rows[part], rows[part]), np.vdot(pulls, pulls))
    length, pull = np.sqrt(squares)
    count, columns = rows.shape
    score = (columns + 2) / 4 * length * weight_length + 8 * np.sqrt(max(count, 1) * predicted.shape[1])
    # The sums of chunks are summed in turn, which an error of n units covers.
    return Summed(total, float(2 * UNIT * length * ((count + 2) * pull + score)))


class Curvature:
    """The Hessian of the loss at some weights.

    Parameters
    ----------
    rows : ndarray of float64 or float32, shape (n, columns)
        Products are taken in their precision, whatever that of the vectors.
    predicted : ndarray of float64, shape (n, classes)
        What `predict` returned.
    strength : float
        Of the penalty on the weights, `n` times the share of one row.
    """

    def __init__(self, rows: NDArray[Any], predicted: Matrix, strength: float) -> None:
        self._rows, self._strength = rows, strength
        self._curves = (predicted * (1.0 - predicted)).astype(rows.dtype, copy=False)

    def times(self, direction: Matrix) -> Matrix:
        """Return the Hessian times a direction, each class with its own."""
        images = self._rows @ direction.astype(self._rows.dtype, copy=False)
        images *= self._curves
        out: Matrix = (self._rows.T @ images).astype(np.float64, copy=False)
        out += self._strength * direction
        return out

    def solve(self, vector: Matrix, tolerance: float, most: int) -> tuple[Matrix, int]:
        """Return the inverse Hessian times a vector, and how many steps of conjugate gradients it took.

        Without a preconditioner: the penalty keeps the spectrum short. Two to seven steps left a fiftieth of the vector
        on Cora, Photo and arxiv; a factorised Gram matrix saved some. That took 2.6 to 3.4 times the time on
        Photo, whose columns are many, and 15 to 38 % less on arxiv.

        Parameters
        ----------
        vector : ndarray of float64, shape (columns, classes)
        tolerance : float
            Norm of the rest, over all classes, at which to stop.
        most : int
            Steps after which to stop in any case.
        """
        solution, rest = np.zeros_like(vector), vector.copy()
        direction, fit = rest.copy(), np.einsum("ij,ij->j", rest, rest)
        for step in range(most):
            if float(np.sqrt(fit.sum())) <= tolerance:
                return solution, step
            image = self.times(direction)
            length = _quotient(fit, np.einsum("ij,ij->j", direction, image))
            solution += length * direction
            rest -= length * image
            following = np.einsum("ij,ij->j", rest, rest)
            direction = rest + _quotient(following, fit) * direction
            fit = following
        return solution, most


def _quotient(numerator: Any, denominator: Any) -> Any:
    # A class that is solved has nothing left of either.
    return np.divide(numerator, denominator, out=np.zeros_like(numerator), where=denominator > 0)
