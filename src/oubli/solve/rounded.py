"""The correctly rounded solution of an integer ridge system: one right answer, whoever computes it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oubli.errors import CapacityError
from oubli.solve.digits import BITS, HALF, carry, float_digits, integer_digits, to_float
from oubli.solve.systems import RidgeSystem

GRID_DIGITS = 2
"""Solutions are rounded to multiples of 2**-40, unless a coarser grid is asked for."""

WHOLE = 4
FRACTIONS = (6, 9, 13)
STEPS = 12
LARGEST = 2.0**20
SAFETY = 1.0 + 2.0**-20
"""Covers the float rounding of the error bounds themselves."""


OFFSET = (141_421, 356_237)
"""Two digits below the grid, no simple fraction: solutions that are simple fractions, as of equal rows, are no ties."""


def rounded_solve(system: RidgeSystem, grid_digits: int = GRID_DIGITS, offset: bool = False) -> NDArray[np.float64]:
    """Solve ``A x = b`` and round every entry to the nearest multiple of 2**-40, provably.

    A float64 factorisation proposes, residuals are evaluated exactly, and the bound ``|x - x*| <= |residual| / alpha``
    (docs/proofs/rounded-solve) tells when no entry can be on the wrong side of a rounding boundary; otherwise the
    solution is refined further (Ziv's strategy). The bytes therefore do not depend on LAPACK, threads or the machine.

    Parameters
    ----------
    system : RidgeSystem
    grid_digits : int
        Multiples of ``2**(-20 grid_digits)`` instead.
    offset : bool
        Round the solution plus a constant 0.13 of a step, whose ties no simple fraction meets.

    Returns
    -------
    ndarray of float64, shape (d, classes)

    Raises
    ------
    CapacityError
        When the system is too ill-conditioned for refinement to converge.
    """
    places = np.zeros((0,), np.int64)
    for fraction in FRACTIONS:
        length = fraction + WHOLE
        if places.size == 0:
            places = np.zeros((length, *system.rhs.shape), np.int64)
        else:
            places = np.concatenate([np.zeros((length - len(places), *system.rhs.shape), np.int64), places])
        last = np.inf
        for _ in range(STEPS):
            if np.abs(to_float(places, fraction)).max() > LARGEST:
                raise CapacityError(f"solve: weights beyond {LARGEST:.0f}; raise alpha or scale the features up")
            exact, residual = _residual(system, places, fraction)
            values, distance = _round(
                _offset(places, fraction - grid_digits) if offset else places, fraction, grid_digits
            )
            if not exact.any() or np.all(system.error_bound(residual) * SAFETY < distance):
                return values
            size = float(np.abs(residual).max())
            if not size < 0.5 * last:
                break
            last = size
            correction = system.solve_roughly(residual)
            places = carry(places + float_digits(correction, fraction, length))
    raise CapacityError("solve: the system is too ill-conditioned to be solved to the last bit; raise alpha")


def _residual(
    system: RidgeSystem, places: NDArray[np.int64], fraction: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    image = system.product(places)
    target = np.zeros_like(image)
    target[fraction:] = integer_digits(system.rhs, len(image) - fraction)
    difference = carry(target - image)
    return difference, to_float(difference, fraction)


def _offset(places: NDArray[np.int64], below: int) -> NDArray[np.int64]:
    shifted = places.copy()
    shifted[below - 1] += OFFSET[0]
    shifted[below - 2] += OFFSET[1]
    return carry(shifted)


def _round(
    places: NDArray[np.int64], fraction: int, grid_digits: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the nearest multiples of the grid (ties to even) and how far the nearest rounding boundary is."""
    below = fraction - grid_digits
    grid = 2.0 ** (-BITS * grid_digits)
    whole = np.zeros(places.shape[1:], np.int64)
    for k in range(len(places) - 1, below - 1, -1):
        whole = (whole << BITS) + places[k]
    # Balanced digits below the grid come to less than half a step, unless the first of them is the least there is: then
    # the sign of the rest decides, which as a float of its own is not lost beside the half.
    rest = to_float(places[: below - 1], below)
    edge = places[below - 1] == -HALF
    down = edge & ((rest < 0) | ((rest == 0) & (whole % 2 == 1)))
    part = places[below - 1] * 2.0**-BITS + rest
    distance = np.where(edge, np.abs(rest), 0.5 - np.abs(part)) * grid
    return (whole - down).astype(np.float64) * grid, distance
