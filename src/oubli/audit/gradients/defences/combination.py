"""Several defences on one message."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from oubli.audit.gradients.case import Defence
from oubli.errors import InputError


@dataclass(frozen=True, kw_only=True)
class Combination(Defence):
    """Applies defences in their order to each client's message; protocols join.

    Parameters
    ----------
    parts : tuple of Defence
        As `combine` puts them together.
    """

    parts: tuple[Defence, ...]

    def share(self, gradient: Mapping[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        """Return what one client sends after all parts in turn."""
        message = dict(gradient)
        for part in self.parts:
            message = part.share(message, generator)
        return message

    def rounding(self, precision: float) -> float:
        """Return the root of the sum of the parts' squares: their errors are taken as independent."""
        added = [part.rounding(precision) for part in self.parts]
        return math.hypot(*(error for error in added if error > precision), precision)

    def describe(self) -> str:
        """Say in words what is done."""
        return "; then ".join(part.describe() for part in self.parts)


def combine(parts: Sequence[Defence], name: str) -> Defence:
    """Return the defence that applies all of these, in this order.

    Parameters
    ----------
    parts : sequence of Defence
        Those of the message (float16, int8, top-k, noise) act in this order. Of the protocols, each at most once:
        local steps are every client's, and a batch of secure aggregation is of each client.
    name : str

    Raises
    ------
    InputError
        When there is none, or two of them say how many steps, graphs or clients there are.
    """
    if not parts:
        raise InputError("defences: none to combine")
    if len(parts) == 1:
        return parts[0]
    settings = {}
    for what in ("local_steps", "graphs_per_client", "num_clients"):
        said = [part for part in parts if getattr(part, what) != 1]
        if len(said) > 1:
            raise InputError(f"defence {name}: {' and '.join(part.name for part in said)} both set {what}; keep one")
        settings[what] = said[0] if said else parts[0]
    num_clients = settings["num_clients"].num_clients
    return Combination(
        name=name,
        parts=tuple(parts),
        num_graphs=settings["graphs_per_client"].graphs_per_client * num_clients,
        local_steps=settings["local_steps"].local_steps,
        learning_rate=settings["local_steps"].learning_rate,
        num_clients=num_clients,
    )
