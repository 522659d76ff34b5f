"""One method, one graph, one removal: what the model says before, after, and had it never known."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oubli.audit.forgetting.families import Families
from oubli.audit.forgetting.methods import Forgetful, Method, posteriors
from oubli.graph import Graph, Removal


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a method did about a removal, beside retraining.

    Parameters
    ----------
    before : ndarray of float64, shape (nodes, classes)
        What the model answered for all nodes, in the order of their ids, before it unlearned.
    after : ndarray of float64, shape (nodes, classes)
        What it answers then.
    retrained : ndarray of float64, shape (nodes, classes)
        What the same model answers, of the same seed, fitted on what remains: the floor.
    bytes_equal : bool
        Whether the digests of both models' weights are the same, and the bytes of both models' answers.
    figures : dict
        ``accuracy``, ``accuracy_before``, ``accuracy_retrained`` on the test nodes, and the seconds
        ``seconds_unlearn`` and ``seconds_retrain``.
    """

    before: NDArray[np.float64]
    after: NDArray[np.float64]
    retrained: NDArray[np.float64]
    bytes_equal: bool
    figures: Mapping[str, float]


def forget(
    families: Families,
    method: Method,
    seed: int,
    place: str,
    graph: Graph,
    removal: Removal,
    remaining: Graph,
    classes: NDArray[Any],
) -> Outcome:
    """Fit a model, ask it, have it unlearn, ask it again, and ask the one that never had what goes.

    Parameters
    ----------
    families : Families
    method : Method
    seed : int
        Of the audit.
    place : str
        As `Families.trained` takes it.
    graph : Graph
        With what is to go.
    removal : Removal
        Edges or labels; all nodes stay.
    remaining : Graph
        `graph` without it.
    classes : ndarray
        Columns of what is answered.
    """
    model = families.own(method, seed, place, graph)
    before, accuracy_before = posterior_columns(model, classes), held_out_accuracy(model, graph)
    started = time.perf_counter()
    model.unlearn(removal)
    seconds = time.perf_counter() - started
    after = posterior_columns(model, classes)
    floor = families.trained(method, seed, place, "after", remaining)
    retrained = posterior_columns(floor.model, classes)
    figures = {
        "accuracy": held_out_accuracy(model, remaining),
        "accuracy_before": accuracy_before,
        "accuracy_retrained": held_out_accuracy(floor.model, remaining),
        "seconds_unlearn": seconds,
        "seconds_retrain": floor.seconds,
    }
    return Outcome(before, after, retrained, same_bytes(model, floor.model), figures)


def same_bytes(one: Forgetful, two: Forgetful) -> bool:
    """Return whether both models have the same weights and answer the same about all nodes, to the byte."""
    if one.weights_digest() != two.weights_digest():
        return False
    return one.decision_function().tobytes() == two.decision_function().tobytes()


def posterior_columns(
    model: Forgetful, classes: NDArray[Any], nodes: NDArray[Any] | None = None
) -> NDArray[np.float64]:
    """Return a model's posteriors with a column for each of `classes`, ascending; 0 for those that it does not know."""
    known = posteriors(model, nodes)
    columns = np.zeros((len(known), classes.size))
    columns[:, np.searchsorted(classes, model.classes_)] = known
    return columns


def held_out_accuracy(model: Forgetful, graph: Graph) -> float:
    """Return the share of the graph's test nodes that are classified right."""
    slots = graph.split_slots("test")
    truth = graph.label_values[graph.label_codes[slots]]
    return float(np.mean(model.predict(graph.test_nodes) == truth))
