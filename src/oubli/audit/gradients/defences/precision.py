"""Fewer bits: what a message loses when it is sent in half precision or in bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from oubli.audit.gradients.case import Defence

HALF_UNIT = 2.0**-11  # largest relative error of rounding to a float16 that is normal


@dataclass(frozen=True, kw_only=True)
class Float16(Defence):
    """Sends float16, scaled before as mixed-precision training scales the loss, against underflow.

    Parameters
    ----------
    loss_scale : float, default 1024
        Halved until nothing overflows (above 65504), as gradient scalers do; it is sent along.
    """

    name: str = "float16"
    loss_scale: float = 1024.0

    def share(self, gradient: Mapping[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        """Return the gradient rounded to float16, in its own dtype."""
        largest = max(float(value.abs().max()) for value in gradient.values())
        scale = self.loss_scale
        while largest * scale > torch.finfo(torch.float16).max:
            scale /= 2
        return {name: (value * scale).half().to(value.dtype) / scale for name, value in gradient.items()}

    def rounding(self, precision: float) -> float:
        """Return 2**-11, that of entries which do not underflow."""
        return max(precision, HALF_UNIT)

    def describe(self) -> str:
        """Say in words what is done."""
        return f"sent in float16, scaled by {self.loss_scale:g}"


@dataclass(frozen=True, kw_only=True)
class Int8(Defence):
    """Sends bytes: each parameter's entries as multiples of a 127th of the largest magnitude among them."""

    name: str = "int8"

    def share(self, gradient: Mapping[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        """Return the gradient rounded to these multiples, ties to even."""
        return {name: self._rounded(value) for name, value in gradient.items()}

    def _rounded(self, value: Tensor) -> Tensor:
        step = value.abs().max() / 127
        return torch.round(value / step) * step if float(step) > 0 else value

    def rounding(self, precision: float) -> float:
        """Return 1/254, in units of the largest entry of a parameter."""
        return max(precision, 1 / 254)

    def describe(self) -> str:
        """Say in words what is done."""
        return "sent in 8 bits, symmetric, one scale a parameter"
