"""Whom a removal reaches through two layers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oubli.graph import Graph
from oubli.graph.removal import RemovalPlan

LAYERS = 2


@dataclass(frozen=True)
class Reach:
    """The nodes whose scores a removal changes, or whose label it takes.

    Attributes
    ----------
    rows : ndarray of bool
        By slot of the graph before the removal.
    left : ndarray of bool
        The same of the training nodes alone, ascending.
    counts : list of int
        For each hop, how many nodes lie within it.
    """

    rows: NDArray[np.bool_]
    left: NDArray[np.bool_]
    counts: list[int]


def reached_by(graph: Graph, plan: RemovalPlan) -> Reach:
    """Return whom a removal reaches: two hops from what changes, on the graph before it.

    An entry of the normalised adjacency depends on the degrees of both of its ends, so the ends of a removed edge
    change the first layer of their neighbours, and these the second layer of theirs.
    """
    rows = np.zeros(graph.index.ids.size, bool)
    rows[plan.endpoints] = rows[plan.wiped] = True
    low, high = graph.adjacency.edges().T
    counts = []
    for _ in range(LAYERS):
        wider = rows.copy()
        wider[high[rows[low]]] = wider[low[rows[high]]] = True
        rows = wider
        counts.append(int(np.count_nonzero(rows)))
    rows[plan.labels] = rows[plan.nodes] = True
    return Reach(rows, rows[graph.split_slots("train")], counts)
