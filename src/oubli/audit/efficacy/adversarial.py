"""Edges that do harm, learned and forgotten."""

from __future__ import annotations

from oubli.audit.efficacy.alteration import with_edges
from oubli.audit.efficacy.opposed import misleading_edges
from oubli.audit.efficacy.scenario import EfficacyTest, Scenario, labels_of
from oubli.audit.forgetting.methods import Kind
from oubli.errors import InputError
from oubli.graph import Graph, Removal

RATIO = 0.5
"""Edges put in, for each edge that was there."""


class AdversarialEdges(EfficacyTest):
    """Edges from training nodes to nodes of the next class outside of the training split, unlearned in one request.

    Parameters
    ----------
    ratio : float, default 0.5
        Edges put in, for each edge that was there.

    Notes
    -----
    As in the evaluation of arXiv 2408.09212 (Fig. 3): edges that lower accuracy are learned, and accuracy has to come
    back. Edges in random directions lower it while they are there, but hardly show in the weights: a model that keeps
    its weights would pass. These here all mislead the same way.
    """

    name = "adversarial-edges"
    measures = "accuracy returns to that of a model that never had them"
    kind: Kind = "edges"
    source = "arXiv 2408.09212"

    def __init__(self, ratio: float = RATIO) -> None:
        if not 0 < ratio <= 10:
            raise InputError(f"ratio: expected a number above 0 and at most 10, got {ratio!r}")
        self.ratio = ratio
        self.describe = (
            f"{ratio:g} edges for each that there is are learned, from training nodes to outside nodes of the next "
            "class, and unlearned in one request"
        )

    def scenario(self, graph: Graph, seed: int) -> Scenario:
        """Return the test on a graph with a split."""
        edges = misleading_edges(graph, max(1, round(self.ratio * graph.num_edges)), seed)
        judged = graph.test_nodes
        return Scenario(with_edges(graph, edges), (Removal(edges=edges),), judged, labels_of(graph, judged))
