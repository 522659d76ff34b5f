"""One learnt layer, whose ridge weights are rounded so coarsely that a removal seldom moves them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oubli.graph.adjacency import Adjacency
from oubli.graph.distinct import distinct
from oubli.graph.graph import Graph
from oubli.models.random_layer import RandomLayer
from oubli.models.score_block import Told
from oubli.models.sight import Sight
from oubli.models.training_rows import TrainingRows
from oubli.propagation.means import mean_over_neighbours, readers
from oubli.propagation.messages import QUARTERS
from oubli.solve.gram import ExactGram
from oubli.solve.products import exact_product
from oubli.solve.standardised import standardised_weights

WIDTH = 128
"""Random features of a node itself, and as many of its neighbours."""

PENALTY, FOLDED_PENALTY = 0.6, 0.2
"""Ridge strength on standardised columns, per training node: stronger, weights move less often; with label folds they
move often anyway, and the weaker one scores better."""

WEIGHT_STEPS = 16
"""Weights are multiples of 1/16. Finer ones score better and move more often (docs/proofs/random-feature-net)."""

INPUT_STEPS = 32
SCORE_STEPS = 128
SCORE_LIMIT = 8 * SCORE_STEPS
UNIT = INPUT_STEPS * WEIGHT_STEPS
LABEL = SCORE_STEPS // QUARTERS
"""What a quarter of a label is among scores."""

CHUNK = 8192


@dataclass(frozen=True)
class LayerInputs:
    """What a layer reads, in steps of 1/32: the inputs of a node, and what it was told by labels and layers before.

    Attributes
    ----------
    inputs : ndarray of int16, shape (n, columns)
    told : ndarray of int16, shape (views, n, columns)
        Of all layers.
    known : int
        How many of their columns come before the layer.
    """

    inputs: NDArray[np.int16]
    told: NDArray[np.int16]
    known: int

    @property
    def width(self) -> int:
        """Columns of a row."""
        return int(self.inputs.shape[1]) + self.known

    def of(self, view: int, slots: NDArray[np.int64]) -> NDArray[np.int16]:
        """Return the rows of slots in a view."""
        return np.hstack([self.inputs[slots], self.told[view, slots, : self.known]])


class RoundedLayer:
    """A ridge on inputs and random features, its weights rounded to multiples of 1/16, and the scores these give.

    Parameters
    ----------
    number : int
        Of the layer, from 0.
    num_classes, seed : int
    sight : Sight
    inputs : LayerInputs
        Both brought up to date by whoever owns them.

    Attributes
    ----------
    num_random : int
        Columns of random features, the last of a row.
    gram : ExactGram
        Of the rows of the training nodes, each in its own view.
    weights : ndarray of int64, shape (columns + 1, scored)
        In steps of 1/16, the intercept last.
    kept : TrainingRows
        The rows themselves.
    """

    def __init__(self, number: int, num_classes: int, seed: int, sight: Sight, inputs: LayerInputs) -> None:
        self._random = RandomLayer(inputs.width, WIDTH, seed, number)
        self._sight, self._inputs = sight, inputs
        self.num_random = 2 * WIDTH
        self.gram = ExactGram(inputs.width + self.num_random, num_classes, 1)
        self._sent = np.zeros((len(sight.seen), sight.codes.size, WIDTH), np.int16)

    def fit(self, graph: Graph) -> list[Told]:
        """Compute all rows and the weights; return what all nodes tell."""
        everyone, trained = np.arange(self._sight.codes.size), self._sight.trained
        rows = [self._send(graph.adjacency, view, everyone, everyone) for view in range(len(self._sent))]
        own = self._sight.own[trained]
        kept = np.empty((trained.size, rows[0].shape[1]), np.int16)
        for view, of_view in enumerate(rows):
            kept[own == view] = of_view[trained[own == view]]
        self.kept = TrainingRows(trained, kept)
        for first in range(0, trained.size, CHUNK):
            part = slice(first, first + CHUNK)
            self.gram.update(kept[part], self._sight.codes[trained[part]])
        self.weights = self._solved()
        return [self._tell(graph, view, everyone, of_view) for view, of_view in enumerate(rows)]

    def update(
        self,
        graph: Graph,
        changed: list[NDArray[np.int64]],
        ends: NDArray[np.int64],
        gone: NDArray[np.int64],
        labels: NDArray[np.int32],
    ) -> tuple[list[Told], bool]:
        """Compute rows anew near where inputs changed; return what is told there, and whether the weights stay.

        Parameters
        ----------
        changed : list of ndarray of int64
            For each view, slots whose inputs changed.
        ends : ndarray of int64
            Slots that lost an edge, or were removed.
        gone : ndarray of int64
            Slots whose label went.
        labels : ndarray of int32
            What these were.
        """
        self.gram.revert(self.kept.drop(gone), labels)
        found = []
        for view, slots in enumerate(changed):
            near = readers(graph.adjacency, slots, distinct(slots, ends, gone))
            rows = self._send(graph.adjacency, view, slots, near)
            mine = (self._sight.own[near] == view) & (self._sight.codes[near] >= 0)
            differ, former = self.kept.replace(near[mine], rows[mine])
            self.gram.replace(former, self.kept.of(differ), self._sight.codes[differ])
            found.append((view, near, rows))
        if not np.array_equal(self._solved(), self.weights):
            return [], False
        return [self._tell(graph, *one) for one in found], True

    def rows(self, adjacency: Adjacency, slots: NDArray[np.int64]) -> NDArray[np.int16]:
        """Return the rows of any slots, each in its own view."""
        out = np.empty((slots.size, self.gram.sums.shape[1] - 1), np.int16)
        for view in range(len(self._sent)):
            mine = self._sight.own[slots] == view
            out[mine] = self._rows(adjacency, view, slots[mine])
        return out

    def _send(
        self, adjacency: Adjacency, view: int, senders: NDArray[np.int64], slots: NDArray[np.int64]
    ) -> NDArray[np.int16]:
        """Bring up to date what `senders` tell their neighbours; return the rows of `slots`."""
        self._sent[view, senders] = self._random.sent(self._inputs.of(view, senders))
        return self._rows(adjacency, view, slots)

    def _rows(self, adjacency: Adjacency, view: int, slots: NDArray[np.int64]) -> NDArray[np.int16]:
        inputs = self._inputs.of(view, slots)
        return np.hstack([inputs, self._random.own(inputs), mean_over_neighbours(adjacency, self._sent[view], slots)])

    def _solved(self) -> NDArray[np.int64]:
        """Return the rounded weights that the Gram asks for."""
        penalty = PENALTY if len(self._sight.seen) == 1 else FOLDED_PENALTY
        exact = standardised_weights(self.gram, penalty * int(self.gram.counts.sum()))
        # Rounded once before, to 2**-40: still one right answer.
        rounded = np.rint(exact[:-1] * UNIT).astype(np.int64)
        counts, totals = self.gram.counts[self.gram.counts > 0], self.gram.products[0, -1, :-1]
        # The intercept that fits the rounded weights, in whole numbers.
        left = UNIT * counts - totals @ rounded
        step = INPUT_STEPS * int(counts.sum())
        weights = np.vstack([rounded, (2 * left + step) // (2 * step)])
        return weights[:, 1:] if counts.size == 2 else weights

    def _tell(self, graph: Graph, view: int, slots: NDArray[np.int64], rows: NDArray[np.int16]) -> Told:
        labels = LABEL * self._sight.labels(view, slots)[:, :-1]
        values = np.where(self._sight.seen[view, slots, None], labels, self._scores(rows))
        values[~graph.index.alive[slots]] = 0
        return Told(slots, values)

    def _scores(self, rows: NDArray[np.int16]) -> NDArray[np.int16]:
        """Return scores less a quarter, in steps of 1/128."""
        out = np.empty((len(rows), self.weights.shape[1]), np.int16)
        weights, shift = self.weights[:-1].astype(np.float64), UNIT // SCORE_STEPS
        for first in range(0, len(rows), CHUNK):
            part = slice(first, first + CHUNK)
            sums = exact_product(rows[part].astype(np.float64), weights).astype(np.int64)
            steps = (sums + INPUT_STEPS * self.weights[-1] + shift // 2) // shift - LABEL
            out[part] = np.clip(steps, -SCORE_LIMIT, SCORE_LIMIT)
        return out
