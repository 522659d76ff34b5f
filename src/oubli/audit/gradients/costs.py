"""What a defence promises, and what it costs the model."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from oubli.audit.gradients.case import Defence
from oubli.audit.gradients.form import ModelForm
from oubli.graph.collection import GraphCollection


def build_defence(given: str | Defence) -> Defence:
    """Return a defence by the name that the command line spells."""
    if isinstance(given, Defence):
        return given
    if given == "none":
        return Defence()
    parsed: Defence = import_module("oubli.audit.gradients.defences").parse_defence(given)
    return parsed


def defence_cost(
    defence: Defence,
    form: ModelForm,
    collection: GraphCollection,
    seed: int,
    rounds: int = 1,
    delta: float = 1e-5,
    accuracy: bool = True,
) -> dict[str, float | None]:
    """Return epsilon, delta, and the accuracy of a model trained under a defence with its interval.

    Parameters
    ----------
    defence : Defence
    form : ModelForm
    collection : GraphCollection
    seed : int
    rounds, delta : int, float
        Of the privacy accountant.
    accuracy : bool, default True
        Whether to train models; they take their time.

    Returns
    -------
    dict of str to float or None
        None where there is no promise, or nothing was measured.
    """
    cost: dict[str, Any] = dict.fromkeys(("epsilon", "delta", "accuracy", "accuracy_low", "accuracy_high"))
    # The base class does nothing, so it promises nothing.
    if type(defence) is not Defence:
        privacy = import_module("oubli.audit.gradients.defences.privacy")
        cost["epsilon"] = privacy.epsilon(defence, rounds, delta)
        cost["delta"] = delta if cost["epsilon"] is not None else None
    if accuracy:
        module = import_module("oubli.audit.gradients.defences.accuracy")
        found = module.accuracy_under(defence, form, collection, seed)
        cost |= zip(("accuracy", "accuracy_low", "accuracy_high"), map(float, found), strict=True)
    return cost
