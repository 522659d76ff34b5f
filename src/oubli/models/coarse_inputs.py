"""What a random-feature net reads of a node: propagated features and its degree, on a coarse grid, as integers."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from oubli.errors import CapacityError
from oubli.graph.distinct import distinct
from oubli.graph.graph import Graph
from oubli.graph.removal import RemovalPlan
from oubli.models.coarse_grid import Grid, measure, quantise, same_grid
from oubli.propagation import Propagation

DEGREE_STEPS = 256
CHUNK = 8192


@dataclass
class InputChange:
    """What a removal did to the inputs.

    Attributes
    ----------
    rows : ndarray of int64
        Slots whose inputs changed, ascending.
    former : ndarray of int16, shape (rows, columns)
        What they were.
    reached : list of int
        For each hop, how many rows were looked at.
    whole : str or None
        Why the inputs of all nodes are to be computed anew; `rows` is then of no use.
    """

    rows: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    former: NDArray[np.int16] = field(default_factory=lambda: np.empty((0, 0), np.int16))
    reached: list[int] = field(default_factory=list)
    whole: str | None = None


class CoarseInputs:
    """Integer inputs ``clip(rint((B - centre) / scale))`` of all nodes, `B` being every hop's block and the degree.

    A column's `scale` is the power of two nearest its deviation, and its `centre` the multiple of half a scale nearest
    its mean, over all nodes. Both are decided by integer sums, which a removal brings up to date; they seldom move, and
    while they do not, a node's inputs depend on its own row of `B` alone.

    Parameters
    ----------
    propagation : Propagation
        With all hops from 0 on as its outputs.

    Attributes
    ----------
    values : ndarray of int16, shape (n, columns)
        The inputs, in steps of 1/32 of the scale.
    sums, squares : ndarray of int64, shape (columns,)
        Of `B` over all nodes.
    """

    def __init__(self, propagation: Propagation) -> None:
        self.propagation = propagation
        self.values = np.empty((0, 0), np.int16)
        self.sums = self.squares = np.empty(0, np.int64)
        self._grid = (np.empty(0, np.int64), np.empty(0, np.int64))

    def fit(self, graph: Graph) -> CoarseInputs:
        """Compute the inputs of all nodes.

        Raises
        ------
        CapacityError
            When a sum could leave the range in which it is exact.
        """
        self.propagation.fit(graph)
        everyone = np.arange(graph.split_codes.size)
        width = self.propagation.width * len(self.propagation.outputs) + 1
        self.sums, self.squares = np.zeros(width, np.int64), np.zeros(width, np.int64)
        for first in range(0, everyone.size, CHUNK):
            blocks = self._blocks(graph, everyone[first : first + CHUNK])
            largest = int(np.abs(blocks).max(initial=0))
            if largest * largest * graph.num_nodes >= 2**62:
                raise CapacityError(
                    f"inputs: values up to {largest} over {graph.num_nodes} nodes leave the range of exact sums; "
                    'use normalize="l2", lower fraction_bits or scale the features down'
                )
            self._add(blocks, 1)
        return self._set_values(graph)

    def restore(self, graph: Graph, sums: NDArray[np.int64], squares: NDArray[np.int64]) -> CoarseInputs:
        """Take over sums that were saved, beside a propagation that was restored."""
        self.sums, self.squares = sums, squares
        return self._set_values(graph)

    def remove(self, graph: Graph, plan: RemovalPlan) -> InputChange:
        """Apply `plan` to the graph and bring the inputs up to date."""
        if not (plan.edges.size or plan.wiped.size):
            graph.apply(plan)
            return InputChange(former=self.values[:0])
        ends = distinct(plan.endpoints, plan.nodes)
        degrees = _log_degrees(graph.adjacency.count[ends])
        moved = self.propagation.remove(graph, plan, graph.index.alive.copy())
        if moved.full_from is not None:
            return InputChange(reached=moved.reached, whole="the change reached too far")
        rows = distinct(ends, *moved.rows)
        after = self._blocks(graph, rows)
        before = after.copy()
        before[:, :-1] = moved.before(rows, after[:, :-1])
        before[np.searchsorted(rows, ends), -1] = degrees
        self._add(before, -1)
        self._add(after, 1)
        grid = self._measure(graph)
        if not same_grid(grid, self._grid):
            return InputChange(reached=moved.reached, whole="a coarse statistic moved")
        values = self._quantise(after)
        former = self.values[rows]
        changed = (values != former).any(axis=1)
        self.values[rows] = values
        return InputChange(rows[changed], former[changed], moved.reached)

    def _set_values(self, graph: Graph) -> CoarseInputs:
        self._grid = self._measure(graph)
        everyone = np.arange(graph.split_codes.size)
        self.values = np.empty((everyone.size, self.sums.size), np.int16)
        for first in range(0, everyone.size, CHUNK):
            part = everyone[first : first + CHUNK]
            self.values[part] = self._quantise(self._blocks(graph, part))
        return self

    def _blocks(self, graph: Graph, slots: NDArray[np.int64]) -> NDArray[np.int32]:
        # Of a removed node all are zeros, which no sum tells from its absence.
        degrees = _log_degrees(graph.adjacency.count[slots])
        return np.column_stack([self.propagation.embed(graph, slots), degrees])

    def _add(self, blocks: NDArray[np.int32], sign: int) -> None:
        wide = blocks.astype(np.int64)
        self.sums += sign * wide.sum(axis=0)
        self.squares += sign * (wide * wide).sum(axis=0)

    def _measure(self, graph: Graph) -> Grid:
        return measure(self.sums, self.squares, graph.num_nodes)

    def _quantise(self, blocks: NDArray[np.int32]) -> NDArray[np.int16]:
        return quantise(blocks, self._grid)


def _log_degrees(degrees: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return ``floor(256 log2(1 + degree))``, by integers alone: libm's logarithm differs between machines."""
    different = distinct(degrees)
    logarithms = [((1 + d) ** DEGREE_STEPS).bit_length() - 1 for d in different.tolist()]
    return np.array(logarithms, np.int32)[np.searchsorted(different, degrees)]
