"""A model whose answers are its memory of the edges, as good or as bad at forgetting as a test asks for."""

import hashlib

import numpy as np

from oubli.audit.forgetting.methods import Method
from oubli.graph import Graph, Removal


class Memoriser:
    """What it says of a node is the sum of codes of the node and its neighbours.

    Parameters
    ----------
    seed : int
        Of the codes.
    forgets : bool
        Whether `unlearn` makes the sums again; else it only says so.
    """

    fits = 0

    def __init__(self, seed: int, forgets: bool) -> None:
        self.seed, self.forgets = seed, forgets

    def fit(self, graph: Graph):
        type(self).fits += 1
        self.graph_, self.classes_ = graph.copy(), graph.classes
        self._learn()
        return self

    def _learn(self) -> None:
        codes = np.random.default_rng(self.seed).normal(size=(self.graph_.num_nodes, self.classes_.size))
        edges = self.graph_.adjacency.edges()
        self._sums = codes.copy()
        np.add.at(self._sums, edges[:, 0], codes[edges[:, 1]])
        np.add.at(self._sums, edges[:, 1], codes[edges[:, 0]])

    def unlearn(self, removal: Removal):
        self.graph_ = self.graph_.without(removal)
        if self.forgets:
            self._learn()

    def decision_function(self, nodes=None):
        return self._sums[self.graph_.slots(nodes)]

    def predict(self, nodes=None):
        return self.classes_[self.decision_function(nodes).argmax(axis=1)]

    def weights_digest(self) -> str:
        return hashlib.sha256(self._sums.tobytes()).hexdigest()


class ResumableMemoriser(Memoriser):
    """One that takes over what another learned."""

    def resume(self, other):
        self.graph_, self.classes_, self._sums = other.graph_.copy(), other.classes_, other._sums.copy()
        return self


def planted(name: str, forgets: bool, kind=Memoriser, **claim) -> Method:
    return Method(name, f"planted, forgets: {forgets}", "memory", name, lambda seed: kind(seed, forgets), **claim)
