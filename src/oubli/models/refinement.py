"""Layers of LCF-Net: random features and a ridge each, whose scores the next layer reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numba as nb
import numpy as np
from numpy.typing import NDArray

from oubli.graph.graph import Graph
from oubli.graph.ledger import fixed_hashes
from oubli.propagation.average import Averaging
from oubli.propagation.projection import splitmix64
from oubli.propagation.threads import TwoWay
from oubli.solve.leave_one_out import LeaveOneOutRidge
from oubli.solve.products import exact_product
from oubli.solve.standard import LARGEST_STEP, STEPS, Standardiser

LAYER_ALPHAS = [3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0, 10000.0]
"""Ridge strengths that a layer chooses from."""

BYTES = 8

Columns = NDArray[np.float64]


@dataclass(frozen=True)
class View:
    """One look at the graph: whose labels are seen, and which training rows learn from it.

    Attributes
    ----------
    seen : ndarray of bool, shape (slots,)
    learners : ndarray of int64
        Training slots, ascending, none of which is seen.
    """

    seen: NDArray[np.bool_]
    learners: NDArray[np.int64]


@dataclass(frozen=True)
class Labels:
    """Training labels as the layers need them.

    Attributes
    ----------
    targets : ndarray of float64, shape (slots, classes)
        One-hot rows of the training nodes, zeros elsewhere.
    mean : ndarray of float64, shape (classes,)
        Their mean.
    """

    targets: NDArray[np.float64]
    mean: NDArray[np.float64]

    def centred(self, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return scores less the mean; of two classes the second says it all."""
        return (scores - self.mean)[:, 1:] if self.mean.size == 2 else scores - self.mean


def make_views(graph: Graph, folds: int, seed: int) -> list[View]:
    """Return the views that layers learn from; the last one is the one that predicts.

    Without folds no label is seen. With them, each training node belongs to a fold by the hash of its id, and learns
    with the labels of the other folds in sight; predictions see all. Nobody's row is made from the label it learns.
    """
    train = graph.split_slots("train")
    nothing = np.zeros(graph.split_codes.size, np.bool_)
    if folds == 0:
        return [View(nothing, train)]
    fold = fixed_hashes(graph.index.ids[train], "label folds", seed) % np.uint64(folds)
    views = []
    for k in range(folds):
        seen = nothing.copy()
        seen[train[fold != k]] = True
        views.append(View(seen, train[fold == k]))
    everything = nothing.copy()
    everything[train] = True
    return [*views, View(everything, train[:0])]


def neighbour_labels(graph: Graph, labels: Labels, operator: Literal["random_walk", "symmetric"]) -> list[Columns]:
    """Return training labels within one hop and two, and the share of training nodes, a node's own label left out."""
    # Without self-loops, whatever the layers have: a loop would show a node its own label.
    averaging, adjacency = Averaging(operator), graph.adjacency
    trained = (graph.split_codes == 1)[:, None]
    known = np.where(trained, labels.centred(labels.targets), 0.0)
    near = averaging.step(adjacency, known)
    returned = averaging.back_and_forth(adjacency)[:, None] * known
    return [near, averaging.step(adjacency, trained.astype(np.float64)), averaging.step(adjacency, near) - returned]


class Refinement:
    """The layers over a graph.

    Parameters
    ----------
    graph : Graph
    averaging : Averaging
    inputs : list of ndarray of float64, shape (slots, columns)
        What every layer reads besides the layers before it.
    labels : Labels
    views : list of View
    layers : int
        As many as will be added.
    random_features : int
        Of each kind: of a node itself, and averaged over its neighbours.
    seed : int

    Attributes
    ----------
    ridges : list of LeaveOneOutRidge
        One a layer.
    """

    def __init__(
        self,
        graph: Graph,
        averaging: Averaging,
        inputs: list[NDArray[np.float64]],
        labels: Labels,
        views: list[View],
        layers: int,
        random_features: int,
        seed: int,
    ) -> None:
        self._adjacency, self._averaging = graph.adjacency, averaging
        self._labels, self._views = labels, views
        self._random, self._seed = random_features, seed
        self._scored = 1 if labels.mean.size == 2 else labels.mean.size
        self._learners = np.concatenate([view.learners for view in views])
        self._inputs = np.hstack([Standardiser.of(part, self._learners).integers(part) for part in inputs])
        self._blocks = [self._seen_labels(view) for view in views]
        # Buffers for all layers: making new ones costs more than filling them.
        slots = len(self._inputs)
        self._drawn = [np.empty((slots, 2 * random_features)) for _ in views]
        self._spare, self._own = np.empty((slots, random_features)), np.empty((slots, random_features))
        width = self._inputs.shape[1] + self._blocks[0].shape[1] + layers * 3 * self._scored + 2 * random_features
        self._rows = [np.empty((slots, width)) for _ in views]
        for rows in self._rows:
            rows[:, : self._inputs.shape[1]] = self._inputs
        self.ridges: list[LeaveOneOutRidge] = []

    def add_layer(self, alphas: list[float]) -> None:
        """Fit one more layer, its strength chosen from `alphas`."""
        rows = self._layer_rows()
        learnt = np.concatenate([r[view.learners] for r, view in zip(rows, self._views, strict=True)])
        ridge = LeaveOneOutRidge.fit(learnt, self._labels.targets[self._learners], alphas)
        self.ridges.append(ridge)
        ends = np.cumsum([view.learners.size for view in self._views])[:-1]
        left_out = np.split(ridge.left_out, ends)
        for at, view in enumerate(self._views):
            predicted = ridge.predict(rows[at])
            predicted[view.learners] = left_out[at]
            self._blocks[at] = np.hstack([self._blocks[at], self._score_block(view, predicted)])

    def columns(self) -> NDArray[np.float64]:
        """Return what the layers add to the inputs, shape (slots, columns); learners' rows from their own view."""
        out = self._blocks[-1].copy()
        for view, values in zip(self._views[:-1], self._blocks[:-1], strict=True):
            out[view.learners] = values[view.learners]
        return out

    def _seen_labels(self, view: View) -> NDArray[np.float64]:
        if len(self._views) == 1:
            return np.zeros((view.seen.size, 0))
        known = np.where(view.seen[:, None], self._labels.centred(self._labels.targets), 0.0)
        near = self._step(np.hstack([known, view.seen[:, None]]))
        return np.hstack([near, self._step(np.ascontiguousarray(near[:, :-1]))])

    def _score_block(self, view: View, scores: NDArray[np.float64]) -> NDArray[np.float64]:
        own = self._labels.centred(scores)
        # What is seen stands in for what was predicted, towards the neighbours and never towards the node itself.
        told = np.where(view.seen[:, None], self._labels.centred(self._labels.targets), own)
        near = self._step(told)
        return np.hstack([np.where(view.seen[:, None], 0.0, own), near, self._step(near)])

    def _layer_rows(self) -> list[NDArray[np.float64]]:
        """Write inputs, blocks and random features of each view into its buffer, as integers; return what is filled."""
        shared, added = self._inputs.shape[1], self._blocks[0].shape[1]
        self._write_standardised(self._blocks, shared)
        if self._random:
            self._draw(shared, shared + added)
            self._write_standardised(self._drawn, shared + added)
        return [rows[:, : shared + added + 2 * self._random] for rows in self._rows]

    def _write_standardised(self, by_view: list[NDArray[np.float64]], column: int) -> None:
        if by_view[0].shape[1] == 0:
            return
        learnt = np.concatenate([v[view.learners] for v, view in zip(by_view, self._views, strict=True)])
        standardiser = Standardiser.of(learnt)
        for values, rows in zip(by_view, self._rows, strict=True):
            standardiser.write(values, rows, column)

    def _draw(self, shared: int, known: int) -> None:
        """Write random features of each node itself and the neighbours' average of others, for each view."""
        directions, offsets, unit = random_map(known, 2 * self._random, self._seed, len(self.ridges))
        for part in (0, 1):
            columns = slice(part * self._random, (part + 1) * self._random)
            chosen = np.ascontiguousarray(directions[:, columns])
            # What all views have in common is multiplied once; sums of integers are exact either way.
            common = exact_product(self._inputs, chosen[:shared], left_largest=LARGEST_STEP)
            for rows, out in zip(self._rows, self._drawn, strict=True):
                drawn = exact_product(
                    rows[:, shared:known], chosen[shared:], out=self._spare, left_largest=LARGEST_STEP
                )
                _rectify(drawn.size, drawn, common, unit / STEPS, offsets[columns], self._own if part else out)
                if part:
                    out[:, columns] = self._step(self._own)

    def _step(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        return self._averaging.step(self._adjacency, values)


def random_map(columns: int, width: int, seed: int, layer: int) -> tuple[Columns, Columns, float]:
    """Return random directions, offsets in [-1, 1), and the unit that gives the directions about unit length.

    A direction's entries are sums of eight hashed bytes, centred: nearly normal, and small integers on any machine.
    """
    start = int(splitmix64(np.array([seed], np.uint64))[0]) - int(splitmix64(np.zeros(1, np.uint64))[0])
    counter = np.arange((columns + 1) * width, dtype=np.uint64) + np.uint64((start + (layer << 32)) % 2**64)
    drawn = splitmix64(splitmix64(counter)).reshape(columns + 1, width)
    sums = drawn[:columns].view(np.uint8).reshape(columns, width, BYTES).sum(axis=2, dtype=np.int64)
    directions = (2 * sums - BYTES * 255).astype(np.float64)
    offsets = (drawn[columns] >> np.uint64(11)).astype(np.float64) * 2.0**-52 - 1.0
    # The variance of a centred byte, doubled in size: (256^2 - 1) / 3.
    return directions, offsets, 1.0 / np.sqrt(BYTES * 65535.0 / 3.0 * max(columns, 1))


@TwoWay
def _rectify(values, common, unit, offsets, out):  # type: ignore[no-untyped-def]
    for i in nb.prange(values.shape[0]):
        for k in range(values.shape[1]):
            out[i, k] = max((values[i, k] + common[i, k]) * unit + offsets[k], 0.0)
