"""Nodes in another order, so that neighbours are near each other on the disk."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

from oubli.errors import InputError
from oubli.graph.adjacency import Adjacency
from oubli.graph.importing.rows import RowFile

ORDERS = ("degree", "bfs")


def check_order(name: Any) -> None:
    """Refuse the name of an order that there is not."""
    if name is not None and name not in ORDERS:
        raise InputError(f"reorder: expected one of {', '.join(ORDERS)}, or None, got {name!r}")


def order_nodes(adjacency: Adjacency, name: str) -> NDArray[np.int32]:
    """Return the nodes in the order of that name.

    Parameters
    ----------
    adjacency : Adjacency
    name : {"degree", "bfs"}
        By degree, descending: hubs, to which most edges lead, share pages. Or breadth-first from the largest hub:
        nodes come near those they are linked with. Of equals, the smaller id comes first.
    """
    by_degree = np.argsort(-adjacency.count, kind="stable").astype(np.int32)
    if name == "degree":
        return by_degree
    return _breadth_first(adjacency.start, adjacency.count, adjacency.neighbours, by_degree)  # type: ignore[no-any-return]


def append_rows(
    adjacency: Adjacency,
    nodes: NDArray[np.int32],
    capacity: int,
    counts: NDArray[np.int32],
    rows: RowFile,
    step: Callable[[int, int], None],
) -> None:
    """Write the rows of nodes in another order, the neighbours numbered by it, `capacity` arcs at a time.

    Parameters
    ----------
    adjacency : Adjacency
        May be mapped.
    nodes : ndarray of int32
        From `order_nodes`.
    capacity : int
    counts : ndarray of int32
        Takes the lengths of the rows.
    rows : RowFile
    step : callable
        Told how many arcs are done, of how many.
    """
    slots = np.empty_like(nodes)
    slots[nodes] = np.arange(nodes.size, dtype=np.int32)
    np.take(adjacency.count, nodes, out=counts)
    bounds = np.concatenate([[0], np.cumsum(counts, dtype=np.int64)])
    first = 0
    while first < nodes.size:
        fits = int(np.searchsorted(bounds, bounds[first] + capacity, side="right")) - 1
        end = max(first + 1, fits)
        rows.append(_gather(adjacency.start, adjacency.count, adjacency.neighbours, nodes[first:end], slots))
        step(int(bounds[end]), adjacency.num_arcs)
        first = end


@nb.njit(cache=True, nogil=True)
def _breadth_first(start, count, neighbours, by_degree):  # type: ignore[no-untyped-def]
    queue = np.empty(by_degree.size, np.int32)
    seen = np.zeros(by_degree.size, np.bool_)
    end = 0
    head = 0
    for root in by_degree:
        if seen[root]:
            continue
        seen[root] = True
        queue[end] = root
        end += 1
        while head < end:
            node = queue[head]
            head += 1
            for p in range(start[node], start[node] + count[node]):
                other = neighbours[p]
                if not seen[other]:
                    seen[other] = True
                    queue[end] = other
                    end += 1
    return queue


@nb.njit(cache=True, nogil=True)
def _gather(start, count, neighbours, nodes, slots):  # type: ignore[no-untyped-def]
    size = 0
    for node in nodes:
        size += count[node]
    out = np.empty(size, np.int32)
    at = 0
    for node in nodes:
        begin = at
        for p in range(start[node], start[node] + count[node]):
            out[at] = slots[neighbours[p]]
            at += 1
        out[begin:at].sort()
    return out
