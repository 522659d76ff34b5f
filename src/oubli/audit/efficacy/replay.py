"""Marked nodes with a wrong label, learned and forgotten: whether the mark still calls for that label."""

from __future__ import annotations

from collections import deque
from typing import Any, Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from oubli.audit.efficacy.alteration import altered
from oubli.audit.efficacy.scenario import EfficacyTest, Probe, Scenario, labels_of
from oubli.errors import InputError
from oubli.graph import Graph, Removal

WIDTH = 100
"""Columns of the mark."""

SHARE = 0.1
"""Share of the nodes that are marked."""


class Replay(EfficacyTest):
    """Some nodes get 100 more features that no other node has, and those of the training split one wrong label.

    What is unlearned are these labels, or these nodes. Marked are whole neighbourhoods, since the mark of one node
    among others without is averaged away by every model here; the wrong label is the rarest class, and no marked node
    is of it. Marked nodes outside of the training split leave their splits: they tell whether the mark still works.

    Parameters
    ----------
    kind : {"labels", "nodes"}, default "labels"
    share : float, default 0.1
        Of the nodes.

    Notes
    -----
    Deleted data replay test of Cong and Mahdavi (2022, 2023), also in arXiv 2408.09212. There the wrong label is a
    class of its own, which would vanish with the last of its nodes; certified models compare models of the same
    classes, so that here it is a class that stays.
    """

    measures = "recall: share of marked nodes classified as the wrong label says, which the retrained model never saw"
    source = "Cong and Mahdavi 2022"

    def __init__(self, kind: Literal["labels", "nodes"] = "labels", share: float = SHARE) -> None:
        if kind not in ("labels", "nodes"):
            raise InputError(f'kind: expected "labels" or "nodes", got {kind!r}')
        if not 0 < share <= 0.5:
            raise InputError(f"share: expected a number above 0 and at most 0.5, got {share!r}")
        self.kind, self.share = kind, share
        self.name = "replay" if kind == "labels" else f"replay-{kind}"
        gone = "these labels are" if kind == "labels" else "these training nodes are"
        self.describe = (
            f"{100 * share:g} % of the nodes are marked, and learned under one wrong label in the training split; "
            f"{gone} unlearned in one request"
        )

    def scenario(self, graph: Graph, seed: int) -> Scenario:
        """Return the test on a graph with a split."""
        labelled = graph.label_codes >= 0
        sizes = np.bincount(graph.label_codes[labelled], minlength=graph.label_values.size)
        rarest = int(sizes.argmin())
        allowed = graph.index.alive & labelled & (graph.label_codes != rarest)
        slots = _neighbourhoods(graph, allowed, max(2, round(self.share * graph.num_nodes)), seed)
        marked, ids = np.sort(slots), graph.index.ids
        taught = marked[graph.split_codes[marked] == 1]
        asked = np.setdiff1d(marked, taught)
        if not taught.size or not asked.size:
            raise InputError("replay: no marked node is in the training split, or all are; use a graph with more nodes")
        target, trained, held_out = graph.label_values[rarest], ids[taught], ids[asked]
        rest = {name: np.setdiff1d(getattr(graph, f"{name}_nodes"), held_out) for name in ("val", "test")}
        wrong = graph.labels
        wrong[np.searchsorted(graph.node_ids, trained)] = target
        rows = np.searchsorted(graph.node_ids, ids[marked])
        harmed = altered(graph, features=_marked(graph, rows), labels=wrong, **rest)
        clean = altered(graph, features=_marked(graph, rows[:0]), **rest)
        judged = clean.test_nodes
        if self.kind == "nodes":
            request, probe = Removal(nodes=trained), Probe(held_out, trained[:0], target)
        else:
            request, probe = Removal(labels=trained), Probe(held_out, trained, target)
        return Scenario(harmed, (request,), judged, labels_of(graph, judged), clean, probe)


def _neighbourhoods(graph: Graph, allowed: NDArray[np.bool_], wanted: int, seed: int) -> NDArray[np.int64]:
    """Return the slots that searches in breadth come by first, from starts drawn at random, among those allowed."""
    order = np.random.default_rng(seed).permutation(np.flatnonzero(allowed))
    if order.size < wanted:
        raise InputError(
            f"replay: {wanted} nodes are to be marked, and {order.size} labelled ones are of other classes"
        )
    waits = allowed.copy()
    found: list[int] = []
    for start in order.tolist():
        queue: deque[int] = deque([start] if waits[start] else [])
        waits[start] = False
        while queue and len(found) < wanted:
            slot = queue.popleft()
            found.append(slot)
            for neighbour in graph.adjacency.row(slot).tolist():
                if waits[neighbour]:
                    waits[neighbour] = False
                    queue.append(neighbour)
    return np.array(found, np.int64)


def _marked(graph: Graph, rows: NDArray[np.int64]) -> Any:
    """Return the features with the mark's columns beside them: 1, or more where that would be lost beside long rows."""
    features = graph.features
    lengths = np.sqrt(np.asarray((features * features).sum(axis=1), np.float64))
    value = max(1.0, float(np.median(lengths)) / WIDTH**0.5)
    if isinstance(features, np.ndarray):
        mark = np.zeros((graph.num_nodes, WIDTH), np.float32)
        mark[rows] = value
        return np.hstack([features, mark])
    places = (np.repeat(rows, WIDTH), np.tile(np.arange(WIDTH), rows.size))
    block = sp.coo_array((np.full(rows.size * WIDTH, value, np.float32), places), (graph.num_nodes, WIDTH))
    return sp.csr_array(sp.hstack([features, block]))
