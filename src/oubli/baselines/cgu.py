"""Certified graph unlearning as it was before lazy propagation: embeddings are computed anew at every request."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oubli.errors import InputError
from oubli.graph import Graph
from oubli.graph.removal import RemovalPlan
from oubli.models import CertifiedClassifier
from oubli.propagation import Embedding, EmbeddingChange, IntegerEmbedding


class WholeEmbedding(IntegerEmbedding):
    """An exact embedding that a removal computes anew, all of it."""

    def remove(self, graph: Graph, plan: RemovalPlan, wanted: NDArray[np.bool_]) -> EmbeddingChange:
        """Apply `plan` to the graph and propagate it again."""
        graph.apply(plan)
        self.fit(graph)
        reached = [graph.num_nodes] * (self.weights.size - 1)
        return EmbeddingChange(np.empty(0, np.int64), np.empty((0, self.width)), reached, True)


class CGUClassifier(CertifiedClassifier):
    """`CertifiedClassifier` that propagates anew and takes a Newton step at every request, to compare with.

    Takes the parameters of `CertifiedClassifier`; set ``step_share=0`` for a step at every request, and
    ``mechanism="objective"`` for the published mechanism. ``rmax`` has to be 0.

    Notes
    -----
    Chien, Pan and Milenkovic, "Certified graph unlearning" (2022). Its accounting is that of `CertifiedClassifier`,
    which is tighter than the published one.

    Examples
    --------
    >>> from oubli import Removal
    >>> from oubli.baselines import CGUClassifier
    >>> from oubli.graph import generate_graph
    >>> graph = generate_graph(num_nodes=300, seed=1)
    >>> model = CGUClassifier(delta=1e-3, step_share=0.0, mechanism="objective").fit(graph)
    >>> model.unlearn(Removal(nodes=[5, 8])).path.startswith("propagated whole; ")
    True
    """

    def _check_parameters(self) -> None:
        super()._check_parameters()
        if self.rmax:
            raise InputError(f"rmax: this model propagates anew each time and leaves nothing; set 0, not {self.rmax!r}")

    def _make_embedding(self) -> Embedding:
        return WholeEmbedding(*self._embedded_as())
