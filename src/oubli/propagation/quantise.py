"""From float feature rows to integers with a fixed number of fractional bits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numba as nb
import numpy as np
from numpy.typing import DTypeLike, NDArray

from oubli.errors import CapacityError
from oubli.graph.features import FeatureTable
from oubli.propagation.projection import sign_projection
from oubli.propagation.threads import TwoWay

CHUNK = 16384
LARGEST = 2**24
"""Largest quantised feature, so that blocks of at least 32 rows have an exact float64 Gram."""


@dataclass(frozen=True)
class Quantiser:
    """Turns feature rows into integers, row by row, from the row and the configuration alone.

    Parameters
    ----------
    fraction_bits : int
        A value `x` becomes ``rint(x * 2**fraction_bits)``, halves to even.
    normalize : {"l2", None}
        Scale each row to unit Euclidean length first.
    projection : int or None
        Width of a sparse sign projection applied after the scaling.
    projection_seed : int
    """

    fraction_bits: int = 12
    normalize: Literal["l2"] | None = "l2"
    projection: int | None = None
    projection_seed: int = 0

    def width(self, table: FeatureTable) -> int:
        """Return the number of columns after projection."""
        return self.projection or table.shape[1]

    def rows(
        self, table: FeatureTable, slots: NDArray[np.int64], scale: NDArray[np.float64], out: NDArray[Any]
    ) -> float:
        """Write ``rint(row * scale * 2**fraction_bits)`` a slot; return the largest ``|row|`` before `scale`."""
        columns, signs = self._map(table)
        factor = scale * 2.0**self.fraction_bits
        unit = self.normalize == "l2"
        if table.shape[1] == 0:
            out[:] = 0
            return 0.0
        work = slots.size * table.shape[1]
        if table.dense is not None:
            return float(_quantise_dense(work, table.dense, slots, factor, unit, columns, signs, out))
        sparse = table.indptr, table.indices, table.values
        return float(_quantise_sparse(work, *sparse, slots, factor, unit, columns, signs, out))

    def all_rows(
        self,
        table: FeatureTable,
        scale: Callable[[NDArray[np.int64]], NDArray[np.float64]],
        empty: Callable[[tuple[int, int], DTypeLike], NDArray[Any]] = np.empty,
    ) -> tuple[NDArray[Any], int]:
        """Quantise every row; return them, int16 where all values any degree could give fit, and that bound.

        Parameters
        ----------
        table : FeatureTable
        scale : callable
            Returns the scale of slots.
        empty : callable, optional
            Returns the array for the rows; asked again when they turn out not to fit.

        Raises
        ------
        CapacityError
            When a value is too large for exact sums.
        """
        n, width = table.shape[0], self.width(table)
        out: NDArray[Any] = empty((n, width), np.int16)
        buffer = np.empty((min(n, CHUNK), width), np.int32)
        largest = 0.0
        for first in range(0, n, CHUNK):
            slots = np.arange(first, min(n, first + CHUNK))
            part = buffer[: slots.size]
            largest = max(largest, self.rows(table, slots, scale(slots), part))
            bound = self.bound(largest)
            if bound > np.iinfo(np.int16).max and out.dtype == np.int16:
                narrow, out = out, empty((n, width), np.int32)
                out[:first] = narrow[:first]
            out[first : first + slots.size] = part
        return out, self.bound(largest)

    def float_rows(self, table: FeatureTable, out: NDArray[np.float64]) -> None:
        """Write every row as it is before it is rounded to integers."""
        columns, signs = self._map(table)
        work, unit = table.shape[0] * table.shape[1], self.normalize == "l2"
        if table.shape[1] == 0:
            out[:] = 0
        elif table.dense is not None:
            _float_dense(work, table.dense, unit, columns, signs, out)
        else:
            _float_sparse(work, table.indptr, table.indices, table.values, unit, columns, signs, out)

    def bound(self, largest: float) -> int:
        """Return the largest integer that a value up to `largest` becomes at any degree."""
        bound = int(np.ceil(largest * 2.0**self.fraction_bits)) + 1
        if bound > LARGEST:
            raise CapacityError(
                f"features: a value of {largest:.6g} with {self.fraction_bits} fractional bits is beyond the integers "
                f'that can be summed exactly; use normalize="l2", scale the features down, or lower fraction_bits'
            )
        return bound

    def _map(self, table: FeatureTable) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        if self.projection is None:
            return np.empty((0, 0), np.int32), np.empty((0, 0))
        key = (table.shape[1], self.projection, self.projection_seed)
        if key not in _MAPS:
            _MAPS.clear()
            _MAPS[key] = sign_projection(*key)
        return _MAPS[key]


_MAPS: dict[tuple[int, int, int], tuple[NDArray[np.int32], NDArray[np.float64]]] = {}
"""The last projection used: it depends on its key alone, and deletions of single rows should not rebuild it."""


@nb.njit(cache=True)
def _to_unit_length(row):  # type: ignore[no-untyped-def]
    # Four running sums in a fixed order: quicker than one, and the same on every machine.
    a = b = c = d = 0.0
    whole = row.size // 4 * 4
    for k in range(0, whole, 4):
        a += row[k] * row[k]
        b += row[k + 1] * row[k + 1]
        c += row[k + 2] * row[k + 2]
        d += row[k + 3] * row[k + 3]
    for k in range(whole, row.size):
        a += row[k] * row[k]
    length = np.sqrt((a + b) + (c + d))
    if length > 0.0:
        for k in range(row.size):
            row[k] /= length


@nb.njit(cache=True)
def _project(row, columns, signs, projected):  # type: ignore[no-untyped-def]
    projected[:] = 0.0
    for j in range(row.size):
        if row[j] != 0.0:
            for t in range(columns.shape[1]):
                projected[columns[j, t]] += signs[j, t] * row[j]


@nb.njit(cache=True)
def _float_row(row, unit, columns, signs, projected):  # type: ignore[no-untyped-def]
    """Return the row after scaling and projection; `row` is overwritten."""
    if columns.shape[0] == 0:
        if unit:
            _to_unit_length(row)
        return row
    if unit:
        length = 0.0
        for k in range(row.size):
            length += row[k] * row[k]
        length = np.sqrt(length)
        if length > 0.0:
            for k in range(row.size):
                row[k] /= length
    _project(row, columns, signs, projected)
    return projected


@nb.njit(cache=True)
def _round_row(values, factor, out):  # type: ignore[no-untyped-def]
    largest = 0.0
    for k in range(values.size):
        largest = max(largest, abs(values[k]))
        out[k] = np.int32(np.rint(values[k] * factor))
    return largest


@TwoWay
def _quantise_dense(dense, slots, factor, unit, columns, signs, out):  # type: ignore[no-untyped-def]
    blocks = (slots.size + 255) // 256
    largest = np.zeros(blocks)
    for block in nb.prange(blocks):
        row = np.empty(dense.shape[1])
        projected = np.empty(out.shape[1])
        for r in range(block * 256, min(slots.size, block * 256 + 256)):
            row[:] = dense[slots[r]]
            seen = _round_row(_float_row(row, unit, columns, signs, projected), factor[r], out[r])
            largest[block] = max(largest[block], seen)
    return largest.max() if blocks else 0.0


@TwoWay
def _quantise_sparse(indptr, indices, values, slots, factor, unit, columns, signs, out):  # type: ignore[no-untyped-def]
    blocks = (slots.size + 255) // 256
    width = out.shape[1] if columns.shape[0] == 0 else columns.shape[0]
    largest = np.zeros(blocks)
    for block in nb.prange(blocks):
        row = np.zeros(width)
        projected = np.empty(out.shape[1])
        for r in range(block * 256, min(slots.size, block * 256 + 256)):
            first, last = indptr[slots[r]], indptr[slots[r] + 1]
            for p in range(first, last):
                row[indices[p]] = values[p]
            seen = _round_row(_float_row(row, unit, columns, signs, projected), factor[r], out[r])
            largest[block] = max(largest[block], seen)
            for p in range(first, last):
                row[indices[p]] = 0.0
    return largest.max() if blocks else 0.0


@TwoWay
def _float_dense(dense, unit, columns, signs, out):  # type: ignore[no-untyped-def]
    for block in nb.prange((len(out) + 255) // 256):
        row = np.empty(dense.shape[1])
        projected = np.empty(out.shape[1])
        for i in range(block * 256, min(len(out), block * 256 + 256)):
            row[:] = dense[i]
            out[i] = _float_row(row, unit, columns, signs, projected)


@TwoWay
def _float_sparse(indptr, indices, values, unit, columns, signs, out):  # type: ignore[no-untyped-def]
    width = out.shape[1] if columns.shape[0] == 0 else columns.shape[0]
    for block in nb.prange((len(out) + 255) // 256):
        row = np.zeros(width)
        projected = np.empty(out.shape[1])
        for i in range(block * 256, min(len(out), block * 256 + 256)):
            first, last = indptr[i], indptr[i + 1]
            for p in range(first, last):
                row[indices[p]] = values[p]
            out[i] = _float_row(row, unit, columns, signs, projected)
            for p in range(first, last):
                row[indices[p]] = 0.0
