"""Gaussian kernels as integers, and the systems of kernel ridge over them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba as nb
import numpy as np
import scipy.linalg as sl
from numpy.typing import NDArray

from oubli.errors import CapacityError
from oubli.propagation.threads import TwoWay
from oubli.solve.cholesky import fixed_order_solve
from oubli.solve.digits import BITS, MAX_TERMS, DigitMatrix, carry
from oubli.solve.products import row_products, row_squares
from oubli.solve.rounded import rounded_solve

ONE = 2.0 ** (BITS - 1)
"""The integer that stands for a kernel of 1."""

LARGEST_EXACT = MAX_TERMS
"""Most training rows of the exact system."""

LANDMARK_ONE = 2.0**17
"""The same among landmarks, whose products over 2**19 rows are summed exactly."""

JITTER = 1e-3
"""Added to the landmarks' own kernel, more than its rounding takes away."""

LOG2_E = 1.4426950408889634
FASTEST = 2.0**1000
MANTISSA = 2.0**52
TERMS = np.array(
    [
        1.0,
        -0.6931471805599453,
        0.2402265069591007,
        -0.05550410866482158,
        0.009618129107628477,
        -0.0013333558146428443,
        0.0001540353039338161,
        -1.5252733804059841e-05,
        1.3215486790144309e-06,
    ]
)
"""Taylor's series of ``2**-f`` about 0: up to 1.02e-7 of error for `f` in [0, 1], its ninth term."""

ROUNDING = 0.56
"""Most units by which a kernel's entry is off: half by rounding, 2**19 times the error of the series."""


@dataclass(frozen=True)
class Distances:
    """Squared distances between two sets of rows of integers, exact, as what they are made of.

    Attributes
    ----------
    products : ndarray of float32 or float64, shape (n, m)
        Inner products.
    left, right : ndarray of float64, shape (n,) and (m,)
        Squares of the rows.
    """

    products: NDArray[np.floating[Any]]
    left: NDArray[np.float64]
    right: NDArray[np.float64]

    @classmethod
    def between(cls, left: NDArray[np.float32], right: NDArray[np.float32]) -> Distances:
        """Measure rows against rows."""
        return cls(row_products(left, right), row_squares(left), row_squares(right))

    def squared(self) -> NDArray[np.float64]:
        """Return them as a matrix, shape (n, m)."""
        out = np.empty(self.products.shape)
        _squared(out.size, self.products, self.left, self.right, out)
        return out

    def gaussian(self, gamma: float, one: float = ONE) -> NDArray[np.float64]:
        """Return ``rint(exp(-gamma d) * one)`` for each of them, `d`; the same bytes on any machine."""
        out = np.empty(self.products.shape)
        rate = min(gamma * LOG2_E, FASTEST)
        _gaussian(out.size * 8, self.products, self.left, self.right, rate, one, TERMS, out)
        return out


@TwoWay
def _squared(products, left, right, out):  # type: ignore[no-untyped-def]
    for i in nb.prange(out.shape[0]):
        for j in range(out.shape[1]):
            out[i, j] = (left[i] + right[j]) - 2.0 * np.float64(products[i, j])


@TwoWay
def _gaussian(products, left, right, rate, one, terms, out):  # type: ignore[no-untyped-def]
    # Loops without branches or look-ups, which compilers turn into vectors.
    for i in nb.prange(out.shape[0]):
        power = np.empty(out.shape[1])
        exponent = power.view(np.int64)
        for j in range(out.shape[1]):
            distance = (left[i] + right[j]) - 2.0 * np.float64(products[i, j])
            halvings = min(distance * rate, 63.0)
            whole = np.floor(halvings)
            part = halvings - whole
            series = terms[8]
            for k in range(7, -1, -1):
                series = series * part + terms[k]
            out[i, j] = series
            # The lowest bits of this sum are those of 1023 - whole, the exponent that 2**-whole is stored with.
            power[j] = MANTISSA + (1023.0 - whole)
        for j in range(out.shape[1]):
            exponent[j] <<= 52
        for j in range(out.shape[1]):
            out[i, j] = np.rint(one * (power[j] * out[i, j]))


class KernelSystem:
    """``(K + alpha I) x = b`` with the kernel in integers, for the rounded solve.

    Parameters
    ----------
    kernel : ndarray of float64, shape (n, n)
        In units of ``1 / ONE``. Kept, not changed.
    rhs : ndarray of int64, shape (n, classes)
        In units of ``1 / ONE`` as well.
    alpha : float

    Notes
    -----
    Rounding moves no eigenvalue of the kernel below ``-0.56 n`` units (its Frobenius norm), which bounds the error.
    """

    def __init__(self, kernel: NDArray[np.float64], rhs: NDArray[np.int64], alpha: float) -> None:
        self.rhs = rhs
        self._penalty = int(np.rint(alpha * ONE))
        self._floor = self._penalty - ROUNDING * len(kernel)
        if self._floor <= 0:
            least = len(kernel) / ONE
            raise CapacityError(
                f"solve: alpha {alpha} is too small for a kernel of {len(kernel)} rows; use {least:.3g} or more, "
                "or landmarks"
            )
        self._exact = DigitMatrix.of_one_digit(kernel)
        penalised = kernel.copy()
        penalised[np.diag_indices_from(penalised)] += self._penalty
        # Symmetric, so its transpose is the same matrix, in the order LAPACK takes without a copy.
        self._factor = sl.cho_factor(penalised.T, lower=True, overwrite_a=True, check_finite=False)

    def product(self, places: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the matrix times digits, in digits, exactly."""
        out = self._exact.times(places)
        out[: len(places)] += self._penalty * places
        return carry(out)

    def solve_roughly(self, residual: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return an approximate solution, by Cholesky in float64."""
        solution: NDArray[np.float64] = sl.cho_solve(self._factor, residual, check_finite=False)
        return solution

    def error_bound(self, residual: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return a bound of each entry's error."""
        sizes = np.sqrt((residual**2).sum(axis=0)) / self._floor
        return np.broadcast_to(sizes, residual.shape)


def dual_coefficients(kernel: NDArray[np.float64], targets: NDArray[np.float64], alpha: float) -> NDArray[np.float64]:
    """Return what ``(K + alpha I) x = targets`` gives, plus 0.13 of a step, rounded to multiples of 2**-20.

    Parameters
    ----------
    kernel : ndarray of float64, shape (n, n)
        In units of ``1 / ONE``.
    targets : ndarray of float64, shape (n, classes)
    alpha : float
    """
    return rounded_solve(
        KernelSystem(kernel, np.rint(targets * ONE).astype(np.int64), alpha), grid_digits=1, offset=True
    )


def landmark_coefficients(
    gram: NDArray[np.float64], own: NDArray[np.float64], moments: NDArray[np.float64], alpha: float
) -> NDArray[np.float64]:
    """Return Nystroem's weights of the landmarks: ``(K_mn K_nm + alpha K_mm) w = K_mn Y``, in the fixed order.

    Parameters
    ----------
    gram : ndarray of float64, shape (m, m)
        ``K_mn K_nm`` in units of ``LANDMARK_ONE**-2``.
    own : ndarray of float64, shape (m, m)
        ``K_mm`` in units of ``1 / LANDMARK_ONE``.
    moments : ndarray of float64, shape (m, classes)
        ``K_mn Y`` in units of ``1 / LANDMARK_ONE``.
    alpha : float
    """
    system = own.copy()
    system[np.diag_indices_from(system)] += JITTER * LANDMARK_ONE
    system *= alpha / LANDMARK_ONE
    system += gram * (1.0 / LANDMARK_ONE / LANDMARK_ONE)
    return fixed_order_solve(system, moments / LANDMARK_ONE)
