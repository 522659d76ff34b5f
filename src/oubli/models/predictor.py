"""What everything that classifies nodes does once it has scores: predict, and be scored."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from oubli.errors import InputError
from oubli.graph.graph import Graph
from oubli.models.parameters import Parameterised
from oubli.models.scoring import score_classes, score_predictions

PART = 1 << 20
"""Nodes that are scored at a time, where only the class they get is asked for."""


class NodePredictor(Parameterised, ABC):
    """Base of what has scores for the nodes of the graph it was fitted on.

    Attributes
    ----------
    graph_ : Graph
    classes_ : ndarray
        Classes that have a training node, ascending.
    """

    graph_: Graph
    classes_: NDArray[Any]

    def decision_function(self, nodes: ArrayLike | None = None) -> NDArray[np.float64]:
        """Return a score a class, shape (nodes, classes), columns in the order of `classes_`.

        Parameters
        ----------
        nodes : array-like of ids, optional
            All nodes, in the order of ``graph_.node_ids``, without it.
        """
        self._check_fitted()
        return self._scores(self.graph_.slots(nodes))

    def predict(self, nodes: ArrayLike | None = None) -> NDArray[Any]:
        """Return the class of each node, in the order given."""
        scores = self.decision_function(nodes)
        predicted: NDArray[Any] = self.classes_[scores.argmax(axis=1)]
        return predicted

    def score(self, nodes: ArrayLike | None = None, metric: str = "accuracy") -> float:
        """Score predictions against the labels of `nodes`, the test nodes without it.

        Raises
        ------
        InputError
            When a node has no label, there are none, or the metric is unknown.
        """
        self._check_fitted()
        slots = self.graph_.split_slots("test") if nodes is None else self.graph_.slots(nodes)
        return self._score_slots(slots, metric)

    @abstractmethod
    def _check_fitted(self) -> None: ...

    @abstractmethod
    def _scores(self, slots: NDArray[np.int64]) -> NDArray[np.float64]: ...

    def _score_slots(self, slots: NDArray[np.int64], metric: str) -> float:
        codes = self.graph_.label_codes[slots]
        if np.any(codes < 0):
            bare = self.graph_.index.ids[slots[codes < 0][0]].item()
            raise InputError(f"score: node {bare!r} has no label; leave it out")
        targets = self._targets(codes)
        if metric == "roc_auc" or slots.size <= PART:
            return score_predictions(self._scores(slots), targets, metric)
        parts = [self._scores(slots[at : at + PART]).argmax(axis=1) for at in range(0, slots.size, PART)]
        return score_classes(np.concatenate(parts), targets, metric)

    def _targets(self, codes: NDArray[np.int32]) -> NDArray[np.int64]:
        """Return the position in `classes_` of label codes, -1 where the model has no such class."""
        present = np.searchsorted(self.graph_.label_values, self.classes_)
        position = np.full(self.graph_.label_values.size + 1, -1, np.int64)
        position[present] = np.arange(present.size)
        return position[codes]
