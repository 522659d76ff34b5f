"""Columns brought to one scale by their mean and deviation over the training rows, as integers."""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
from numpy.typing import NDArray

from oubli.propagation.threads import TwoWay

STEPS = 2.0**11
"""Steps a standard deviation is divided into."""

CLIP = 8.0
SMALLEST = 1e-6
"""Columns that deviate less are constant but for rounding."""


@dataclass(frozen=True)
class Standardiser:
    """``clip((x - mean) / deviation, -8, 8)`` in steps of 2**-11: integers of at most 15 bits.

    Attributes
    ----------
    mean, deviation : ndarray of float64, shape (columns,)
    """

    mean: NDArray[np.float64]
    deviation: NDArray[np.float64]

    @classmethod
    def of(cls, rows: NDArray[np.float64]) -> Standardiser:
        """Measure rows; sums run over them in their order."""
        mean = column_sums(rows) / len(rows)
        deviation = np.sqrt(column_squares(rows, mean) / len(rows))
        return cls(mean, np.where(deviation < SMALLEST, 1.0, deviation))

    def integers(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the rows in steps, as float64 that hold integers."""
        out = np.empty_like(rows)
        self.write(rows, out, 0)
        return out

    def write(self, rows: NDArray[np.float64], out: NDArray[np.float64], column: int) -> None:
        """Write the rows in steps into `out`, from `column` on."""
        _standardise(rows.size * 4, rows, self.mean, STEPS / self.deviation, out, column)


def block_integers(block: NDArray[np.float64], rows: NDArray[np.float64], weight: float) -> NDArray[np.float64]:
    """Return a block centred on `rows` and scaled to a variance of ``weight**2`` in all, in steps of 2**-14."""
    mean = column_sums(rows) / len(rows)
    variance = float(column_sums(column_squares(rows, mean)[:, None])[0]) / len(rows)
    scale = weight / np.sqrt(variance) if variance > SMALLEST**2 else 0.0
    integers: NDArray[np.float64] = np.rint(np.clip((block - mean) * scale, -CLIP, CLIP) * (8 * STEPS)) + 0.0
    return integers


def column_sums(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the sum of each column, added in the order of the rows."""
    out = np.zeros(rows.shape[1])
    _column_sums(rows, out)
    return out


def column_squares(rows: NDArray[np.float64], mean: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return each column's sum of squared distances from `mean`, in the order of the rows."""
    out = np.zeros(rows.shape[1])
    _column_squares(rows, mean, out)
    return out


@nb.njit(cache=True)
def _column_sums(rows, out):  # type: ignore[no-untyped-def]
    for i in range(rows.shape[0]):
        for k in range(rows.shape[1]):
            out[k] += rows[i, k]


@nb.njit(cache=True)
def _column_squares(rows, mean, out):  # type: ignore[no-untyped-def]
    for i in range(rows.shape[0]):
        for k in range(rows.shape[1]):
            out[k] += (rows[i, k] - mean[k]) * (rows[i, k] - mean[k])


@TwoWay
def _standardise(rows, mean, rate, out, column):  # type: ignore[no-untyped-def]
    for i in nb.prange(rows.shape[0]):
        for k in range(rows.shape[1]):
            value = (rows[i, k] - mean[k]) * rate[k]
            out[i, column + k] = np.rint(min(max(value, -CLIP * STEPS), CLIP * STEPS)) + 0.0
