"""Ridge weights from exact statistics or from rows: which solve, at which scale."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oubli.errors import CapacityError, InputError
from oubli.solve.cholesky import fixed_order_solve
from oubli.solve.gram import ExactGram
from oubli.solve.rounded import rounded_solve
from oubli.solve.systems import GramSystem, RowSystem

DIRECT_COLUMNS = 512
"""Up to so many columns the fixed-order factorisation is quick; beyond, LAPACK proposes and exact residuals decide."""

LARGEST_PENALTY = 2**60

WEIGHT_BITS = 10
"""Class weights are integers in units of 2**-10."""


def keeps_rows(num_rows: int, num_columns: int) -> bool:
    """Tell whether the dual form, which keeps rows instead of a Gram, is the smaller system."""
    return num_columns > DIRECT_COLUMNS and num_rows <= num_columns


def class_weights(
    given: str | Mapping[Any, float] | None, classes: NDArray[Any], counts: NDArray[np.int64]
) -> NDArray[np.int64] | None:
    """Return integer class weights in units of 2**-10, or None where all weigh the same.

    Parameters
    ----------
    given : "balanced", mapping or None
        ``"balanced"`` weighs a class by ``n / (classes * n_class)``, as scikit-learn does; a mapping gives weights by
        class, 1 where it is silent.
    """
    if given is None:
        return None
    if not isinstance(given, Mapping) and given != "balanced":
        raise InputError(f'class_weight: expected "balanced", a mapping or None, got {given!r}')
    if not isinstance(given, Mapping):
        raw = counts.sum() / (np.count_nonzero(counts) * np.maximum(counts, 1))
    else:
        listed = [given.get(c, 1.0) for c in classes.tolist()]
        if not all(isinstance(w, int | float | np.number) and 0 < w < 2**WEIGHT_BITS for w in listed):
            raise InputError(f"class_weight: weights must be numbers above 0 and below {2**WEIGHT_BITS}")
        raw = np.array(listed, np.float64)
    weights: NDArray[np.int64] = np.maximum(np.rint(raw * 2**WEIGHT_BITS), 1).astype(np.int64)
    return weights


def weights_from_gram(
    gram: ExactGram, alpha: float, fraction_bits: int, weights: NDArray[np.int64] | None
) -> NDArray[np.float64]:
    """Return ridge weights of the classes that occur, shape (columns + 1, classes), the intercept last.

    One-hot targets, squared error, penalty ``alpha * |w|^2`` without the intercept.
    """
    present = np.flatnonzero(gram.counts)
    penalty = integer_alpha(alpha, fraction_bits, weights)
    if weights is None:
        matrix, sums = gram.products.sum(axis=0), gram.sums[present]
    else:
        _check_room(sum(int(weights[c]) * int(np.abs(gram.products[c]).max()) for c in present.tolist()), 1)
        matrix = np.einsum("g,gij->ij", weights[present], gram.products[present])
        sums = weights[present, None] * gram.sums[present]
    _check_room(matrix.diagonal().max(), 1)
    if matrix.shape[0] <= DIRECT_COLUMNS + 1:
        inner = np.arange(len(matrix) - 1)
        matrix[inner, inner] += penalty
        unit = 2.0 ** -(2 * fraction_bits)
        targets = np.ascontiguousarray(sums.T, np.float64) * 2.0**-fraction_bits
        return fixed_order_solve(matrix.astype(np.float64) * unit, targets)
    return rounded_solve(GramSystem(matrix, _shifted(sums.T, fraction_bits), penalty))


def weights_from_rows(
    rows: NDArray[np.int32],
    labels: NDArray[np.int32],
    constant: int,
    alpha: float,
    fraction_bits: int,
    weights: NDArray[np.int64] | None,
) -> NDArray[np.float64]:
    """Return the same weights by the dual form, from the rows themselves."""
    present, target = np.unique(labels, return_inverse=True)
    full = np.column_stack([rows.astype(np.int64), np.full(len(rows), constant, np.int64)])
    row_weights = np.ones(len(rows), np.int64) if weights is None else weights[labels]
    sums = np.zeros((present.size, full.shape[1]), np.int64)
    np.add.at(sums, target, full * row_weights[:, None])
    penalty = integer_alpha(alpha, fraction_bits, weights)
    return rounded_solve(RowSystem(full, row_weights, _shifted(sums.T, fraction_bits), penalty))


def integer_alpha(alpha: float, fraction_bits: int, weights: NDArray[np.int64] | None) -> int:
    """Return the ridge strength in the integer system's units.

    Raises
    ------
    InputError
        When `alpha` is below the resolution of those units, or beyond their range.
    """
    bits = 2 * fraction_bits + (0 if weights is None else WEIGHT_BITS)
    penalty = int(np.rint(alpha * 2.0**bits))
    if penalty < 1:
        raise InputError(f"alpha: {alpha} is below 2**-{bits}, the resolution of exact sums here; raise it")
    if penalty >= LARGEST_PENALTY:
        raise InputError(f"alpha: {alpha} is above {LARGEST_PENALTY // 2**bits}, the largest penalty here; lower it")
    return penalty


def _shifted(sums: NDArray[np.int64], bits: int) -> NDArray[np.int64]:
    _check_room(np.abs(sums).max(initial=0), 2**bits)
    return np.ascontiguousarray(sums) << bits


def _check_room(largest: Any, factor: int) -> None:
    if int(largest) * factor >= 2**62:
        raise CapacityError("solve: sums leave int64; lower fraction_bits, the class weights, or the features' scale")
