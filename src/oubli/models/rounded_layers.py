"""Learnt layers before the head of a random-feature net: local as long as their rounded weights stay as they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oubli.graph.distinct import distinct
from oubli.graph.graph import Graph
from oubli.graph.removal import RemovalPlan
from oubli.models.rounded_layer import LABEL, LayerInputs, RoundedLayer
from oubli.models.score_block import ScoreBlock, Told, write_rows
from oubli.models.sight import Sight
from oubli.models.training_rows import TrainingRows

LAYERS = 2


@dataclass(frozen=True)
class LayerChange:
    """What a removal did to the columns that the head reads of training nodes.

    Attributes
    ----------
    leaving : ndarray of int16
        Those of nodes that train no longer, as they were.
    slots : ndarray of int64
        Other training nodes whose columns changed.
    former : ndarray of int16
        What they were.
    whole : str or None
        From which layer on all is fitted anew, and why; `slots` is then of no use.
    """

    leaving: NDArray[np.int16]
    slots: NDArray[np.int64]
    former: NDArray[np.int16]
    whole: str | None = None


class RoundedLayers:
    """Layers of random features and a rounded ridge each: every layer reads the scores of those before it.

    Parameters
    ----------
    graph : Graph
    inputs : ndarray of int16, shape (n, columns)
        Of the nodes; the very array, brought up to date by whoever owns it.
    codes : ndarray of int32, shape (n,)
        Label code of each training node, -1 elsewhere.
    label_folds : int
        Of the labels that layers see; 0 shows none.
    seed : int
    """

    def __init__(
        self, graph: Graph, inputs: NDArray[np.int16], codes: NDArray[np.int32], label_folds: int, seed: int
    ) -> None:
        self._inputs, self._seed, self._classes = inputs, seed, graph.label_values.size
        self._sight = Sight(graph, codes, label_folds, seed)
        # Labels in sight come first, then each layer's block: where each ends.
        first = 2 * (self._sight.scored + 1) if label_folds else 0
        self._until = [first + layer * 3 * self._sight.scored for layer in range(LAYERS + 1)]
        self._labelled = int(label_folds > 0)
        self._told = np.zeros((len(self._sight.seen), codes.size, self._until[-1]), np.int16)
        self._layers: list[RoundedLayer] = []
        self._blocks: list[ScoreBlock] = []

    @property
    def width(self) -> int:
        """Columns for the head: what the layers tell, and the last one's random features."""
        return self._until[-1] + self._layers[-1].num_random

    def fit(self, graph: Graph) -> RoundedLayers:
        """Compute everything."""
        self._fit_from(graph, 0)
        return self

    def kept(self, slots: NDArray[np.int64]) -> NDArray[np.int16]:
        """Return the columns of training nodes."""
        return self._kept.of(slots)

    def of(self, graph: Graph, slots: NDArray[np.int64]) -> NDArray[np.int16]:
        """Return the columns of any slots, shape (slots, width)."""
        random = self._layers[-1].rows(graph.adjacency, slots)[:, -self._layers[-1].num_random :]
        return np.hstack([self._told[self._sight.own[slots], slots], random])

    def update(
        self, graph: Graph, plan: RemovalPlan, changed: NDArray[np.int64], gone: NDArray[np.int64]
    ) -> LayerChange:
        """Push a removal, of which graph and inputs know already, through the layers.

        Parameters
        ----------
        changed : ndarray of int64
            Slots whose inputs changed.
        gone : ndarray of int64
            Training nodes whose labels went.
        """
        labels = self._sight.codes[gone]
        self._sight.forget(gone)
        leaving = self._kept.drop(gone)
        slots, moved = self._push(graph, plan, changed, gone, labels)
        if moved is not None:
            number, what = moved
            self._fit_from(graph, number)
            return LayerChange(leaving, gone[:0], leaving[:0], f"fitted anew from layer {number + 1} on: {what} moved")
        slots = slots[self._sight.codes[slots] >= 0]
        return LayerChange(leaving, *self._kept.replace(slots, self._columns(slots)))

    def parts(self) -> list[tuple[str, Any]]:
        """Return what a digest is made of: weights, sums, and what training nodes read."""
        found: list[tuple[str, Any]] = []
        for number, layer in enumerate(self._layers, start=1):
            found += [(f"layer {number} weights", layer.weights), (f"layer {number} products", layer.gram.products)]
        for number, block in enumerate(self._blocks):
            found += [(f"block {number} sums", block.sums), (f"block {number} squares", block.squares)]
        return [*found, ("layers' columns", self.kept(self._sight.trained))]

    def weights(self) -> list[tuple[str, Any]]:
        """Return the layers' weights by name."""
        return [(f"layer {number}", layer.weights) for number, layer in enumerate(self._layers, start=1)]

    def _fit_from(self, graph: Graph, first: int) -> None:
        """Fit a layer and all after it; the labels in sight count to the first."""
        if first == 0:
            self._blocks = []
            if self._labelled:
                self._add_block(ScoreBlock(graph, self._sight, [told.values for told in self._labels()], False))
        del self._layers[first:], self._blocks[self._labelled + first :]
        for number in range(first, LAYERS):
            inputs = LayerInputs(self._inputs, self._told, self._until[number])
            layer = RoundedLayer(number, self._classes, self._seed, self._sight, inputs)
            self._layers.append(layer)
            self._add_block(ScoreBlock(graph, self._sight, [told.values for told in layer.fit(graph)], True))
        self._kept = TrainingRows(self._sight.trained, self._columns(self._sight.trained))

    def _add_block(self, block: ScoreBlock) -> None:
        everyone = np.arange(self._sight.codes.size)
        for view in range(len(self._told)):
            self._told[view, :, self._columns_of(len(self._blocks))] = block.values(view, everyone)
        self._blocks.append(block)

    def _columns_of(self, block: int) -> slice:
        until = [0, *self._until] if self._labelled else self._until
        return slice(until[block], until[block + 1])

    def _labels(self, slots: NDArray[np.int64] | None = None) -> list[Told]:
        slots = np.arange(self._sight.codes.size) if slots is None else slots
        return [Told(slots, LABEL * self._sight.labels(view, slots)) for view in range(len(self._told))]

    def _columns(self, slots: NDArray[np.int64]) -> NDArray[np.int16]:
        """Return the columns of training nodes, whose random features the last layer keeps."""
        random = self._layers[-1].kept.of(slots)[:, -self._layers[-1].num_random :]
        return np.hstack([self._told[self._sight.own[slots], slots], random])

    def _push(
        self,
        graph: Graph,
        plan: RemovalPlan,
        changed: NDArray[np.int64],
        gone: NDArray[np.int64],
        labels: NDArray[np.int32],
    ) -> tuple[NDArray[np.int64], tuple[int, str] | None]:
        """Return slots where what the head reads may have changed, or the layer in which something moved, and what."""
        ends = distinct(plan.endpoints, plan.nodes)
        reached = [changed] * len(self._told)
        if self._labelled and not self._update_block(graph, 0, self._labels(gone), reached, ends, gone):
            return gone, (0, "a coarse statistic of labels")
        for number, layer in enumerate(self._layers):
            news, same = layer.update(graph, reached, ends, gone, labels)
            if not same:
                return gone, (number, "a rounded weight")
            if not self._update_block(graph, number + self._labelled, news, reached, ends, gone):
                return gone, (number, "a coarse statistic")
        return distinct(*reached, *(told.slots for told in news)), None

    def _update_block(
        self,
        graph: Graph,
        number: int,
        news: list[Told],
        reached: list[NDArray[np.int64]],
        ends: NDArray[np.int64],
        gone: NDArray[np.int64],
    ) -> bool:
        """Bring a block up to date, add to `reached` where it changed, and tell whether its grid stays."""
        block, columns = self._blocks[number], self._columns_of(number)
        touched = block.update(graph, news, ends, gone)
        if touched is None:
            return False
        for view, slots in enumerate(touched):
            changed = write_rows(self._told[view, :, columns], slots, block.values(view, slots))
            reached[view] = distinct(reached[view], changed)
        return True
