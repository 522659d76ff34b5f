"""Matrix products that have one right answer: of integers held in float64, small enough that every sum is exact."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

from oubli.errors import CapacityError
from oubli.propagation.threads import TwoWay

EXACT = 2.0**53
EXACT_SINGLE = 2.0**24
HALF_BITS = 13


def exact_product(
    left: NDArray[np.float64],
    right: NDArray[np.float64],
    out: NDArray[np.float64] | None = None,
    left_largest: float | None = None,
) -> NDArray[np.float64]:
    """Return ``left @ right`` of integers in float64, in `out` if given: any BLAS, any order of sums, the same bytes.

    With `left_largest`, the largest absolute value in `left` where it is known, that is not looked for again.

    Raises
    ------
    CapacityError
        When a sum could leave the integers that float64 holds.
    """
    # Not "greater than": of NaN, too, the answer must be an error.
    size = largest(left) if left_largest is None else left_largest
    if not size * largest(right) * left.shape[1] <= EXACT:
        raise CapacityError("solve: a product of integers leaves float64's exact range; scale the features down")
    product = np.matmul(left, right, out=out)
    # A sum of nothing but negative zeros keeps its sign in some kernels.
    product += 0.0
    return product


def row_products(left: NDArray[np.float32], right: NDArray[np.float32]) -> NDArray[np.floating[Any]]:
    """Return ``left @ right.T`` of integers held in float32, exact: in float32 where its integers reach that far.

    No sum of products of entries, nor any part of it, exceeds the product of the two rows' lengths (Cauchy-Schwarz).
    """
    if largest(row_squares(left)) * largest(row_squares(right)) <= EXACT_SINGLE**2:
        product: NDArray[np.floating[Any]] = left @ right.T
        return product
    wide = left.astype(np.float64)
    return exact_product(wide, (wide if left is right else right.astype(np.float64)).T)


def largest(values: NDArray[np.float64]) -> float:
    """Return the largest absolute value, 0 of none."""
    bits = values.view(np.int64)
    # Without their sign, floats are ordered as the integers of the same bits; NaN comes after infinity.
    return float(np.array(_largest_bits(bits if bits.ndim == 2 else bits.reshape(1, -1)), np.int64).view(np.float64))


@nb.njit(cache=True)
def _largest_bits(bits):  # type: ignore[no-untyped-def]
    most = np.int64(0)
    for i in range(bits.shape[0]):
        for k in range(bits.shape[1]):
            most = max(most, bits[i, k] & np.int64(0x7FFFFFFFFFFFFFFF))
    return most


def to_integers(values: NDArray[np.float64], bits: int) -> tuple[NDArray[np.float64], float]:
    """Round to multiples of a power of two, so that the largest value takes `bits` bits.

    Returns
    -------
    integers : ndarray of float64
    unit : float
        What one stands for.
    """
    size = largest(values)
    unit = 2.0 ** (int(np.frexp(size)[1]) - bits) if size > 0 else 1.0
    return np.rint(values / unit) + 0.0, unit


def rounded_gram(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ``values.T @ values`` with each column rounded to 26 bits, by three exact products of half as many."""
    sizes = np.abs(values).max(axis=0, initial=0.0)
    # Not by a power, which some vector libraries round.
    units = np.where(sizes > 0, np.ldexp(1.0, np.frexp(sizes)[1] - 2 * HALF_BITS), 1.0)
    integers = np.rint(values / units)
    high = np.rint(integers * 2.0**-HALF_BITS)
    low = integers - high * 2.0**HALF_BITS
    cross = exact_product(high.T, low)
    gram = exact_product(high.T, high) * 2.0 ** (2 * HALF_BITS) + (cross + cross.T) * 2.0**HALF_BITS
    gram += exact_product(low.T, low)
    scaled: NDArray[np.float64] = gram * np.outer(units, units)
    return scaled


def ordered_product(left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ``left @ right`` for a narrow `right`, each sum in the order of the columns: for floats."""
    out = np.zeros((left.shape[0], right.shape[1]))
    _ordered(left.size * right.shape[1], left, right, out)
    return out


@TwoWay
def _ordered(left, right, out):  # type: ignore[no-untyped-def]
    # Four terms at a time save memory traffic and leave the order as it is one at a time.
    terms = left.shape[1]
    whole = terms // 4 * 4
    for i in nb.prange(left.shape[0]):
        for k in range(0, whole, 4):
            a, b, c, d = left[i, k], left[i, k + 1], left[i, k + 2], left[i, k + 3]
            for j in range(right.shape[1]):
                out[i, j] = (((out[i, j] + a * right[k, j]) + b * right[k + 1, j]) + c * right[k + 2, j]) + d * right[
                    k + 3, j
                ]
        for k in range(whole, terms):
            for j in range(right.shape[1]):
                out[i, j] += left[i, k] * right[k, j]


def row_squares(values: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
    """Return each row's sum of squares in float64, added in the order of the columns."""
    out = np.zeros(len(values))
    _squares(values.size, values, out)
    return out


@TwoWay
def _squares(values, out):  # type: ignore[no-untyped-def]
    for i in nb.prange(values.shape[0]):
        total = 0.0
        for k in range(values.shape[1]):
            total += np.float64(values[i, k]) * np.float64(values[i, k])
        out[i] = total
