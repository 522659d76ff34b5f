"""Exact Gram statistics of integer rows, which can be updated and reverted."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

from oubli.errors import CapacityError
from oubli.solve.exchange import exchange_rows, mirror

BLOCK = 1024
"""Rows a block: its float64 copy stays in cache."""

EXACT = 2**53

EXCHANGED = 2**15
"""Values below which the products of a row that changes are within int32."""


class ExactGram:
    """Sums over labelled rows: ``G = sum z z^T``, ``R = sum y z^T`` and class counts, as integers.

    A constant column is appended to the rows, so that column sums and the row count are part of `G`. Any order,
    blocking or history of `update` and `revert` leaves the same integers.

    Parameters
    ----------
    width : int
        Columns of the rows, without the constant one.
    num_classes : int
    constant : int
        Value of the constant column.
    by_class : bool
        Keep one `G` a class, so that classes can be weighted afterwards.

    Attributes
    ----------
    products : ndarray of int64, shape (groups, width + 1, width + 1)
        `G`, one for all classes or one each.
    sums : ndarray of int64, shape (num_classes, width + 1)
        `R`.
    counts : ndarray of int64, shape (num_classes,)
    """

    def __init__(self, width: int, num_classes: int, constant: int, by_class: bool = False) -> None:
        groups = num_classes if by_class else 1
        self.constant = constant
        self._products = np.zeros((groups, width + 1, width + 1), np.int64)
        self._is_half = False
        self.sums = np.zeros((num_classes, width + 1), np.int64)
        self.counts = np.zeros(num_classes, np.int64)

    @property
    def products(self) -> NDArray[np.int64]:
        """`G`, whole."""
        if self._is_half:
            mirror(self._products[0])
            self._is_half = False
        return self._products

    @products.setter
    def products(self, products: NDArray[np.int64]) -> None:
        self._products, self._is_half = products, False

    @property
    def lower(self) -> NDArray[np.int64]:
        """`G` of one group, to be read on and below its diagonal alone."""
        half: NDArray[np.int64] = self._products[0]
        return half

    def update(self, rows: NDArray[np.signedinteger[Any]], labels: NDArray[np.int32]) -> ExactGram:
        """Add labelled rows."""
        return self._add(rows, labels, 1)

    def revert(self, rows: NDArray[np.signedinteger[Any]], labels: NDArray[np.int32]) -> ExactGram:
        """Take back rows that were added, in any order."""
        return self._add(rows, labels, -1)

    def replace(
        self,
        former: NDArray[np.signedinteger[Any]],
        rows: NDArray[np.signedinteger[Any]],
        labels: NDArray[np.int32],
    ) -> ExactGram:
        """Take back labelled rows that were added; the first of them have become `rows`, the others are gone."""
        stays = len(rows)
        if len(self._products) > 1:
            return self.revert(former, labels).update(rows, labels[:stays])
        largest = max(int(_largest(former)), int(_largest(rows)), abs(self.constant))
        _check_room(self.lower, largest, stays, 1)
        small = largest < EXCHANGED
        if not small or not exchange_rows(self.lower, self._whole(former), self._whole(rows, len(former))):
            return self.revert(former, labels).update(rows, labels[:stays])
        self._is_half = True
        _add_sums(self.sums, former, labels, self.constant, -1)
        _add_sums(self.sums, rows, labels[:stays], self.constant, 1)
        self.counts -= np.bincount(labels[stays:], minlength=self.counts.size)
        return self

    def _whole(self, rows: NDArray[np.signedinteger[Any]], count: int = 0) -> NDArray[np.int32]:
        """Return rows with their constant column, and rows of zeros after them up to `count`."""
        out = np.zeros((max(len(rows), count), rows.shape[1] + 1), np.int32)
        out[: len(rows), :-1], out[: len(rows), -1] = rows, self.constant
        return out

    def _add(self, rows: NDArray[np.signedinteger[Any]], labels: NDArray[np.int32], sign: int) -> ExactGram:
        if len(rows) == 0:
            return self
        if len(self._products) == 1:
            add_gram(self._products[0], rows, self.constant, sign)
        else:
            for group in np.unique(labels).tolist():
                add_gram(self._products[group], rows[labels == group], self.constant, sign)
        _add_sums(self.sums, rows, labels, self.constant, sign)
        self.counts += sign * np.bincount(labels, minlength=self.counts.size)
        return self


def add_gram(gram: NDArray[np.int64], rows: NDArray[np.signedinteger[Any]], constant: int, sign: int = 1) -> None:
    """Add ``sign * Z^T Z`` to `gram`, `Z` being the rows and a constant column, exactly.

    Blocks of rows are multiplied in float64, which is exact while no partial sum reaches 2**53; the block is made as
    short as its values ask for. Blocks are added in int64.

    Raises
    ------
    CapacityError
        When a single product is too large for that, or a sum could leave int64.
    """
    largest = max(int(_largest(rows)), abs(constant))
    block = min(BLOCK, EXACT // (largest * largest), len(rows))
    _check_room(gram, largest, len(rows), sign)
    buffer = np.empty((block, gram.shape[0]))
    buffer[:, -1] = constant
    for first in range(0, len(rows), block):
        part = rows[first : first + block]
        float_rows = buffer[: len(part)]
        float_rows[:, :-1] = part
        product = float_rows.T @ float_rows
        add_integers(gram, product, sign)


def _check_room(gram: NDArray[np.int64], largest: int, count: int, sign: int) -> None:
    # What was added before can be taken back: only additions can leave the range.
    room = 2**63 - (int(gram.diagonal().max(initial=0)) if sign > 0 else 0)
    if largest * largest > EXACT or largest * largest * count >= room:
        raise CapacityError(
            f"gram: values up to {largest} in {count} rows leave the range of exact sums; "
            "lower fraction_bits or scale the features down"
        )


@nb.njit(cache=True)
def _largest(rows):  # type: ignore[no-untyped-def]
    low, high = rows.dtype.type(0), rows.dtype.type(0)
    for i in range(rows.shape[0]):
        for k in range(rows.shape[1]):
            low, high = min(low, rows[i, k]), max(high, rows[i, k])
    return max(np.int64(high), -np.int64(low))


@nb.njit(cache=True)
def add_integers(total: Any, part: Any, sign: int) -> None:
    """Add `sign` times float64 integers to an int64 matrix."""
    for i in range(total.shape[0]):
        for j in range(total.shape[1]):
            total[i, j] += sign * np.int64(part[i, j])


@nb.njit(cache=True)
def _add_sums(sums, rows, labels, constant, sign):  # type: ignore[no-untyped-def]
    width = rows.shape[1]
    for r in range(rows.shape[0]):
        label = labels[r]
        for k in range(width):
            sums[label, k] += sign * np.int64(rows[r, k])
        sums[label, width] += sign * constant
