"""What a defence promises, and what it costs the model."""

from __future__ import annotations

import math
from importlib import import_module
from typing import Any

from torch import Tensor

from oubli.audit.gradients.case import Defence
from oubli.audit.gradients.form import ModelForm
from oubli.graph.collection import GraphCollection


def build_defence(given: str | Defence) -> Defence:
    """Return a defence by the name that the command line spells."""
    if isinstance(given, Defence):
        return given
    if given == "none":
        return Defence()
    parsed: Defence = _defences().parse_defence(given)
    return parsed


def trained_weights(form: ModelForm, graphs: GraphCollection, epochs: int, seed: int) -> dict[str, Tensor]:
    """Return weights trained without a defence."""
    weights: dict[str, Tensor] = _defences().train(form, graphs, epochs, seed)
    return weights


def defence_cost(
    defence: Defence, form: ModelForm, collection: GraphCollection, seed: int, delta: float, accuracy: bool
) -> dict[str, Any]:
    """Return what a defence promises, and the accuracy of models trained under it.

    Parameters
    ----------
    defence : Defence
    form : ModelForm
    collection : GraphCollection
    seed : int
    delta : float
        Of the privacy accountant.
    accuracy : bool
        Whether to train models; they take their time.

    Returns
    -------
    dict
        ``epsilon`` of the one round that is attacked, ``delta``, ``accuracy`` with ``accuracy_low`` and
        ``accuracy_high``, None where there is no promise or nothing was measured; and a ``note``: the epsilon of the
        training that had this accuracy, and the accuracy of always saying the most frequent class.
    """
    cost: dict[str, Any] = dict.fromkeys(("epsilon", "delta", "accuracy", "accuracy_low", "accuracy_high"))
    notes = []
    # The base class does nothing, so it promises nothing.
    promise = math.inf if type(defence) is Defence else _defences().epsilon(defence, 1, delta)
    if math.isfinite(promise):
        cost |= {"epsilon": promise, "delta": delta}
    if accuracy:
        found = _defences().accuracy_under(defence, form, collection, seed)
        cost |= {"accuracy": found.mean, "accuracy_low": found.low, "accuracy_high": found.high}
        if math.isfinite(promise):
            whole = _defences().epsilon(defence, found.rounds, delta)
            notes.append(f"epsilon {promise:.3g} is of one round, {whole:.3g} of the {found.rounds} rounds of training")
        notes.append(f"always saying the most frequent class has accuracy {found.majority:.3f}")
    return cost | {"note": "; ".join(notes)}


def _defences() -> Any:
    return import_module("oubli.audit.gradients.defences")
