"""Averages over neighbours of float rows, in a fixed order, with or without the node itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numba as nb
import numpy as np
from numpy.typing import NDArray

from oubli.graph.adjacency import Adjacency
from oubli.graph.distinct import distinct
from oubli.propagation.threads import TwoWay


@dataclass(frozen=True)
class Averaging:
    """One step of ``D^-1 A`` ("random_walk") or ``D^-1/2 A D^-1/2`` ("symmetric").

    Attributes
    ----------
    normalization : {"random_walk", "symmetric"}
    self_loops : bool
        Whether a node counts among its own neighbours.

    Notes
    -----
    Neighbours are added in the order of their slots, the order of external ids, so the bytes depend on the graph alone;
    the node itself comes first. A node without neighbours receives zeros.
    """

    normalization: Literal["random_walk", "symmetric"]
    self_loops: bool = False

    def scales(self, adjacency: Adjacency) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the factor of each receiving row and of each sending row."""
        degrees = adjacency.count.astype(np.float64) + self.self_loops
        inverse = np.where(degrees > 0, 1.0 / np.maximum(degrees, 1.0), 0.0)
        if self.normalization == "random_walk":
            return inverse, np.ones_like(inverse)
        root = np.sqrt(inverse)
        return root, root

    def step(
        self,
        adjacency: Adjacency,
        values: NDArray[np.float64],
        rows: NDArray[np.int64] | None = None,
        out: NDArray[np.float64] | None = None,
    ) -> NDArray[np.float64]:
        """Return the averages of all rows, or write those of `rows` alone into `out`."""
        result = np.empty_like(values) if out is None else out
        wanted = np.arange(len(values)) if rows is None else rows
        lists = adjacency.start, adjacency.count, adjacency.neighbours
        work = (int(adjacency.count[wanted].sum(dtype=np.int64)) + wanted.size) * values.shape[1]
        _average(work, *lists, *self.scales(adjacency), self.self_loops, wanted, values, result)
        return result

    def back_and_forth(self, adjacency: Adjacency) -> NDArray[np.float64]:
        """Return how much of a row two steps without self-loops bring back to it, the diagonal of the square."""
        lists = adjacency.start, adjacency.count, adjacency.neighbours
        return _returning(*lists, *self.scales(adjacency))  # type: ignore[no-any-return]

    def reach(self, adjacency: Adjacency, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the rows whose averages read `rows`."""
        near = [adjacency.row(slot) for slot in rows.tolist()]
        return distinct(rows, *(part.astype(np.int64) for part in near))


@TwoWay
def _average(start, count, neighbours, receive, send, loops, rows, values, out):  # type: ignore[no-untyped-def]
    width = values.shape[1]
    for r in nb.prange(rows.size):
        i = rows[r]
        for k in range(width):
            out[i, k] = send[i] * values[i, k] if loops else 0.0
        for p in range(start[i], start[i] + count[i]):
            j = neighbours[p]
            weight = send[j]
            for k in range(width):
                out[i, k] += weight * values[j, k]
        for k in range(width):
            out[i, k] *= receive[i]


@nb.njit(cache=True)
def _returning(start, count, neighbours, receive, send):  # type: ignore[no-untyped-def]
    out = np.zeros(start.size)
    for i in range(start.size):
        for p in range(start[i], start[i] + count[i]):
            j = neighbours[p]
            out[i] += (receive[i] * send[j]) * (receive[j] * send[i])
    return out
