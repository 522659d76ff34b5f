"""Embeddings that forget: what a model may ask of one, and the exact kind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from oubli.errors import InputError
from oubli.graph.distinct import distinct
from oubli.graph.graph import Graph
from oubli.graph.removal import RemovalPlan
from oubli.propagation.operator import Operator
from oubli.propagation.quantise import Quantiser
from oubli.propagation.state import Propagation


@dataclass
class EmbeddingChange:
    """Which wanted rows of an embedding a removal changed, and what they were.

    Attributes
    ----------
    rows : ndarray of int64
        Wanted slots whose row may have changed, ascending; all others kept theirs.
    former : ndarray of float64, shape (rows, width)
        The rows as they were.
    reached : list of int
        For each hop, how many rows were looked at; the number of nodes where the hop was computed whole.
    whole : bool
        Whether a hop was computed whole. Any row may then have changed; `rows` and `former` are empty.
    """

    rows: NDArray[np.int64]
    former: NDArray[np.float64]
    reached: list[int]
    whole: bool


class Embedding(Protocol):
    """``Z = sum of w_l P^l X`` over a graph that shrinks: exact, or an estimate with a bound on its error."""

    @property
    def width(self) -> int:
        """Columns of a row."""

    @property
    def rmax(self) -> float:
        """Threshold below which residues stay; 0 where there are none."""

    def fit(self, graph: Graph) -> Self:
        """Compute the embedding of a graph."""

    def rows(self, graph: Graph, slots: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the rows of `slots`, shape (slots, width)."""

    def remove(self, graph: Graph, plan: RemovalPlan, wanted: NDArray[np.bool_]) -> EmbeddingChange:
        """Apply `plan` to the graph and bring the embedding up to date; `wanted` is a mask over slots."""

    def error_bounds(self, graph: Graph | None = None) -> NDArray[np.float64]:
        """Return, for each column, a bound on the summed absolute error of all its rows.

        Given the graph, the bound may be several times smaller.
        """

    def tighten(self, graph: Graph, rmax: float) -> None:
        """Bring the error down to what a threshold `rmax` leaves; any row may change."""

    def arrays(self, slots: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """Return the state of `slots` by name, to be saved."""

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Take over a state that was saved."""


def last_hop(weights: NDArray[np.float64]) -> int:
    """Return the last hop whose weight is not zero.

    Raises
    ------
    InputError
        When all are zero.
    """
    used = np.flatnonzero(weights)
    if not used.size:
        raise InputError("weights: all are zero; give at least one other")
    return int(used[-1])


class IntegerEmbedding:
    """The exact embedding: the blocks of an integer `Propagation`, weighted and summed in the order of the hops.

    Its rows after a removal have the very bytes of a fresh computation on what remains: there is no error to bound, the
    rounding of messages to integers being part of the definition.

    Parameters
    ----------
    operator : Operator
    weights : ndarray of float64
        Of the hops, that of the features first (`hop_weights`).
    quantiser : Quantiser
    """

    def __init__(self, operator: Operator, weights: NDArray[np.float64], quantiser: Quantiser) -> None:
        hops = last_hop(weights)
        outputs = tuple(int(hop) for hop in np.flatnonzero(weights))
        self.weights = weights
        self._scales = [float(weights[hop]) * 2.0**-quantiser.fraction_bits for hop in outputs]
        self._propagation = Propagation(operator, hops, outputs, quantiser)

    @property
    def width(self) -> int:
        """Columns of a row."""
        return self._propagation.width

    @property
    def rmax(self) -> float:
        """0: nothing is left behind."""
        return 0.0

    def fit(self, graph: Graph) -> Self:
        """Compute the embedding of a graph."""
        self._propagation.fit(graph)
        return self

    def rows(self, graph: Graph, slots: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the rows of `slots`, shape (slots, width)."""
        return self._weigh(self._propagation.embed(graph, slots))

    def remove(self, graph: Graph, plan: RemovalPlan, wanted: NDArray[np.bool_]) -> EmbeddingChange:
        """Apply `plan` to the graph and bring the embedding up to date; `wanted` is a mask over slots."""
        change = self._propagation.remove(graph, plan, wanted)
        if change.full_from is not None:
            return EmbeddingChange(np.empty(0, np.int64), np.empty((0, self.width)), change.reached, True)
        if len(change.rows) == 1:
            order = np.argsort(change.rows[0])
            return EmbeddingChange(change.rows[0][order], self._weigh(change.former[0][order]), change.reached, False)
        rows = distinct(*change.rows)
        former = change.before(rows, self._propagation.embed(graph, rows))
        return EmbeddingChange(rows, self._weigh(former), change.reached, False)

    def error_bounds(self, graph: Graph | None = None) -> NDArray[np.float64]:
        """Return zeros: the rows are what they are defined to be."""
        return np.zeros(self.width)

    def tighten(self, graph: Graph, rmax: float) -> None:
        """Do nothing: there is no error."""

    def arrays(self, slots: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """Return the state of `slots` by name, to be saved."""
        return self._propagation.arrays(slots)

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Take over a state that was saved."""
        self._propagation.restore(arrays)
        return self

    def _weigh(self, blocks: NDArray[np.int32]) -> NDArray[np.float64]:
        width = self.width
        total = np.multiply(blocks[:, :width], self._scales[0], dtype=np.float64)
        for at, scale in enumerate(self._scales[1:], start=1):
            total += blocks[:, at * width : (at + 1) * width] * scale
        return total
