"""What an audit refuses before anything is run."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from oubli.errors import InputError

if TYPE_CHECKING:
    from oubli.audit.gradients.run.audit import GradientAudit


def check_settings(audit: GradientAudit) -> None:
    """Raise `InputError` for what no audit can be made of."""
    if not audit.attacks or not audit.defences or not audit.nulls:
        raise InputError("audit: give an attack, a defence (none is one) and a null at the least")
    if all(graph.num_edges == 0 for graph in audit.collection):
        raise InputError(f"{audit.collection.name}: no graph has an edge, so there is no structure to find")
    for what, given, needed in (
        ("feature columns", audit.collection.num_features, audit.form.num_features),
        ("classes", audit.collection.num_classes, audit.form.num_classes),
    ):
        if given != needed:
            raise InputError(f"{audit.collection.name}: has {given} {what}, and the model form {needed}")
    if audit.device.startswith("cuda") and not torch.cuda.is_available():
        raise InputError(f"device: {audit.device!r} is not available here; use cpu")
    if audit.trained < 0 or (audit.trained and audit.weights is not None):
        raise InputError("trained: epochs, 0 or more, and not together with weights")
    if not 0 < audit.budget < math.inf:
        raise InputError(f"budget: a share of the published iterations above 0, got {audit.budget:g}")
    if audit.seed < 0:
        raise InputError(f"seed: an integer of 0 or more, got {audit.seed}")
    largest = max(int(graph.degrees.max()) for graph in audit.collection)
    if audit.max_degree is not None and largest > audit.max_degree:
        raise InputError(
            f"max degree: {audit.max_degree}, and a node of {audit.collection.name} has {largest} neighbours; give "
            "that at the least, or leave it out"
        )
