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


def sum_gradient(rows: Matrix, targets: NDArray[np.int64], weights: Matrix) -> Summed:
    """Return the gradient that rows bring to the sum of the losses of all classes.

    Parameters
    ----------
    rows : ndarray of float64, shape (n, columns)
    targets : ndarray of int64, shape (n,)
        The class of each row, as a column of `weights`; -1 for one that is in none of them.
    weights : ndarray of float64, shape (columns, classes)

    Notes
    -----
    The bound: an entry sums `n` products, with an error of ``(n + 2) u sum |z| |s|``, by Cauchy and Schwarz at most
    ``(n + 2) u |z_j| |s_c|``. A score is off by ``(columns + 2) u |z_i| |w_c|`` and its sigmoid by a quarter of that
    and a few units. Frobenius norms of all of it, doubled (docs/proofs/certified-removal).
    """
    total = np.zeros(weights.shape)
    squares = np.zeros(2)
    for first in range(0, len(rows), CHUNK):
        part = rows[first : first + CHUNK]
        pulls = _pulls(part, targets[first : first + CHUNK], weights)
        total += part.T @ pulls
        squares += (np.vdot(part, part), np.vdot(pulls, pulls))
    length, pull = np.sqrt(squares)
    count, columns = rows.shape
    score = (columns + 2) / 4 * length * float(np.linalg.norm(weights)) + 8 * np.sqrt(max(count, 1) * weights.shape[1])
    # The sums of chunks are summed in turn, which an error of n units covers.
    return Summed(total, float(2 * UNIT * length * ((count + 2) * pull + score)))


def _pulls(rows: Matrix, targets: NDArray[np.int64], weights: Matrix) -> Matrix:
    """Return ``sigma(Z W) - Y``."""
    pulls: Matrix = expit(rows @ weights)
    labelled = np.flatnonzero(targets >= 0)
    pulls[labelled, targets[labelled]] -= 1.0
    return pulls


class Curvature:
    """The Hessian of the loss at some weights.

    Parameters
    ----------
    rows : ndarray of float64, shape (n, columns)
    weights : ndarray of float64, shape (columns, classes)
    strength : float
        Of the penalty on the weights, `n` times the share of one row.
    """

    def __init__(self, rows: Matrix, weights: Matrix, strength: float) -> None:
        self._rows, self._strength = rows, strength
        sigmoid: Matrix = expit(rows @ weights)
        self._curves = sigmoid * (1.0 - sigmoid)

    def times(self, direction: Matrix) -> Matrix:
        """Return the Hessian times a direction, each class with its own."""
        out: Matrix = self._rows.T @ (self._curves * (self._rows @ direction)) + self._strength * direction
        return out

    def solve(self, vector: Matrix, tolerance: float, most: int) -> tuple[Matrix, int]:
        """Return the inverse Hessian times a vector, and how many steps of conjugate gradients it took.

        Without a preconditioner: the penalty keeps the spectrum short, and a few steps do (two to five on the graphs
        of our benchmarks, where a factorised Gram matrix saved one of them and cost more).

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
