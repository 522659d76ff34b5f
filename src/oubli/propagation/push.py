"""Delta push: the kernels that carry a change through one hop, at the cost of the rows it reaches."""

from __future__ import annotations

import numba as nb
import numpy as np

from oubli.propagation.hop import AHEAD, LINE, prefetch_row, round_quotient

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
        for p in range(start[i], start[i] + count[i]):
            j = neighbours[p]
            if position[j] < 0:
                position[j] = m
                out[m] = j
                m += 1
    return out[:m]


@nb.njit(cache=True)
def scatter(start, count, neighbours, changed, change, position, delta):  # type: ignore[no-untyped-def]
    """Add the change of every changed row to its own delta and to those of its neighbours."""
    width = delta.shape[1]
    for r in range(changed.size):
        i = changed[r]
        at = position[i]
        for k in range(width):
            delta[at, k] += change[r, k]
        for p in range(start[i], start[i] + count[i]):
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


@nb.njit(cache=True)
def settle_outputs(rows, wanted, old_scale, scale, delta, totals, former):  # type: ignore[no-untyped-def]
    """Add the deltas to the totals; for wanted rows, tell which scaled outputs change and keep the old ones.

    Returns the wanted rows whose output changed; the first so many rows of `former` are their old outputs.
    """
    width = delta.shape[1]
    flat = totals.reshape(-1)
    step = LINE // totals.itemsize
    changed = np.empty(rows.size, np.int64)
    m = 0
    for r in range(rows.size):
        prefetch_row(flat, rows, r + AHEAD, width, step)
        i = rows[r]
        if not wanted[i]:
            for k in range(width):
                totals[i, k] += delta[r, k]
            continue
        differs = False
        for k in range(width):
            old = np.int32(np.rint(totals[i, k] * old_scale[r]))
            totals[i, k] += delta[r, k]
            new = np.int32(np.rint(totals[i, k] * scale[r]))
            former[m, k] = old
            differs = differs or new != old
        if differs:
            changed[m] = i
            m += 1
    return changed[:m]
