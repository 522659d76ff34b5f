"""A part of a graph: its own rows, the neighbours that others own, and the edges between, numbered from 0."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

from oubli.engines.dask.partition import Partition
from oubli.engines.dask.undo import Undo
from oubli.graph.adjacency import Adjacency
from oubli.graph.distinct import distinct_slots
from oubli.graph.features import FeatureTable
from oubli.graph.graph import Graph


@dataclass
class Part:
    """Rows `0 .. m-1` are the part's own, rows from `m` on its halo: neighbours that other parts own.

    Attributes
    ----------
    own : ndarray of int32, shape (m,)
        Slots of the own rows, ascending.
    halo : ndarray of int32
        Slots of the halo, ascending.
    halo_owners : ndarray of int32
        The part of each.
    adjacency : Adjacency
        Own rows list all neighbours, those in the halo last; rows of the halo list own rows alone.
    inner : ndarray of int32
        How many of a row's neighbours are own rows: the first so many.
    table : FeatureTable
        Of the own rows.
    codes : ndarray of int32, shape (m,)
        Label codes of the training rows, -1 elsewhere.
    label_values : ndarray
    """

    own: NDArray[np.int32]
    halo: NDArray[np.int32]
    halo_owners: NDArray[np.int32]
    adjacency: Adjacency
    inner: NDArray[np.int32]
    table: FeatureTable
    codes: NDArray[np.int32]
    label_values: NDArray[Any]

    @classmethod
    def cut(cls, graph: Graph, partition: Partition, part: int, codes: NDArray[np.int32]) -> Part:
        """Cut a part out of a graph; `codes` are those of its own rows."""
        own = partition.own(part)
        given = graph.adjacency
        start, count, inner, neighbours, halo = _cut(given.start, given.count, given.neighbours, own)
        adjacency = Adjacency(start, count, neighbours)
        owners = partition.owner(halo).astype(np.int32)
        return cls(own, halo, owners, adjacency, inner, _rows(graph.table, own), codes, graph.label_values)

    @property
    def size(self) -> int:
        """Own rows."""
        return self.own.size

    def number(self, slots: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the rows of slots that are known here."""
        narrow = slots.astype(np.int32)
        at = np.minimum(np.searchsorted(self.own, narrow), max(self.size - 1, 0))
        ours = self.own[at] == narrow if self.size else np.zeros(slots.shape, bool)
        return np.where(ours, at, self.size + np.searchsorted(self.halo, narrow))

    def known(self, slots: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Tell which slots are in the halo."""
        at = np.minimum(np.searchsorted(self.halo, slots), max(self.halo.size - 1, 0))
        return self.halo[at] == slots if self.halo.size else np.zeros(slots.shape, bool)

    @cached_property
    def peers(self) -> tuple[int, ...]:
        """Return the parts that rows of the halo are in."""
        return tuple(np.unique(self.halo_owners).tolist())

    def beside(self, rows: NDArray[np.int64], other: int) -> NDArray[np.bool_]:
        """Tell which own rows have a neighbour in another part."""
        lists = self.adjacency.start, self.inner, self.adjacency.count, self.adjacency.neighbours
        return _beside(*lists, self.halo_owners, self.size, rows, other)  # type: ignore[no-any-return]

    def remove(self, pairs: NDArray[np.int64], undo: Undo) -> None:
        """Delete edges, as pairs of rows of which at least one is own."""
        adjacency, before = self.adjacency, self.adjacency.num_arcs
        rows = distinct_slots(pairs)
        undo.keep(adjacency.count, rows)
        undo.keep(self.inner, rows)
        undo.keep(adjacency.neighbours, _places(adjacency, rows))
        undo.later(lambda: setattr(adjacency, "num_arcs", before))
        adjacency.remove(pairs)
        ours = pairs < self.size
        np.subtract.at(self.inner, pairs[ours[:, 1], 0], 1)
        np.subtract.at(self.inner, pairs[ours[:, 0], 1], 1)

    def wipe(self, rows: NDArray[np.int64], undo: Undo) -> None:
        """Set feature rows to zero."""
        if self.table.dense is not None:
            undo.keep(self.table.dense, rows)
        else:
            first, last = self.table.indptr[rows], self.table.indptr[rows + 1]
            places = _stretches(first, last - first)
            undo.keep(self.table.indices, places)
            undo.keep(self.table.values, places)
        self.table.wipe(rows)

    def drop_codes(self, rows: NDArray[np.int64], undo: Undo) -> None:
        """Take rows out of training."""
        undo.keep(self.codes, rows)
        self.codes[rows] = -1

    def arrays(self) -> dict[str, list[NDArray[Any]]]:
        """Return what it holds, by what it is for."""
        lists, table = self.adjacency, self.table
        features = [table.dense] if table.dense is not None else [table.indptr, table.indices, table.values]
        return {
            "slots": [self.own, self.halo, self.halo_owners, self.codes],
            "adjacency": [lists.start, lists.count, lists.neighbours, self.inner],
            "features": features,
        }


def _places(adjacency: Adjacency, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    return _stretches(adjacency.start[rows], adjacency.count[rows].astype(np.int64))


def _stretches(first: NDArray[np.int64], count: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the places ``first .. first + count - 1`` of all stretches, one after the other."""
    before = np.cumsum(count) - count
    return np.repeat(first - before, count) + np.arange(int(count.sum()))


def _rows(table: FeatureTable, own: NDArray[np.int32]) -> FeatureTable:
    if table.dense is not None and own.size and own[-1] - own[0] + 1 == own.size:
        # A view: pages of a mapped file stay in the file.
        return FeatureTable((own.size, table.shape[1]), dense=table.dense[own[0] : own[-1] + 1])
    return table.take(own.astype(np.int64))


@nb.njit(cache=True)
def _beside(start, inner, count, neighbours, owners, m, rows, other):  # type: ignore[no-untyped-def]
    out = np.zeros(rows.size, np.bool_)
    for r in range(rows.size):
        i = rows[r]
        for p in range(start[i] + inner[i], start[i] + count[i]):
            if owners[neighbours[p] - m] == other:
                out[r] = True
                break
    return out


@nb.njit(cache=True)
def _cut(start, count, neighbours, own):  # type: ignore[no-untyped-def]
    """Number own rows and halo; return start, count, own-side count and neighbours, and the slots of the halo."""
    n, m = start.size, own.size
    number = np.full(n, -1, np.int32)
    for r in range(m):
        number[own[r]] = r
    arcs = 0
    crossing = 0
    h = 0
    for r in range(m):
        i = own[r]
        arcs += count[i]
        for p in range(start[i], start[i] + count[i]):
            j = neighbours[p]
            if number[j] == -1:
                number[j] = -2
                h += 1
            crossing += number[j] == -2
    halo = np.empty(h, np.int32)
    k = 0
    for j in range(n):
        if number[j] == -2:
            halo[k] = j
            number[j] = m + k
            k += 1
    new_start = np.zeros(m + h, np.int64)
    new_count = np.zeros(m + h, np.int32)
    inner = np.zeros(m + h, np.int32)
    out = np.empty(arcs + crossing, np.int32)
    at = 0
    for r in range(m):
        i = own[r]
        new_start[r] = at
        for p in range(start[i], start[i] + count[i]):
            j = number[neighbours[p]]
            if j < m:
                out[at] = j
                at += 1
        inner[r] = at - new_start[r]
        for p in range(start[i], start[i] + count[i]):
            j = number[neighbours[p]]
            if j >= m:
                out[at] = j
                at += 1
                inner[j] += 1
        new_count[r] = at - new_start[r]
    for j in range(m, m + h):
        new_start[j] = at
        at += inner[j]
    for r in range(m):
        for p in range(new_start[r] + inner[r], new_start[r] + new_count[r]):
            j = out[p]
            out[new_start[j] + new_count[j]] = r
            new_count[j] += 1
    return new_start, new_count, inner, out, halo
