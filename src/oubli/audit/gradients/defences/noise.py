"""Noise: a message that is clipped and then blurred, with a guarantee of differential privacy."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from oubli.audit.gradients.case import Defence
from oubli.errors import InputError


@dataclass(frozen=True, kw_only=True)
class ClipAndNoise(Defence):
    """Scales the whole update down to a norm, then adds Gaussian noise to each entry, on the client.

    Parameters
    ----------
    sigma : float
        Standard deviation of the noise in each entry, in units of `clip`; above 0.
    clip : float, default 1.0
        Largest Euclidean norm of an update over all parameters; smaller ones stay as they are.

    Notes
    -----
    The Gaussian mechanism of Abadi and others, "Deep learning with differential privacy" (CCS 2016), on one client's
    message; its epsilon is in `oubli.audit.gradients.defences.privacy`. The noise here comes from a seed, to be
    repeatable: a deployment has to draw it from the operating system, and floats that are added reveal more than reals
    (Mironov, "On significance of the least significant bits for differential privacy", CCS 2012).

    Clipping has its own price, whatever the noise: sum pooling makes long gradients, and on MUTAG a norm of 1 with next
    to no noise takes the accuracy from 0.80 to 0.74, a norm of 10 to 0.79.
    """

    sigma: float
    clip: float = 1.0
    name: str = "noise"

    def __post_init__(self) -> None:
        super().__post_init__()
        for what, value in (("sigma", self.sigma), ("the clipping norm", self.clip)):
            if not 0 < value < math.inf:
                raise InputError(f"noise: {what} must be above 0 and finite, got {value}")

    def share(self, gradient: Mapping[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        """Return the clipped gradient plus noise; same generator state, same noise."""
        norm = math.sqrt(sum(float(value.double().square().sum()) for value in gradient.values()))
        factor = min(1.0, self.clip / norm) if norm else 1.0
        deviation = self.sigma * self.clip
        return {name: value * factor + deviation * _normal(value, generator) for name, value in gradient.items()}

    def rounding(self, precision: float) -> float:
        """Return the deviation of the noise in units of the clipping norm."""
        return max(precision, self.sigma)

    def describe(self) -> str:
        """Say in words what is done."""
        return f"clipped to norm {self.clip:g}, Gaussian noise of deviation {self.sigma * self.clip:g} in each entry"


def _normal(like: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randn(like.shape, generator=generator, dtype=like.dtype).to(like.device)
