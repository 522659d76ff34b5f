"""Adjacency that forgets: sorted rows with slack, from which edges are deleted in place."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

from oubli.errors import CapacityError
from oubli.graph.distinct import distinct, distinct_slots

MAX_NODES = np.iinfo(np.int32).max


class Adjacency:
    """Undirected simple graph over slots, without self-loops.

    Row `i` is ``neighbours[start[i] : start[i] + count[i]]``, ascending. Deleting closes the gaps in a row, so scans
    stay free of branches, and the freed places are overwritten with -1.

    Attributes
    ----------
    start : ndarray of int64, shape (n,)
    count : ndarray of int32, shape (n,)
    neighbours : ndarray of int32, shape (arcs,)
    num_arcs : int
        Twice the number of edges.
    """

    def __init__(self, start: NDArray[np.int64], count: NDArray[np.int32], neighbours: NDArray[np.int32]) -> None:
        self.start, self.count, self.neighbours = start, count, neighbours
        self.num_arcs = int(count.sum(dtype=np.int64))

    @classmethod
    def from_pairs(cls, num_nodes: int, pairs: NDArray[np.integer[Any]]) -> Adjacency:
        """Build from slot pairs, each edge once or more, in either direction, without self-loops."""
        if num_nodes > MAX_NODES:
            raise CapacityError(f"graph: {num_nodes} nodes; one graph in memory holds at most {MAX_NODES}")
        low, high = pairs.T
        # As `edges` lists them, and files have them: nothing to sort.
        if not _ascend(low, high):
            low, high = unique_pairs(pairs).T
        count = np.zeros(num_nodes, np.int32)
        _count_ends(low, high, count)
        start = np.zeros(num_nodes, np.int64)
        np.cumsum(count[:-1], out=start[1:])
        neighbours = np.empty(2 * low.size, np.int32)
        _fill_rows(low, high, start.copy(), neighbours)
        return cls(start, count, neighbours)

    def copy(self) -> Adjacency:
        """Return an independent copy."""
        return Adjacency(self.start.copy(), self.count.copy(), self.neighbours.copy())

    def row(self, slot: int) -> NDArray[np.int32]:
        """Return the neighbours of a slot (a view)."""
        return self.neighbours[self.start[slot] : self.start[slot] + self.count[slot]]

    def edges(self) -> NDArray[np.int64]:
        """Return the edges as slot pairs ``u < v`` in ascending order, shape (edges, 2)."""
        return self.edges_from(0, self.start.size)

    def edge_index(self) -> NDArray[np.int32]:
        """Return the edges as `edges` does, one a column: shape (2, edges)."""
        out = np.empty((2, self.num_arcs // 2), np.int32)
        _list_edges(self.start, self.count, self.neighbours, 0, self.start.size, out.T)
        return out

    def edges_from(self, first: int, last: int) -> NDArray[np.int64]:
        """Return those of the edges whose smaller end is in ``first .. last - 1``."""
        out = np.empty((int(self.count[first:last].sum(dtype=np.int64)), 2), np.int64)
        return out[: _list_edges(self.start, self.count, self.neighbours, first, last, out)]

    def has_edges(self, pairs: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Tell for each slot pair whether the edge is there."""
        return _find_edges(self.start, self.count, self.neighbours, pairs)  # type: ignore[no-any-return]

    def incident(self, slots: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the edges with at least one end in `slots`, as pairs ``u < v``, each once, ascending."""
        out = np.empty((int(self.count[slots].sum(dtype=np.int64)), 2), np.int64)
        _list_incident(self.start, self.count, self.neighbours, slots, out)
        return unique_pairs(out)

    def remove(self, pairs: NDArray[np.int64]) -> None:
        """Delete edges that are there, each given once."""
        _mark_arcs(self.start, self.count, self.neighbours, pairs)
        _close_rows(self.start, self.count, self.neighbours, distinct_slots(pairs))
        self.num_arcs -= 2 * len(pairs)


def unique_pairs(pairs: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """Return undirected pairs as ``u < v``, each once, ascending."""
    pairs = pairs.astype(np.int64, copy=False)
    low, high = np.minimum(pairs[:, 0], pairs[:, 1]), np.maximum(pairs[:, 0], pairs[:, 1])
    # One key a pair: slots are below 2**31.
    keys = distinct(low << 32 | high)
    return np.column_stack([keys >> 32, keys & 0xFFFFFFFF])


@nb.njit(cache=True)
def _ascend(low, high):  # type: ignore[no-untyped-def]
    """Tell whether pairs are ``low < high``, each once, in ascending order."""
    for e in range(low.size):
        if low[e] >= high[e]:
            return False
        if e > 0 and (low[e - 1] > low[e] or (low[e - 1] == low[e] and high[e - 1] >= high[e])):
            return False
    return True


@nb.njit(cache=True)
def _count_ends(low, high, count):  # type: ignore[no-untyped-def]
    for e in range(low.size):
        count[low[e]] += 1
        count[high[e]] += 1


@nb.njit(cache=True)
def _fill_rows(low, high, place, neighbours):  # type: ignore[no-untyped-def]
    # Pairs come sorted by (low, high): the first pass writes each row's smaller neighbours, the second its larger
    # ones, both ascending, so rows need no sort.
    for e in range(low.size):
        neighbours[place[high[e]]] = low[e]
        place[high[e]] += 1
    for e in range(low.size):
        neighbours[place[low[e]]] = high[e]
        place[low[e]] += 1


@nb.njit(cache=True)
def _list_edges(start, count, neighbours, first, last, out):  # type: ignore[no-untyped-def]
    m = 0
    for i in range(first, last):
        for p in range(start[i], start[i] + count[i]):
            if neighbours[p] > i:
                out[m, 0] = i
                out[m, 1] = neighbours[p]
                m += 1
    return m


@nb.njit(cache=True)
def _list_incident(start, count, neighbours, slots, out):  # type: ignore[no-untyped-def]
    m = 0
    for r in range(slots.size):
        for p in range(start[slots[r]], start[slots[r]] + count[slots[r]]):
            out[m, 0] = slots[r]
            out[m, 1] = neighbours[p]
            m += 1


@nb.njit(cache=True)
def _lower_bound(row, value):  # type: ignore[no-untyped-def]
    # Rows may hold complements, which `_mark_arcs` leaves until the row is closed.
    low, high = 0, row.size
    while low < high:
        middle = (low + high) // 2
        found = row[middle] if row[middle] >= 0 else ~row[middle]
        if found < value:
            low = middle + 1
        else:
            high = middle
    return low


@nb.njit(cache=True)
def _find_edges(start, count, neighbours, pairs):  # type: ignore[no-untyped-def]
    found = np.zeros(len(pairs), np.bool_)
    for e in range(len(pairs)):
        u, v = pairs[e, 0], pairs[e, 1]
        row = neighbours[start[u] : start[u] + count[u]]
        at = _lower_bound(row, v)
        found[e] = at < row.size and row[at] == v
    return found


@nb.njit(cache=True)
def _mark_arcs(start, count, neighbours, pairs):  # type: ignore[no-untyped-def]
    # A deleted place is marked by its complement, which still tells the search its value.
    for e in range(len(pairs)):
        for side in range(2):
            u, v = pairs[e, side], pairs[e, 1 - side]
            row = neighbours[start[u] : start[u] + count[u]]
            at = _lower_bound(row, v)
            row[at] = ~row[at]


@nb.njit(cache=True)
def _close_rows(start, count, neighbours, slots):  # type: ignore[no-untyped-def]
    for r in range(slots.size):
        u = slots[r]
        row = neighbours[start[u] : start[u] + count[u]]
        kept = 0
        for p in range(row.size):
            if row[p] >= 0:
                row[kept] = row[p]
                kept += 1
        for p in range(kept, row.size):
            row[p] = -1
        count[u] = kept
