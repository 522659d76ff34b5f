"""What layers read of labels or of scores: a node's own, its neighbours', and those two hops away, on a coarse grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oubli.graph.distinct import distinct
from oubli.graph.graph import Graph
from oubli.models.coarse_grid import Grid, measure, quantise, same_grid
from oubli.models.sight import Sight
from oubli.propagation.means import mean_over_neighbours, readers


@dataclass(frozen=True)
class Told:
    """What nodes tell their neighbours in a view, by slot."""

    slots: NDArray[np.int64]
    values: NDArray[np.int16]


class ScoreBlock:
    """Columns ``[told, near, far]`` of all nodes in each view.

    `told` is what a node tells its neighbours, `near` the mean of what they tell it, and `far` the mean of their
    `near`. A node reads its own `told` only where that is no label.

    Parameters
    ----------
    graph : Graph
    sight : Sight
        Brought up to date by whoever owns it.
    told : list of ndarray of int16, shape (n, columns)
        For each view; zeros for removed nodes.
    reads_own : bool
        Whether the own `told` is a column.

    Attributes
    ----------
    sums, squares : ndarray of int64, shape (width,)
        Of the columns over all nodes, each in its own view.
    """

    def __init__(self, graph: Graph, sight: Sight, told: list[NDArray[np.int16]], reads_own: bool) -> None:
        self._sight, self._told, self._reads_own = sight, np.stack(told), reads_own
        everyone = np.arange(len(told[0]))
        adjacency = graph.adjacency
        self._near = np.stack([mean_over_neighbours(adjacency, t, everyone, 2) for t in told])
        self._far = np.stack([mean_over_neighbours(adjacency, t, everyone) for t in self._near])
        self._counted = self._own_rows(graph, everyone)
        wide = self._counted.astype(np.int64)
        self.sums, self.squares = wide.sum(axis=0), (wide * wide).sum(axis=0)
        self._grid: Grid = measure(self.sums, self.squares, graph.num_nodes)

    def values(self, view: int, slots: NDArray[np.int64]) -> NDArray[np.int16]:
        """Return the columns of slots in a view, in steps of 1/32 of their scales."""
        return quantise(self._rows(view, slots), self._grid)

    def update(
        self,
        graph: Graph,
        news: list[Told],
        ends: NDArray[np.int64],
        gone: NDArray[np.int64],
    ) -> list[NDArray[np.int64]] | None:
        """Push what is told anew; return where values may have changed in each view, or None if the grid moved.

        Parameters
        ----------
        news : list of Told
            For each view.
        ends : ndarray of int64
            Slots that lost an edge, or were removed.
        gone : ndarray of int64
            Slots whose label went.
        """
        touched = [self._push(graph, view, told, ends, gone) for view, told in enumerate(news)]
        self._count(graph, distinct(ends, gone, *touched))
        grid = measure(self.sums, self.squares, graph.num_nodes)
        return touched if same_grid(grid, self._grid) else None

    def _push(
        self,
        graph: Graph,
        view: int,
        told: Told,
        ends: NDArray[np.int64],
        gone: NDArray[np.int64],
    ) -> NDArray[np.int64]:
        adjacency = graph.adjacency
        told_anew = write_rows(self._told[view], told.slots, told.values)
        around = readers(adjacency, told_anew, ends)
        nearer = write_rows(self._near[view], around, mean_over_neighbours(adjacency, self._told[view], around, 2))
        around = readers(adjacency, nearer, ends)
        further = write_rows(self._far[view], around, mean_over_neighbours(adjacency, self._near[view], around))
        return distinct(told_anew, nearer, further, gone)

    def _count(self, graph: Graph, slots: NDArray[np.int64]) -> None:
        rows = self._own_rows(graph, slots)
        now, before = rows.astype(np.int64), self._counted[slots].astype(np.int64)
        self.sums += now.sum(axis=0) - before.sum(axis=0)
        self.squares += (now * now).sum(axis=0) - (before * before).sum(axis=0)
        self._counted[slots] = rows

    def _own_rows(self, graph: Graph, slots: NDArray[np.int64]) -> NDArray[np.int16]:
        """Return the columns of each slot in its own view, zeros of removed nodes."""
        rows = self._rows(self._sight.own[slots], slots)
        rows[~graph.index.alive[slots]] = 0
        return rows

    def _rows(self, view: int | NDArray[np.int8], slots: NDArray[np.int64]) -> NDArray[np.int16]:
        parts = [self._near[view, slots], self._far[view, slots]]
        if self._reads_own:
            parts.insert(0, np.where(self._sight.seen[view, slots][:, None], 0, self._told[view, slots]))
        return np.hstack(parts).astype(np.int16, copy=False)


def write_rows(values: NDArray[np.int16], slots: NDArray[np.int64], rows: NDArray[np.int16]) -> NDArray[np.int64]:
    """Write rows; return the slots where they differ from what was there."""
    changed: NDArray[np.int64] = slots[(rows != values[slots]).any(axis=1)]
    values[slots] = rows
    return changed
