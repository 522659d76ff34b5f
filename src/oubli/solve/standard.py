"""Columns brought to one scale by their mean and deviation over the training rows, as integers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

from oubli.propagation.threads import TwoWay

STEPS = 2.0**11
"""Steps a standard deviation is divided into for ridge."""

CLIP = 8.0
LARGEST_STEP = CLIP * STEPS
"""Largest absolute value of standardised rows."""

SMALLEST = 1e-6
"""Columns that deviate less are constant but for rounding."""


@dataclass(frozen=True)
class Standardiser:
    """``clip((x - mean) / deviation, -8, 8)`` in steps of a power of two.

    Attributes
    ----------
    mean, deviation : ndarray of float64, shape (columns,)
    """

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]

    @classmethod
    def of(cls, rows: NDArray[np.float64], slots: NDArray[np.int64] | None = None) -> Standardiser:
        """Measure rows, or those in `slots`; sums run over them in their order."""
        mean, variance = _moments(rows, slots)
        deviation = np.sqrt(variance)
        return cls(mean, np.where(deviation < SMALLEST, 1.0, deviation))

    @classmethod
    def of_block(cls, rows: NDArray[np.float64], slots: NDArray[np.int64], weight: float) -> Standardiser:
        """Measure the rows in `slots` as a block: one scale for all columns, for a variance of ``weight**2`` in all."""
        mean, variance = _moments(rows, slots)
        whole = float(column_sums(variance[:, None])[0])
        # What varies by rounding alone becomes zero.
        deviation = np.sqrt(whole) / weight if whole > SMALLEST**2 else np.inf
        return cls(mean, np.full_like(mean, deviation))

    def integers(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the rows in steps of 2**-11, as float64 that hold integers."""
        out = np.empty_like(rows)
        self.write(rows, out, 0)
        return out

    def write(
        self, rows: NDArray[np.float64], out: NDArray[np.floating[Any]], column: int, steps: float = STEPS
    ) -> None:
        """Write the rows in steps into `out`, from `column` on."""
        rate = steps / self.deviation
        _standardise(rows.size * 4, rows, self.mean, rate, CLIP * steps, out, column)


def _moments(
    rows: NDArray[np.float64], slots: NDArray[np.int64] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    chosen = np.arange(len(rows)) if slots is None else slots
    mean, squares = np.zeros(rows.shape[1]), np.zeros(rows.shape[1])
    _add_rows(rows, chosen, mean)
    mean /= chosen.size
    _add_squares(rows, chosen, mean, squares)
    return mean, squares / chosen.size


def column_sums(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sum of each column, added in the order of the rows."""
    out = np.zeros(rows.shape[1])
    _add_rows(rows, np.arange(len(rows)), out)
    return out


def column_squares(rows: NDArray[np.float64], mean: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each column's sum of squared distances from `mean`, in the order of the rows."""
    out = np.zeros(rows.shape[1])
    _add_squares(rows, np.arange(len(rows)), mean, out)
    return out


@nb.njit(cache=True)
def _add_rows(rows, slots, out):  # type: ignore[no-untyped-def]
    for i in slots:
        for k in range(rows.shape[1]):
            out[k] += rows[i, k]


@nb.njit(cache=True)
def _add_squares(rows, slots, mean, out):  # type: ignore[no-untyped-def]
    for i in slots:
        for k in range(rows.shape[1]):
            out[k] += (rows[i, k] - mean[k]) * (rows[i, k] - mean[k])


@TwoWay
def _standardise(rows, mean, rate, most, out, column):  # type: ignore[no-untyped-def]
    for i in nb.prange(rows.shape[0]):
        for k in range(rows.shape[1]):
            value = (rows[i, k] - mean[k]) * rate[k]
            out[i, column + k] = np.rint(min(max(value, -most), most)) + 0.0
