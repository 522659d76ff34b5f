"""Means over neighbours of integer rows, and the slots whose means read others."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

from oubli.graph.adjacency import Adjacency
from oubli.graph.distinct import distinct, distinct_slots
from oubli.propagation.threads import TwoWay


def mean_over_neighbours(
    adjacency: Adjacency, values: NDArray[np.int16], slots: NDArray[np.int64], factor: int = 1
) -> NDArray[np.int16]:
    """Return `factor` times the mean of the neighbours' rows, rounded, halves up; zeros where there is no neighbour."""
    out = np.empty((slots.size, values.shape[1]), np.int16)
    work = int(adjacency.count[slots].sum(dtype=np.int64)) * values.shape[1]
    _mean(work, adjacency.start, adjacency.count, adjacency.neighbours, values, slots, factor, out)
    return out


def readers(adjacency: Adjacency, slots: NDArray[np.int64], ends: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return where means may change when the rows of `slots` do, and edges went from `ends`."""
    return distinct(distinct_slots(_neighbours_of(adjacency, slots)), ends)


def _neighbours_of(adjacency: Adjacency, slots: NDArray[np.int64]) -> NDArray[np.int64]:
    out = np.empty(int(adjacency.count[slots].sum(dtype=np.int64)), np.int64)
    _list_neighbours(adjacency.start, adjacency.count, adjacency.neighbours, slots, out)
    return out


@nb.njit(cache=True)
def _list_neighbours(start, count, neighbours, slots, out):  # type: ignore[no-untyped-def]
    m = 0
    for r in range(slots.size):
        for p in range(start[slots[r]], start[slots[r]] + count[slots[r]]):
            out[m] = neighbours[p]
            m += 1


@TwoWay
def _mean(start: Any, count: Any, neighbours: Any, values: Any, slots: Any, factor: Any, out: Any) -> None:
    for r in nb.prange(slots.size):
        i = slots[r]
        degree = max(count[i], 1)
        totals = np.zeros(values.shape[1], np.int64)
        for p in range(start[i], start[i] + count[i]):
            for k in range(values.shape[1]):
                totals[k] += values[neighbours[p], k]
        for k in range(values.shape[1]):
            out[r, k] = (2 * factor * totals[k] + degree) // (2 * degree)
