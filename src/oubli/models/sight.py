"""Whose labels are in sight where learnt layers compute a node's row."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oubli.graph.graph import Graph
from oubli.models.refinement import make_views
from oubli.propagation.messages import QUARTERS


class Sight:
    """Views of the graph: each shows some training labels, and computes the rows of nodes whose label it hides.

    Parameters
    ----------
    graph : Graph
    codes : ndarray of int32, shape (n,)
        Label code of each training node, -1 elsewhere.
    folds : int
        A training node belongs to a fold by the hash of its id, and its view shows the labels of the other folds. Other
        nodes have a view that shows all. With 0 there is one view, which shows none.
    seed : int

    Attributes
    ----------
    seen : ndarray of bool, shape (views, n)
    own : ndarray of int8, shape (n,)
        The view that a node's row is computed in.
    codes : ndarray of int32, shape (n,)
    scored : int
        Columns of labels; of two classes the second says it all.
    """

    def __init__(self, graph: Graph, codes: NDArray[np.int32], folds: int, seed: int) -> None:
        views = make_views(graph, folds, seed)
        self.seen = np.stack([view.seen for view in views])
        self.own = np.full(codes.size, len(views) - 1, np.int8)
        for number, view in enumerate(views):
            self.own[view.learners] = number
        self.codes = codes.copy()
        classes = np.unique(codes[codes >= 0])
        self._shown = classes[-1:] if classes.size <= 2 else classes
        self.scored = self._shown.size

    @property
    def trained(self) -> NDArray[np.int64]:
        """Slots of the training nodes, ascending."""
        return np.flatnonzero(self.codes >= 0)

    def labels(self, view: int, slots: NDArray[np.int64]) -> NDArray[np.int16]:
        """Return the labels that a view shows, less a quarter, and 1 last; zeros where it shows none; in quarters."""
        known = QUARTERS * (self.codes[slots, None] == self._shown) - 1
        told = np.column_stack([known, np.full(slots.size, QUARTERS)])
        return np.where(self.seen[view, slots, None], told, 0).astype(np.int16)

    def forget(self, gone: NDArray[np.int64]) -> None:
        """Take labels out: their nodes are predicted from now on."""
        self.codes[gone] = -1
        self.seen[:, gone] = False
        self.own[gone] = len(self.seen) - 1
