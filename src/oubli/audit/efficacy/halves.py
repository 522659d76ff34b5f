"""More than half of what a model learned from goes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oubli.audit.efficacy.scenario import EfficacyTest, Scenario, labels_of
from oubli.audit.forgetting.methods import Kind
from oubli.errors import InputError
from oubli.graph import Graph, Removal

SHARE = 0.55


class Halves(EfficacyTest):
    """Training labels, training nodes or their features go, more than half of them.

    One training node of each class is spared: certified models refuse to lose a class.

    Parameters
    ----------
    kind : {"labels", "nodes", "features"}, default "labels"
    requests : int, default 1
        In how many requests, one after the other.
    share : float, default 0.55
        Of the training nodes.

    Notes
    -----
    As in the evaluation of arXiv 2408.09212, which removes more than half of the training nodes or features.
    """

    measures = "accuracy beside that of a model trained on what remains, and seconds a request beside those of training"
    source = "arXiv 2408.09212"

    def __init__(self, kind: Kind = "labels", requests: int = 1, share: float = SHARE) -> None:
        if kind not in ("labels", "nodes", "features"):
            raise InputError(f'kind: expected "labels", "nodes" or "features", got {kind!r}')
        if not 1 <= requests <= 1000 or not 0 < share < 1:
            raise InputError(
                f"halves: expected 1 to 1,000 requests and a share within 0 and 1, got {requests!r}, {share!r}"
            )
        self.kind, self.requests, self.share = kind, requests, share
        self.name = "half-removed" if kind == "labels" else f"half-{kind}"
        self.name += "-sequence" if requests > 1 else ""
        what = {"labels": "the training labels", "nodes": "the training nodes", "features": "training nodes' features"}
        asked = "one request" if requests == 1 else f"{requests} requests"
        self.describe = f"{100 * share:g} % of {what[kind]} go in {asked}"

    def scenario(self, graph: Graph, seed: int) -> Scenario:
        """Return the test on a graph with a split."""
        nodes = self._drawn(graph, seed)
        requests = tuple(Removal(**{self.kind: part}) for part in np.array_split(nodes, self.requests))
        judged = graph.test_nodes
        return Scenario(graph, requests, judged, labels_of(graph, judged), graph)

    def _drawn(self, graph: Graph, seed: int) -> NDArray[np.int64]:
        order = np.random.default_rng(seed).permutation(graph.split_slots("train"))
        wanted = round(self.share * order.size)
        first = np.unique(graph.label_codes[order], return_index=True)[1]
        rest = np.delete(order, first)
        if self.kind == "features":
            # A node without features has none to remove.
            rest = rest[_with_features(graph)[np.searchsorted(graph.node_ids, graph.index.ids[rest])]]
        if not self.requests <= wanted <= rest.size:
            raise InputError(
                f"{self.name}: {wanted} of {order.size} training nodes cannot go in {self.requests} requests and leave "
                "one of each class; use a graph with more labelled nodes"
            )
        return np.asarray(graph.index.ids[rest[:wanted]])


def _with_features(graph: Graph) -> NDArray[np.bool_]:
    """Return which nodes have features other than zeros, in the order of their ids."""
    return np.asarray((graph.features != 0).sum(axis=1)).ravel() > 0
