"""Delta push: the kernels that carry a change through one hop, at the cost of the rows it reaches."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

from oubli.propagation.hop import AHEAD, LINE, prefetch, prefetch_row, round_quotient
from oubli.propagation.threads import TwoWay, sharers

FAR = 32
"""How many neighbours ahead their places are prefetched, four bytes each."""

SAMPLE = 1024
"""Receivers, about, that tell how to share them out."""

PUSH_ARC, PUSH_ROW, PUSH_PAIR = 3, 5, 11
"""What pushing costs an arc written, a row reached and an edge lost, an arc of a full hop being 1; fitted to
whole calls on one graph (ogbn-arxiv); benchmarks.kernels shows where pushing and whole hops cross."""


def costs_more(arcs: int, lost: int, all_arcs: int, nodes: int) -> bool:
    """Tell whether a whole hop is cheaper than pushing along `arcs` and `lost` edges."""
    rows = min(arcs + 2 * lost, nodes)
    return PUSH_ARC * arcs + PUSH_ROW * rows + PUSH_PAIR * lost > all_arcs + nodes


@nb.njit(cache=True)
def count_arcs(count, rows):  # type: ignore[no-untyped-def]
    """Return how many rows, repeats counted, a push from `rows` would write to."""
    arcs = 0
    for r in range(rows.size):
        arcs += count[rows[r]] + 1
    return arcs


@nb.njit(cache=True)
def reached(start, count, neighbours, endpoints, changed, position, room):  # type: ignore[no-untyped-def]
    """List the endpoints, then every other row that a push from `changed` writes to.

    `position` maps a slot to its place in the list; it is -1 everywhere before, and for the caller to reset after.
    """
    out = np.empty(room, np.int64)
    m = 0
    for r in range(endpoints.size):
        position[endpoints[r]] = m
        out[m] = endpoints[r]
        m += 1
    for r in range(changed.size):
        i = changed[r]
        if position[i] < 0:
            position[i] = m
            out[m] = i
            m += 1
        last = start[i] + count[i]
        for p in range(start[i], last):
            if p + FAR < last:
                prefetch(position, neighbours[p + FAR])
            j = neighbours[p]
            if position[j] < 0:
                position[j] = m
                out[m] = j
                m += 1
    return out[:m]


def scatter(
    start: NDArray[np.int64],
    count: NDArray[np.int32],
    neighbours: NDArray[np.int32],
    changed: NDArray[np.int64],
    change: NDArray[np.int32],
    position: NDArray[np.int32],
    delta: NDArray[Any],
    rows: NDArray[np.int64],
) -> None:
    """Add the change of every changed row to its own delta and to those of its neighbours.

    Threads share the receivers out by slot: in an ascending row of neighbours those of one thread are one stretch, so
    no two threads write to the same row. `rows` are the receivers, of which some tell where to divide them.
    """
    threads = sharers(delta.size)
    cuts = np.zeros(threads + 1, np.int64)
    cuts[-1] = start.size
    if threads > 1:
        some = np.sort(rows[:: max(1, rows.size // SAMPLE)])
        cuts[1:-1] = some[np.arange(1, threads) * some.size // threads]
    _scatter(delta.size, start, count, neighbours, changed, change, position, delta, cuts)


@TwoWay
def _scatter(start, count, neighbours, changed, change, position, delta, cuts):  # type: ignore[no-untyped-def]
    width = delta.shape[1]
    flat = delta.reshape(-1)
    for part in nb.prange(cuts.size - 1):
        low, high = cuts[part], cuts[part + 1]
        for r in range(changed.size):
            i = changed[r]
            if low <= i < high:
                at = position[i]
                for k in range(width):
                    delta[at, k] += change[r, k]
            first, last = start[i], start[i] + count[i]
            if cuts.size > 2:
                row = neighbours[first:last]
                first, last = first + np.searchsorted(row, low), first + np.searchsorted(row, high)
            for p in range(first, last):
                if p + AHEAD < last:
                    prefetch(flat, np.int64(position[neighbours[p + AHEAD]]) * width)
                at = position[neighbours[p]]
                for k in range(width):
                    delta[at, k] += change[r, k]


@nb.njit(cache=True)
def subtract_edges(pairs, position, former, delta, lost):  # type: ignore[no-untyped-def]
    """Take back what removed edges used to carry: each end's former message from the other end's total.

    Endpoints come first in the list of reached rows, so ``position`` is also the row of `former`.
    """
    for e in range(len(pairs)):
        u, v = position[pairs[e, 0]], position[pairs[e, 1]]
        lost[u] += 1
        lost[v] += 1
        for k in range(delta.shape[1]):
            delta[u, k] -= former[v, k]
            delta[v, k] -= former[u, k]


@nb.njit(cache=True)
def settle_messages(rows, count, lost, delta, totals, former):  # type: ignore[no-untyped-def]
    """Add the deltas to the totals and leave in `delta` the change of each rounded message.

    Returns the rows whose message changed; the first so many rows of `delta` are theirs. `former` receives the old
    messages of the endpoints, which are the first of `rows`.
    """
    width = delta.shape[1]
    flat = totals.reshape(-1)
    step = LINE // totals.itemsize
    changed = np.empty(rows.size, np.int64)
    m = 0
    for r in range(rows.size):
        prefetch_row(flat, rows, r + AHEAD, width, step)
        i = rows[r]
        degree = np.float64(count[i] + 1)
        inverse = 1.0 / degree
        old_degree = np.float64(count[i] + 1 + lost[r])
        old_inverse = 1.0 / old_degree
        differs = False
        for k in range(width):
            old = round_quotient(np.float64(totals[i, k]), old_degree, old_inverse)
            totals[i, k] += delta[r, k]
            new = round_quotient(np.float64(totals[i, k]), degree, inverse)
            if r < former.shape[0]:
                former[r, k] = old
            delta[m, k] = np.int32(new - old)
            differs = differs or new != old
        if differs:
            changed[m] = i
            m += 1
    return changed[:m]


@TwoWay
def add_deltas(rows, delta, totals):  # type: ignore[no-untyped-def]
    """Add the deltas to the totals of different rows."""
    width = delta.shape[1]
    flat = totals.reshape(-1)
    step = LINE // totals.itemsize
    for r in nb.prange(rows.size):
        prefetch_row(flat, rows, r + AHEAD, width, step)
        i = rows[r]
        for k in range(width):
            totals[i, k] += delta[r, k]
