"""Delta push: the kernels that carry a change through one hop, at the cost of the rows it reaches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

from oubli.propagation.hop import AHEAD, LINE, prefetch_row, round_quotient
from oubli.propagation.threads import TwoWay, sharers

WORD = 64
"""Rows that a word of marks stands for."""

SAMPLE = 1024
"""Receivers, about, that tell how to share them out."""

BLOCK = 2**25
"""Bytes of totals that are written to before the next are: pages of a file go to the disk once, not again and again."""

ARCS_A_VISIT = 8
"""Arcs to write, at least, each time that the changed rows are gone through for one more block."""

LAST = np.int32(2**31 - 1)
"""No slot: stands behind the last neighbour of a row."""

PUSH_ARC, PUSH_ROW, PUSH_PAIR = 1.35, 2, 5
"""What pushing costs an arc written, a row reached and an edge lost, an arc of a full hop being 1 and a total taking as
many cache lines as a message; fitted to whole calls (ogbn-arxiv, and R-MAT of 200 million arcs with 16 columns).
benchmarks.kernels shows where pushing and whole hops cross."""


def costs_more(arcs: int, lost: int, all_arcs: int, nodes: int, width: int) -> bool:
    """Tell whether a whole hop is cheaper than pushing `width` columns along `arcs` and `lost` edges."""
    rows = min(arcs + 2 * lost, nodes)
    # Four bytes a column of a total, which is pushed to, and two of a message, which is pulled.
    lines = -(-4 * width // LINE) / max(1, -(-2 * width // LINE))
    return lines * (PUSH_ARC * arcs + PUSH_ROW * rows + PUSH_PAIR * lost) > all_arcs + nodes


@nb.njit(cache=True)
def count_arcs(count, rows):  # type: ignore[no-untyped-def]
    """Return how many rows, repeats counted, a push from `rows` would write to."""
    arcs = 0
    for r in range(rows.size):
        arcs += count[rows[r]] + 1
    return arcs


@dataclass(frozen=True)
class Lists:
    """Receivers of every row: `count` neighbours from `start` on, ascending.

    Parameters
    ----------
    start : ndarray of int64
    count : ndarray of int32
    neighbours : ndarray of int32
    size : int
        Slots before this one can receive.
    """

    start: NDArray[np.int64]
    count: NDArray[np.int32]
    neighbours: NDArray[np.int32]
    size: int


class Push:
    """Changed rows, and all that they write to.

    Threads share the receivers out by slot: in an ascending row of neighbours those of one thread are one stretch, so
    no two threads write to the same row.

    Parameters
    ----------
    lists : Lists
    changed : ndarray of int64
    width : int
        Columns of what is pushed.
    """

    def __init__(self, lists: Lists, changed: NDArray[np.int64], width: int) -> None:
        self.size, self.changed = lists.size, changed
        self._lists = lists.start, lists.count, lists.neighbours
        self._arcs = int(count_arcs(lists.count, changed))
        self._work = self._arcs * width
        self._cuts = self._share_out()

    def rows(self, endpoints: NDArray[np.int64], marks: NDArray[np.uint64]) -> NDArray[np.int64]:
        """Return the rows that are written to, and the endpoints, ascending.

        `marks` has a bit a slot (see `no_marks`), none of which is set before or after.
        """
        _mark(self._work, *self._lists, self.changed, self._cuts, marks)
        room = min(self.size, self._arcs + endpoints.size)
        rows: NDArray[np.int64] = _take_marked(endpoints, self.size, marks, room)
        return rows

    def scatter(self, change: NDArray[Any], totals: NDArray[Any]) -> None:
        """Add the change of every changed row to its own total and to those of its neighbours, block by block."""
        blocks = min(self.size * totals[:1].nbytes // BLOCK, self._arcs // (ARCS_A_VISIT * max(1, self.changed.size)))
        block = -(-self.size // (1 + blocks))
        _scatter(self._work, *self._lists, self.changed, self._cuts, block, change, totals)

    def _share_out(self) -> NDArray[np.int64]:
        """Return slots that part the receivers into one stretch a thread, of like numbers of arcs."""
        threads = sharers(self._work)
        cuts = np.zeros(threads + 1, np.int64)
        cuts[-1] = self.size
        if threads > 1:
            some = np.sort(_some_receivers(*self._lists, self.changed, self._arcs // SAMPLE + 1))
            if some.size:
                # Whole words of marks, which two threads must not share.
                cuts[1:-1] = some[np.arange(1, threads) * some.size // threads] // WORD * WORD
        return cuts


def no_marks(slots: int) -> NDArray[np.uint64]:
    """Return a bit a slot, none of which is set."""
    return np.zeros(-(-slots // WORD), np.uint64)


@nb.njit(cache=True)
def _some_receivers(start, count, neighbours, changed, every):  # type: ignore[no-untyped-def]
    """Return the receiver at the end of every so manieth arc."""
    out = np.empty(count_arcs(count, changed) // every + 1, np.int32)
    m = 0
    ahead = 0
    for r in range(changed.size):
        i = changed[r]
        while ahead < count[i]:
            out[m] = neighbours[start[i] + ahead]
            m += 1
            ahead += every
        ahead -= count[i]
    return out[:m]


@TwoWay
def _mark(start, count, neighbours, changed, cuts, marks):  # type: ignore[no-untyped-def]
    for part in nb.prange(cuts.size - 1):
        low, high = cuts[part], cuts[part + 1]
        for r in range(changed.size):
            i = changed[r]
            if low <= i < high:
                marks[i >> 6] |= np.uint64(1) << np.uint64(i & 63)
            first, last = start[i], start[i] + count[i]
            if cuts.size > 2:
                row = neighbours[first:last]
                first, last = first + np.searchsorted(row, low), first + np.searchsorted(row, high)
            for p in range(first, last):
                j = np.int64(neighbours[p])
                marks[j >> 6] |= np.uint64(1) << np.uint64(j & 63)


@nb.njit(cache=True)
def _take_marked(endpoints, size, marks, room):  # type: ignore[no-untyped-def]
    """Mark the endpoints, list all that is marked, and unmark it."""
    for r in range(endpoints.size):
        i = endpoints[r]
        if i < size:
            marks[i >> 6] |= np.uint64(1) << np.uint64(i & 63)
    out = np.empty(room, np.int64)
    m = 0
    for at in range(marks.size):
        word = marks[at]
        if word:
            marks[at] = 0
            for bit in range(64):
                if word >> np.uint64(bit) & np.uint64(1):
                    out[m] = 64 * at + bit
                    m += 1
    return out[:m]


@TwoWay
def _scatter(start, count, neighbours, changed, cuts, block, change, totals):  # type: ignore[no-untyped-def]
    width = totals.shape[1]
    flat = totals.reshape(-1)
    step = LINE // totals.itemsize
    for part in nb.prange(cuts.size - 1):
        low, high = cuts[part], cuts[part + 1]
        place = np.empty(changed.size, np.int64)
        following = np.empty(changed.size, np.int32)
        for r in range(changed.size):
            first, last = start[changed[r]], start[changed[r]] + count[changed[r]]
            place[r] = first + (np.searchsorted(neighbours[first:last], low) if low else 0)
            following[r] = neighbours[place[r]] if place[r] < last else LAST
        for begin in range(low, high, max(block, 1)):
            end = min(begin + block, high)
            for r in range(changed.size):
                i, j = changed[r], following[r]
                if begin <= i < end:
                    for k in range(width):
                        totals[i, k] += change[r, k]
                if j >= end:
                    continue
                p, last = place[r], start[i] + count[i]
                while j < end:
                    if p + AHEAD < last:
                        prefetch_row(flat, neighbours, p + AHEAD, width, step)
                    for k in range(width):
                        totals[j, k] += change[r, k]
                    p += 1
                    j = neighbours[p] if p < last else LAST
                place[r], following[r] = p, j


@nb.njit(cache=True)
def subtract_edges(pairs, endpoints, former, totals):  # type: ignore[no-untyped-def]
    """Take back what removed edges used to carry: each end's former message from the other end's total.

    The messages of the ascending `endpoints` are `former`. Ends beyond the totals are others' to bring up to date.
    """
    for e in range(len(pairs)):
        for side in range(2):
            u, v = pairs[e, side], pairs[e, 1 - side]
            if u < len(totals):
                at = np.searchsorted(endpoints, v)
                for k in range(totals.shape[1]):
                    totals[u, k] -= former[at, k]


@TwoWay
def round_rows(totals, rows, degrees, out):  # type: ignore[no-untyped-def]
    """Round the totals of some rows to the messages of the next hop."""
    width = totals.shape[1]
    flat = totals.reshape(-1)
    step = LINE // totals.itemsize
    for r in nb.prange(rows.size):
        prefetch_row(flat, rows, r + AHEAD, width, step)
        i = rows[r]
        degree = np.float64(degrees[r])
        inverse = 1.0 / degree
        for k in range(width):
            out[r, k] = round_quotient(np.float64(totals[i, k]), degree, inverse)


def changed_messages(
    totals: NDArray[Any], rows: NDArray[np.int64], degrees: NDArray[np.int64], former: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return the rows whose rounded message is not the `former` one any more, and by how much; `former` is used up."""
    moved = np.empty(rows.size, np.bool_)
    _take_from_messages(former.size, totals, rows, degrees, former, moved)
    return rows[moved], former[moved]


@TwoWay
def _take_from_messages(totals, rows, degrees, former, moved):  # type: ignore[no-untyped-def]
    width = totals.shape[1]
    flat = totals.reshape(-1)
    step = LINE // totals.itemsize
    for r in nb.prange(rows.size):
        prefetch_row(flat, rows, r + AHEAD, width, step)
        i = rows[r]
        degree = np.float64(degrees[r])
        inverse = 1.0 / degree
        differs = np.int32(0)
        for k in range(width):
            change = np.int32(round_quotient(np.float64(totals[i, k]), degree, inverse)) - former[r, k]
            former[r, k] = change
            differs |= change
        moved[r] = differs != 0
