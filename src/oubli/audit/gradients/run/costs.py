"""What a defence promises, and what it costs the model."""

from __future__ import annotations

import math
from typing import Any

from oubli.audit.gradients.case import Defence
from oubli.audit.gradients.defences import accuracy_under, epsilon
from oubli.audit.gradients.form import ModelForm
from oubli.graph.collection import GraphCollection


def defence_cost(
    defence: Defence,
    form: ModelForm,
    collection: GraphCollection,
    seed: int,
    delta: float,
    accuracy: bool,
    rounds: int = 1,
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
    rounds : int, default 1
        How many messages of one client the server sees.

    Returns
    -------
    dict
        ``epsilon`` of the rounds that are attacked, ``delta``, ``accuracy`` with ``accuracy_low`` and
        ``accuracy_high``, None where there is no promise or nothing was measured; and a ``note``: the epsilon of the
        training that had this accuracy, and the accuracy of always saying the most frequent class.
    """
    cost: dict[str, Any] = dict.fromkeys(("epsilon", "delta", "accuracy", "accuracy_low", "accuracy_high"))
    notes = []
    promise = epsilon(defence, rounds, delta)
    if math.isfinite(promise):
        cost |= {"epsilon": promise, "delta": delta}
    if accuracy:
        found = accuracy_under(defence, form, collection, seed)
        cost |= {"accuracy": found.mean, "accuracy_low": found.low, "accuracy_high": found.high}
        if math.isfinite(promise):
            whole = epsilon(defence, found.rounds, delta)
            notes.append(
                f"epsilon {promise:.3g} is of what is attacked, {whole:.3g} of {found.rounds} rounds of training"
            )
        notes.append(f"always saying the most frequent class has accuracy {found.majority:.3f}")
    return cost | {"note": "; ".join(notes)}
