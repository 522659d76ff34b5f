"""Fewer entries: only the largest are sent."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from oubli.audit.gradients.case import Defence
from oubli.errors import InputError


@dataclass(frozen=True, kw_only=True)
class TopK(Defence):
    """Sends the entries of largest magnitude over all parameters together; the others count as zero.

    Parameters
    ----------
    share_kept : float
        Share of the entries that are sent, above 0 and up to 1, rounded up to a whole number of entries.
    """

    share_kept: float
    name: str = "top-k"

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.share_kept <= 1:
            raise InputError(f"top-k: keeps a share above 0 and up to 1 of the entries, got {self.share_kept}")

    def share(self, gradient: Mapping[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        """Return the gradient with the entries that are not sent as zeros."""
        flat = torch.cat([value.reshape(-1) for value in gradient.values()])
        kept = flat.abs().topk(math.ceil(self.share_kept * flat.numel()), sorted=False).indices
        sparse = torch.zeros_like(flat)
        sparse[kept] = flat[kept]
        parts = sparse.split([value.numel() for value in gradient.values()])
        return {name: part.reshape(gradient[name].shape) for name, part in zip(gradient, parts, strict=True)}

    def rounding(self, precision: float) -> float:
        """Return the most that can be missing: ``sqrt(1 - share)`` of the norm, when all entries are alike.

        Stich, Cordonnier and Jaggi, "Sparsified SGD with memory" (NeurIPS 2018), definition 2.1.
        """
        return max(precision, math.sqrt(1 - self.share_kept))

    def rounding_of(self, seen: Mapping[str, Tensor], precision: float) -> float:
        """Return a bound on what is missing that the message tells: no entry left out is larger than one sent.

        Of the mean over several clients nothing of that kind is known.
        """
        flat = torch.cat([value.reshape(-1).abs() for value in seen.values()])
        sent = flat[flat > 0]
        if self.num_clients > 1 or not sent.numel():
            return self.rounding(precision)
        missing = float(sent.min()) * math.sqrt(flat.numel() - sent.numel())
        whole = math.hypot(float(sent.norm()), missing)
        return min(self.rounding(precision), max(precision, missing / whole))

    def describe(self) -> str:
        """Say in words what is done."""
        return f"only the {self.share_kept:.4g} of the entries with the largest magnitude are sent"
