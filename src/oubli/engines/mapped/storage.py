"""A propagation's arrays in a store, and a graph's rows noted before a removal changes them."""

from __future__ import annotations

import os
import secrets
from itertools import pairwise
from typing import Any

import numba as nb
import numpy as np
from numpy.typing import DTypeLike, NDArray

from oubli.engines.mapped.store import Store
from oubli.graph.disk.arrays import allocate
from oubli.graph.disk.folder import SPARSE
from oubli.graph.distinct import distinct
from oubli.graph.graph import Graph
from oubli.graph.removal import RemovalPlan
from oubli.propagation.storage import Storage

LONG = 4096
"""Entries of a row of the adjacency from which it is noted as one run."""

GATHERED = np.dtype(np.int16).itemsize
"""Bytes of an entry of what is gathered from at random."""


class MappedStorage(Storage):
    """Arrays of a propagation in a store.

    Parameters
    ----------
    store : Store
    cache : int
        Bytes of the page cache that the rows gathered from at random may take.
    """

    def __init__(self, store: Store, cache: int) -> None:
        self.store, self.cache = store, cache

    def empty(self, name: str, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """Return a new array of the store."""
        return self.store.empty(name, shape, dtype)

    def spare(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """Return an array in a file without a name, which goes with it."""
        path = self.store.folder / f"spare-{secrets.token_hex(4)}"
        array = allocate(path, shape, dtype)
        os.unlink(path)
        return array

    def renew(self, name: str, array: NDArray[Any]) -> NDArray[Any]:
        """Return an array to write anew, while the former one may be needed yet."""
        return self.store.renew(name)

    def before(self, name: str, array: NDArray[Any], rows: NDArray[np.int64]) -> None:
        """Keep rows that are about to change."""
        self.store.before(name, rows)

    def column_panels(self, rows: int, columns: int) -> list[slice]:
        """Return as few panels of columns as let one of them stay in the page cache, of like widths."""
        room = max(1, self.cache // max(1, rows * GATHERED))
        count = -(-columns // room) or 1
        bounds = [columns * at // count for at in range(count + 1)]
        return [slice(first, last) for first, last in pairwise(bounds)]


def note_graph(store: Store, graph: Graph, plan: RemovalPlan) -> None:
    """Keep every row of a graph that applying a plan changes."""
    for name, places in _changed_rows(graph, plan):
        store.before(name, places, sync=False)
    adjacency, ends = graph.adjacency, plan.endpoints
    begins = _first_changed(adjacency.start, adjacency.count, adjacency.neighbours, plan.edges, ends)
    lengths = adjacency.start[ends] + adjacency.count[ends] - begins
    short = lengths < LONG
    for begin, length in zip(begins[~short].tolist(), lengths[~short].tolist(), strict=True):
        store.before_run("neighbours", begin, begin + length)
    store.before("neighbours", _runs(begins[short], lengths[short]))


def _changed_rows(graph: Graph, plan: RemovalPlan) -> list[tuple[str, NDArray[np.int64]]]:
    gone = distinct(plan.nodes, plan.labels)
    rows = [("count", plan.endpoints), ("label_codes", gone), ("split_codes", gone), ("alive", plan.nodes)]
    rows.append(("ids", graph.index.overwritten(plan.nodes)))
    if graph.table.dense is not None:
        return [*rows, ("features", plan.wiped)]
    indptr = graph.table.indptr
    entries = _runs(indptr[plan.wiped], indptr[plan.wiped + 1] - indptr[plan.wiped])
    return [*rows, *((name, entries) for name in SPARSE[1:])]


@nb.njit(cache=True)
def _first_changed(start, count, neighbours, pairs, ends):  # type: ignore[no-untyped-def]
    """Return, for ascending `ends` of pairs, where in its row the first neighbour is that goes."""
    out = start[ends] + count[ends]
    for e in range(len(pairs)):
        for side in range(2):
            u, v = pairs[e, side], pairs[e, 1 - side]
            row = neighbours[start[u] : start[u] + count[u]]
            at = start[u] + np.searchsorted(row, v)
            place = np.searchsorted(ends, u)
            out[place] = min(out[place], at)
    return out


@nb.njit(cache=True)
def _runs(begins, lengths):  # type: ignore[no-untyped-def]
    """Return all places of runs."""
    out = np.empty(lengths.sum(), np.int64)
    m = 0
    for r in range(begins.size):
        for p in range(begins[r], begins[r] + lengths[r]):
            out[m] = p
            m += 1
    return out
