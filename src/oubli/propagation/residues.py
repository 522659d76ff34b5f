"""Kernels of lazy propagation: rows of reserves and residues, in means over neighbours.

Loops run over rows one after the other and over columns side by side, so no sum depends on the number of threads.
"""

from __future__ import annotations

import numba as nb
import numpy as np

from oubli.propagation.hop import AHEAD, LINE, prefetch, prefetch_row
from oubli.propagation.threads import TwoWay


@TwoWay
def sweep(start, count, neighbours, source, out):  # type: ignore[no-untyped-def]
    """Write to `out` the mean of every row of `source` and its neighbours' rows."""
    n, width = source.shape
    flat = source.reshape(-1)
    step = LINE // source.itemsize
    for block in nb.prange((n + 255) // 256):
        row = np.empty(width)
        for i in range(block * 256, min(n, block * 256 + 256)):
            row[:] = source[i]
            for p in range(start[i], start[i] + count[i]):
                prefetch_row(flat, neighbours, p + AHEAD, width, step)
                j = neighbours[p]
                for k in range(width):
                    row[k] += source[j, k]
            degree = count[i] + 1.0
            for k in range(width):
                out[i, k] = row[k] / degree


@nb.njit(cache=True)
def frontier(start, count, neighbours, rows, seeds, stamp, epoch):  # type: ignore[no-untyped-def]
    """List the arcs that `rows` push along, each row's own first, and every distinct receiver, `seeds` among them.

    `stamp` is `epoch` where a slot is listed; it need not be cleared, as no two calls share an epoch.
    """
    room = 0
    for r in range(rows.size):
        room += count[rows[r]] + 1
    arcs = np.empty(room, np.int32)
    reached = np.empty(min(room + seeds.size, stamp.size), np.int64)
    a = m = 0
    for r in range(seeds.size):
        stamp[seeds[r]] = epoch
        reached[m] = seeds[r]
        m += 1
    for r in range(rows.size):
        i = rows[r]
        for p in range(start[i] - 1, start[i] + count[i]):
            j = neighbours[p] if p >= start[i] else i
            arcs[a] = j
            a += 1
            if stamp[j] != epoch:
                stamp[j] = epoch
                reached[m] = j
                m += 1
    return arcs, reached[:m]


@TwoWay
def spread(rows, values, arcs, count, target, parts):  # type: ignore[no-untyped-def]
    """Add each row's value, over the receiver's degree, to the receivers that `arcs` lists for it.

    `parts` threads take the columns among them, so no two write to one place.
    """
    width = target.shape[1]
    flat = target.reshape(-1)
    step = LINE // target.itemsize
    for part in nb.prange(parts):
        low, high = part * width // parts, (part + 1) * width // parts
        a = 0
        for r in range(rows.size):
            for _ in range(count[rows[r]] + 1):
                if a + AHEAD < arcs.size:
                    first = np.int64(arcs[a + AHEAD]) * width
                    for k in range(first + low, first + high, step):
                        prefetch(flat, k)
                j = arcs[a]
                a += 1
                share = 1.0 / (count[j] + 1.0)
                for k in range(low, high):
                    target[j, k] += values[r, k] * share


@nb.njit(cache=True)
def volume(count, arcs):  # type: ignore[no-untyped-def]
    """Return the receivers' degrees, summed over arcs."""
    total = 0
    for a in range(arcs.size):
        total += count[arcs[a]] + 1
    return total


@nb.njit(cache=True)
def above(rows, residue, rmax):  # type: ignore[no-untyped-def]
    """Return those of `rows` whose residue exceeds `rmax` in some column."""
    out = np.empty(rows.size, np.int64)
    flat = residue.reshape(-1)
    width = residue.shape[1]
    step = LINE // residue.itemsize
    m = 0
    for r in range(rows.size):
        prefetch_row(flat, rows, r + AHEAD, width, step)
        i = rows[r]
        for k in range(width):
            if abs(residue[i, k]) > rmax:
                out[m] = i
                m += 1
                break
    return out[:m]


@nb.njit(cache=True)
def take(rows, residue, reserve):  # type: ignore[no-untyped-def]
    """Move residues into the reserve; return them."""
    values = np.empty((rows.size, residue.shape[1]))
    for r in range(rows.size):
        i = rows[r]
        for k in range(residue.shape[1]):
            values[r, k] = residue[i, k]
            reserve[i, k] += values[r, k]
            residue[i, k] = 0.0
    return values


@nb.njit(cache=True)
def lose_edges(lists, pairs, ends, lost, sent, held, residue, last):  # type: ignore[no-untyped-def]
    """Put right the means of nodes that lost edges, before anything is pushed.

    A mean ``m`` over `d` rows that loses `k` of them becomes ``m + (sum over the lost of (m - row)) / (d - k)``. The
    reserve is part of ``m`` and stays; the residue takes up the difference, or at the last hop the reserve itself.
    Where fewer rows stay than go, the mean is computed anew, which costs less and rounds less.

    Parameters
    ----------
    lists : tuple
        ``start``, ``count`` and ``neighbours``, without the edges that went.
    pairs : ndarray of int64, shape (m, 2)
        Their ends, as positions in `ends`.
    ends, lost : ndarrays
        Nodes, and how many edges each lost.
    sent, held : ndarrays of float64, shape (n, width)
        Reserves of the hop before, and of this one.
    residue : ndarray of float64, shape (n, width)
        Of this hop; of no use at the last.
    last : bool
    """
    start, count, neighbours = lists
    width = held.shape[1]
    change = np.zeros((ends.size, width))
    for e in range(len(pairs)):
        for side in range(2):
            at, u, v = pairs[e, side], ends[pairs[e, side]], ends[pairs[e, 1 - side]]
            for k in range(width):
                change[at, k] += held[u, k] - sent[v, k]
    for at in range(ends.size):
        i = ends[at]
        degree = count[i] + 1.0
        if lost[at] > degree:
            for k in range(width):
                change[at, k] = sent[i, k]
            for p in range(start[i], start[i] + count[i]):
                for k in range(width):
                    change[at, k] += sent[neighbours[p], k]
            for k in range(width):
                change[at, k] = change[at, k] / degree - held[i, k]
        else:
            grown = 0.0 if last else (degree + lost[at]) / degree
            for k in range(width):
                change[at, k] /= degree
                if not last:
                    change[at, k] += residue[i, k] * grown
        for k in range(width):
            if last:
                held[i, k] += change[at, k]
            else:
                residue[i, k] = change[at, k]


@TwoWay
def combine(slots, reserves, hops, weights, scale, out):  # type: ignore[no-untyped-def]
    """Write ``scale * sum of weight * reserve`` of every slot, in the order of the hops."""
    width = out.shape[1]
    flat = reserves[hops[-1]].reshape(-1)
    step = LINE // reserves.itemsize
    for block in nb.prange((slots.size + 255) // 256):
        for r in range(block * 256, min(slots.size, block * 256 + 256)):
            prefetch_row(flat, slots, r + AHEAD, width, step)
            i = slots[r]
            for k in range(width):
                out[r, k] = weights[0] * reserves[hops[0], i, k]
            for h in range(1, hops.size):
                for k in range(width):
                    out[r, k] += weights[h] * reserves[hops[h], i, k]
            for k in range(width):
                out[r, k] *= scale[r]


@nb.njit(cache=True)
def weighted_sizes(rows, residue, weights, out):  # type: ignore[no-untyped-def]
    """Add to `out` the absolute values of each column of `residue` in these rows, weighted by row."""
    for r in range(rows.size):
        i = rows[r]
        for k in range(out.size):
            out[k] += abs(residue[i, k]) * weights[i]


@nb.njit(cache=True)
def gather_back(start, count, neighbours, values):  # type: ignore[no-untyped-def]
    """Return for each row what one step passes on: the values of its receivers over their degrees, summed."""
    shares = np.empty(values.size)
    for i in range(values.size):
        shares[i] = values[i] / (count[i] + 1.0)
    out = np.empty(values.size)
    for i in range(values.size):
        total = shares[i]
        for p in range(start[i], start[i] + count[i]):
            total += shares[neighbours[p]]
        out[i] = total
    return out
