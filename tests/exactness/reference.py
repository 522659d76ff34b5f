"""What a model must equal after a removal: the same estimator fitted on what remains."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import clone
from tests.exactness.raw import RawGraph

from oubli import Graph, Removal, load_model
from oubli.models import CorrectAndSmooth, LCFNet, NodeClassifier, RoutedClassifier, SGCRidge


def chosen(estimator: NodeClassifier, choices: dict[str, Any]) -> NodeClassifier:
    """Return the estimator with the choices written as parameters, so that a fit has nothing left to choose."""
    fixed = clone(estimator)
    if isinstance(fixed, CorrectAndSmooth):
        base = chosen(SGCRidge() if fixed.base is None else fixed.base, choices["base"])
        return fixed.set_params(base=base, correction=choices["correction"], smoothing=choices["smoothing"])
    return fixed.set_params(**choices)


def refit(
    estimator: NodeClassifier, raw: RawGraph, seed: int = 0, choices: dict[str, Any] | None = None
) -> NodeClassifier:
    """Fit on a raw graph in a shuffled order, making all choices anew unless they are given."""
    graph = raw.build(np.random.default_rng(seed))
    if choices is not None and _has_unnamed(estimator):
        return clone(estimator).fit_with(graph, choices)
    fresh = clone(estimator) if choices is None else chosen(estimator, choices)
    return fresh.fit(graph)


def _has_unnamed(estimator: NodeClassifier) -> bool:
    """Tell whether some choices, a route or the strengths of layers, are no parameters."""
    inner = estimator.base if isinstance(estimator, CorrectAndSmooth) else estimator
    return isinstance(inner, LCFNet | RoutedClassifier) or (inner is not estimator and _has_unnamed(inner))


def assert_same(model: NodeClassifier, fresh: NodeClassifier) -> None:
    """Assert equal digests, choices, classes, scores of all nodes, and remaining graphs."""
    assert model.choices_ == fresh.choices_
    assert model.classes_.tolist() == fresh.classes_.tolist()
    assert model.digest() == fresh.digest()
    assert model.decision_function().tobytes() == fresh.decision_function().tobytes()
    assert_same_graph(model.graph_, fresh.graph_)


def assert_same_graph(graph: Graph, other: Graph) -> None:
    """Assert that two graphs hold the same nodes, edges, features, labels and splits."""
    for name in ("node_ids", "edges", "labels", "train_nodes", "val_nodes", "test_nodes"):
        assert getattr(graph, name).tolist() == getattr(other, name).tolist(), name
    ours, theirs = (g.table.take(np.flatnonzero(g.index.alive)).to_dense() for g in (graph, other))
    assert ours.tobytes() == theirs.tobytes()


def assert_a_loaded_model_forgets(estimator: NodeClassifier, raw: RawGraph, folder: Path) -> None:
    """Assert that a model that was saved and loaded is the same, and is after a further removal."""
    model = clone(estimator).fit(raw.build())
    model.unlearn(Removal(nodes=raw.ids[:2], labels=raw.train[-1:]))
    model.save(folder)
    loaded = load_model(folder)
    assert_same(loaded, model)
    gone = Removal(edges=loaded.graph_.edges[-2:], features=raw.ids[-1:])
    for one in (model, loaded):
        one.unlearn(gone, missing="ignore")
    assert_same(loaded, model)
