"""The models that are audited: graph layers, pooling and a head, and the names of their parameters."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from oubli.errors import InputError

POOLINGS = ("sum", "mean", "max")
LAYERS = ("gcn", "gin")
LEAK = 0.01  # torch's slope of a leaky ReLU


@dataclass(frozen=True)
class Activation:
    """An activation with what attacks need of it.

    Parameters
    ----------
    value : callable
        Of the pre-activation.
    slope : callable
        Derivative, of the pre-activation.
    inverse : callable, optional
        The pre-activation of a value, where there is one; None where values do not tell it.
    slope_of_value : callable, optional
        Derivative, of the value; None where values do not tell it.
    """

    value: Callable[[Tensor], Tensor]
    slope: Callable[[Tensor], Tensor]
    inverse: Callable[[Tensor], Tensor] | None = None
    slope_of_value: Callable[[Tensor], Tensor] | None = None


def _gelu_slope(z: Tensor) -> Tensor:
    density = torch.exp(-0.5 * z * z) / (2 * torch.pi) ** 0.5
    return 0.5 * (1 + torch.erf(z / 2**0.5)) + z * density


ACTIVATIONS: dict[str, Activation] = {
    "tanh": Activation(torch.tanh, lambda z: 1 - torch.tanh(z) ** 2, torch.atanh, lambda h: 1 - h**2),
    "sigmoid": Activation(
        torch.sigmoid, lambda z: torch.sigmoid(z) * torch.sigmoid(-z), torch.logit, lambda h: h * (1 - h)
    ),
    "gelu": Activation(torch.nn.functional.gelu, _gelu_slope),
    # A value of zero does not tell the pre-activation, but it tells the slope.
    "relu": Activation(torch.relu, lambda z: (z > 0).to(z.dtype), None, lambda h: (h > 0).to(h.dtype)),
    "leaky_relu": Activation(
        lambda z: torch.where(z > 0, z, LEAK * z),
        lambda z: torch.where(z > 0, torch.ones_like(z), torch.full_like(z, LEAK)),
        lambda h: torch.where(h > 0, h, h / LEAK),
        lambda h: torch.where(h > 0, torch.ones_like(h), torch.full_like(h, LEAK)),
    ),
}


@dataclass(frozen=True)
class ModelForm:
    """Architecture of a graph classifier; public, as every client has to build it.

    ``H_0 = X; Z_i = A H_(i-1) W_i + b_i; H_i = act(Z_i)``, with ``A = D^-1/2 (A + I) D^-1/2`` for GCN layers. A GIN
    layer has ``A + I`` and two linear maps, ``Z_i = act(A H_(i-1) W_i + b_i) U_i + d_i``. Then
    ``h = pool(H_L); z_j = act(V_j z_(j-1) + c_j)``, the last without activation, and cross-entropy.

    Parameters
    ----------
    num_features, num_classes : int
    hidden : tuple of int, default (128, 128)
        Width of each graph layer.
    activation : {"relu", "leaky_relu", "tanh", "sigmoid", "gelu"}, default "relu"
    bias : bool, default True
        Whether graph layers have biases.
    pooling : {"mean", "sum", "max"}, default "mean"
    head : tuple of int, default ()
        Widths of the head's hidden layers; none makes it one linear map.
    head_bias : bool, default True
    layer : {"gcn", "gin"}, default "gcn"
    head_activation : str, optional
        Between the linear maps of the head; by default that of the graph layers, and None when it is the same.

    Raises
    ------
    InputError
        For a name or a width that is not supported.
    """

    num_features: int
    num_classes: int
    hidden: tuple[int, ...] = (128, 128)
    activation: str = "relu"
    bias: bool = True
    pooling: str = "mean"
    head: tuple[int, ...] = ()
    head_bias: bool = True
    layer: str = "gcn"
    head_activation: str | None = None

    def __post_init__(self) -> None:
        for what, value, known in (
            ("activation", self.activation, tuple(ACTIVATIONS)),
            ("pooling", self.pooling, POOLINGS),
            ("layer", self.layer, LAYERS),
            ("head_activation", self.head_activation or self.activation, tuple(ACTIVATIONS)),
        ):
            if value not in known:
                raise InputError(f"{what}: {value!r} is not supported; supported: {', '.join(known)}")
        object.__setattr__(self, "hidden", tuple(int(width) for width in self.hidden))
        object.__setattr__(self, "head", tuple(int(width) for width in self.head))
        if not self.head or self.head_activation == self.activation:
            object.__setattr__(self, "head_activation", None)  # equal forms compare equal
        if not self.hidden or min(self.num_features, *self.hidden, *self.head, self.num_classes - 1) < 1:
            raise InputError(
                "model form: needs a graph layer, two classes and widths of 1 or more, got "
                f"features {self.num_features}, hidden {self.hidden}, head {self.head}, classes {self.num_classes}"
            )

    @property
    def num_layers(self) -> int:
        """How many graph layers, hence how many hops a node sees."""
        return len(self.hidden)

    @property
    def act(self) -> Activation:
        """The activation of graph layers."""
        return ACTIVATIONS[self.activation]

    @property
    def head_act(self) -> Activation:
        """The activation between the linear maps of the head."""
        return ACTIVATIONS[self.head_activation or self.activation]

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of each parameter, by name, in the order in which models are built.

        Graph layers ``W1`` (inputs, outputs), ``b1`` (and ``U1``, ``d1`` of a GIN layer), ...; the head ``V1``
        (outputs, inputs), ``c1``, ...
        """
        shapes: dict[str, tuple[int, ...]] = {}
        widths = (self.num_features, *self.hidden)
        for i, (inputs, outputs) in enumerate(zip(widths, self.hidden, strict=False), start=1):
            shapes[f"W{i}"] = (inputs, outputs)
            if self.bias:
                shapes[f"b{i}"] = (outputs,)
            if self.layer == "gin":
                shapes[f"U{i}"] = (outputs, outputs)
                if self.bias:
                    shapes[f"d{i}"] = (outputs,)
        widths = (self.hidden[-1], *self.head, self.num_classes)
        for j, (inputs, outputs) in enumerate(itertools.pairwise(widths), start=1):
            shapes[f"V{j}"] = (outputs, inputs)
            if self.head_bias:
                shapes[f"c{j}"] = (outputs,)
        return shapes

    def draw(self, seed: int = 0, dtype: torch.dtype = torch.float64) -> dict[str, Tensor]:
        """Return freshly drawn parameters: Glorot's uniform for graph layers, torch's default for the head."""
        generator = torch.Generator().manual_seed(seed)
        drawn = {}
        for name, shape in self.shapes().items():
            if name[0] in "WU":
                limit = (6 / sum(shape)) ** 0.5
            else:
                fan = self.shapes()[f"V{name[1:]}"][1] if name[0] in "Vc" else shape[0]
                limit = fan**-0.5
            uniform = torch.rand(shape, generator=generator, dtype=torch.float64)
            drawn[name] = ((2 * uniform - 1) * limit).to(dtype)
        return drawn
