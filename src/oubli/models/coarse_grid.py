"""The coarse grid that integer columns are put on: decided by counters, it seldom moves when a row goes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

STEP_BITS = 5
"""A coarse deviation is divided into 32 steps."""

LIMIT = 256
"""Values are clipped at 8 coarse deviations."""

Grid = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Each column's centre, in halves of its scale, and the exponent of the scale."""


def measure(sums: NDArray[np.int64], squares: NDArray[np.int64], count: int) -> Grid:
    """Return the grid of columns, given their sums and sums of squares over `count` rows.

    A scale is the power of two nearest the deviation, a centre the multiple of half a scale nearest the mean.
    """
    centres, exponents = [], []
    for total, square in zip(sums.tolist(), squares.tolist(), strict=True):
        variance = count * square - total * total
        # The power of two nearest in ratio: between 4**e and 4**(e + 1) is twice the variance.
        exponent = max(0, ((2 * variance // (count * count)).bit_length() - 1) // 2)
        exponents.append(exponent)
        centres.append((4 * total + (count << exponent)) // (count << (exponent + 1)))
    return np.array(centres, np.int64), np.array(exponents, np.int64)


def same_grid(one: Grid, other: Grid) -> bool:
    """Tell whether two grids are the same."""
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def quantise(values: NDArray[np.signedinteger[Any]], grid: Grid) -> NDArray[np.int16]:
    """Return rows in steps of 1/32 of their columns' scales, clipped."""
    # Exact until rounded: powers of two, and integers far below 2**53.
    centres, exponents = grid
    steps = np.ldexp(values - centres * np.ldexp(0.5, exponents), STEP_BITS - exponents)
    rounded: NDArray[np.int16] = np.clip(np.rint(steps), -LIMIT, LIMIT).astype(np.int16)
    return rounded
