"""The methods under audit by name: ours and those of others, behind one interface."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any, Literal, Protocol, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from oubli.errors import InputError
from oubli.graph import Graph, Removal
from oubli.guarantees.receipt import Receipt

Kind = Literal["edges", "labels", "features", "nodes"]


class Forgetful(Protocol):
    """What a method under audit does: learn a graph, forget a part of it, classify its nodes."""

    graph_: Graph
    classes_: NDArray[Any]

    def fit(self, graph: Graph) -> Self:
        """Learn."""
        ...

    def unlearn(self, removal: Removal) -> Receipt:
        """Forget."""
        ...

    def predict(self, nodes: ArrayLike | None = None) -> NDArray[Any]:
        """Return the class of each node."""
        ...

    def decision_function(self, nodes: ArrayLike | None = None) -> NDArray[np.float64]:
        """Return a score a class for each node."""
        ...

    def weights_digest(self) -> str:
        """Return the SHA-256 of all that predictions depend on beside the graph."""
        ...


@dataclass(frozen=True)
class Method:
    """A method under audit.

    Parameters
    ----------
    name : str
        As the command line spells it, epsilon included: ``certified:0.5``.
    describe : str
        What it does about a removal, in a sentence.
    model : str
        What kind of model it is a method for.
    family : str
        Methods of one family learn the same model in the same way: what one learned, all of them did; and retraining
        it is the floor of all of them.
    make : callable
        From a seed to a fresh model, not fitted.
    claim : {"exact", "certified", "none"}
        What it promises of a removal.
    epsilon, delta : float, optional
        Of a certified one.
    kinds : tuple of str
        What can be removed.
    """

    name: str
    describe: str
    model: str
    family: str
    make: Callable[[int], Forgetful]
    claim: Literal["exact", "certified", "none"] = "none"
    epsilon: float | None = None
    delta: float | None = None
    kinds: tuple[Kind, ...] = ("edges", "labels", "features", "nodes")

    @property
    def bound(self) -> float | None:
        """The most that anyone's true positive rate may exceed the false one, by its claim; None without one."""
        if self.claim == "exact":
            return 0.0
        if self.epsilon is None or self.delta is None:
            return None
        return advantage_bound(self.epsilon, self.delta)


def advantage_bound(epsilon: float, delta: float) -> float:
    """Return the total variation between two (epsilon, delta)-close distributions, at most (Kairouz et al. 2015)."""
    return (math.expm1(epsilon) + 2 * delta) / (math.exp(epsilon) + 1)


DELTA = 1e-4
EPSILON = 1.0
GCN = "2-layer graph convolutional network"


def _ours(name: str, seed: int, **settings: Any) -> Any:
    """Return one of our models; they have no seed, noise comes from the operating system."""
    return getattr(import_module("oubli.models"), name)(**settings)


def _theirs(name: str, seed: int, **settings: Any) -> Any:
    return getattr(import_module("oubli.baselines"), name)(seed=seed, **settings)


def _cgu(seed: int, **settings: Any) -> Any:
    return import_module("oubli.baselines").CGUClassifier(step_share=0.0, mechanism="objective", **settings)


def _exact(name: str) -> Method:
    describe = "closed form; a removal leaves the bytes of retraining, choices made again"
    return Method(name, describe, "SGC and ridge", "sgc", partial(_ours, "SGCRidge"), "exact")


def _certified(name: str, epsilon: float) -> Method:
    settings: dict[str, Any] = {"epsilon": epsilon, "delta": DELTA}
    if name == "cgu":
        describe = "propagates anew and takes a Newton step, noise in the objective"
        make: Callable[[int], Any] = partial(_cgu, **settings)
    else:
        describe = "evaluates the residual, steps when it has to, fresh noise on what is given out"
        make = partial(_ours, "CertifiedClassifier", **settings)
    full = name if epsilon == EPSILON else f"{name}:{epsilon:g}"
    return Method(full, describe, "logistic regression on propagated features", full, make, "certified", epsilon, DELTA)


_ALL: tuple[Kind, ...] = ("edges", "labels", "features", "nodes")


def _network(
    name: str, describe: str, model: str, family: str = "gcn", kinds: tuple[Kind, ...] = _ALL, **settings: Any
) -> Method:
    return Method(name, describe, GCN, family, partial(_theirs, model, **settings), kinds=kinds)


_NETWORKS = {
    method.name: method
    for method in (
        _network("gif", "one step along the graph influence function (Wu, Yang et al. 2023)", "GIFClassifier"),
        # Steps of the public code go farther than damped ones, towards retraining or past it.
        _network(
            "gif-undamped",
            "the same, without damping, as in its public code",
            "GIFClassifier",
            iterations=100,
            damp=0.0,
        ),
        _network(
            "ceu",
            "influence step, noise in the objective (Wu, Shen et al. 2023)",
            "CEUClassifier",
            "gcn-noisy",
            ("edges",),
        ),
        _network("ascent", "gradient ascent on what is removed, descent on the rest", "GradientAscentClassifier"),
        _network("stale", "keeps its weights: nothing is unlearned", "StaleClassifier"),
        _network("retrain", "trains again from the same seed", "RetrainedClassifier"),
    )
}
METHODS = ("exact", "certified", "cgu", *_NETWORKS)


def parse_method(text: str) -> Method:
    """Return a method by name.

    Parameters
    ----------
    text : str
        One of `METHODS`; ``certified`` and ``cgu`` also with an epsilon, as ``certified:0.5``.

    Raises
    ------
    InputError
        When there is none of that name.
    """
    name, _, value = text.partition(":")
    if name not in METHODS or (value and name not in ("certified", "cgu")):
        known = ", ".join(METHODS)
        raise InputError(f"methods: {text!r} is not supported; supported: {known}; certified and cgu with :EPSILON")
    if name == "exact":
        return _exact(name)
    if name in _NETWORKS:
        return _NETWORKS[name]
    return _certified(name, _epsilon(text, value))


def _epsilon(text: str, value: str) -> float:
    try:
        epsilon = float(value) if value else EPSILON
    except ValueError:
        epsilon = math.nan
    if not 0 < epsilon <= 32:
        raise InputError(f"methods: {text!r}: epsilon must be a number above 0 and at most 32")
    return epsilon


def posteriors(model: Forgetful, nodes: ArrayLike | None = None) -> NDArray[np.float64]:
    """Return what the model says of nodes as probabilities: the softmax of its decision values, shape (nodes, classes).

    For a network and for logistic regression these are its own probabilities; the decision values of a ridge regression
    lose nothing by it but a constant.
    """
    scores = model.decision_function(nodes)
    grown = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares: NDArray[np.float64] = grown / grown.sum(axis=1, keepdims=True)
    return shares
