"""Adjusted homophily between training nodes, from integer counters that follow a removal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numba as nb
import numpy as np
from numpy.typing import NDArray

from oubli.graph.adjacency import unique_pairs
from oubli.graph.graph import Graph
from oubli.graph.removal import RemovalPlan


@dataclass(frozen=True, eq=False)
class HomophilyCounters:
    """Counts over the edges that join two training nodes.

    Parameters
    ----------
    same : int
        Edges whose ends have the same label.
    degrees : ndarray of int64, shape (classes,)
        Ends of edges at each class, by label code of the graph; together twice the number of edges.
    """

    same: int
    degrees: NDArray[np.int64]

    @classmethod
    def from_graph(cls, graph: Graph) -> Self:
        """Count over all edges of a graph."""
        adjacency, codes = graph.adjacency, np.where(graph.split_codes == 1, graph.label_codes, np.int32(-1))
        degrees = np.zeros(graph.label_values.size, np.int64)
        twice = _count_arcs(adjacency.start, adjacency.count, adjacency.neighbours, codes, degrees)
        return cls(int(twice) // 2, degrees)

    def after(self, graph: Graph, plan: RemovalPlan) -> Self:
        """Return the counters once `plan` is carried out; of the graph as it is, only what the plan touches is read."""
        unlabelled = plan.labels[graph.split_codes[plan.labels] == 1]
        gone = plan.edges
        if unlabelled.size:
            gone = unique_pairs(np.concatenate([gone, graph.adjacency.incident(unlabelled)]))
        same, degrees = _count(graph, gone)
        return type(self)(self.same - same, self.degrees - degrees)

    @property
    def num_edges(self) -> int:
        """Edges between training nodes."""
        return int(self.degrees.sum()) // 2

    @property
    def adjusted(self) -> float | None:
        """Adjusted homophily, at most 1 and around 0 by chance; None where one class or none has edges.

        Notes
        -----
        Platonov et al., "Characterizing graph datasets for node classification" (2023). A quotient of two integers, so
        rounded once.
        """
        ends = 2 * self.num_edges
        by_chance = sum(degree**2 for degree in self.degrees.tolist())
        spread = ends**2 - by_chance
        return (2 * ends * self.same - by_chance) / spread if spread else None


def _count(graph: Graph, edges: NDArray[np.int64]) -> tuple[int, NDArray[np.int64]]:
    """Return how many of the edges between training nodes have equal labels, and how many ends there are by label."""
    labels = graph.label_codes[edges[(graph.split_codes[edges] == 1).all(axis=1)]]
    degrees = np.bincount(labels.ravel(), minlength=graph.label_values.size)
    return int(np.count_nonzero(labels[:, 0] == labels[:, 1])), degrees.astype(np.int64)


@nb.njit(cache=True)
def _count_arcs(start, count, neighbours, codes, degrees):  # type: ignore[no-untyped-def]
    """Count ends by label of the edges between nodes with a code; return twice the number of edges of equal labels."""
    same = 0
    for i in range(start.size):
        if codes[i] >= 0:
            for p in range(start[i], start[i] + count[i]):
                other = codes[neighbours[p]]
                if other >= 0:
                    degrees[codes[i]] += 1
                    same += other == codes[i]
    return same
