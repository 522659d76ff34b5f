"""The matrices and biases of a torch module, and the parts that no supported form has."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from oubli.errors import InputError

CONVOLUTIONS = ("GCNConv", "GINConv", "DenseGCNConv", "DenseGINConv")
"""Of PyTorch Geometric, those that a form can describe."""


@dataclass(frozen=True)
class LinearMap:
    """A matrix of a module, and the bias that goes with it.

    Parameters
    ----------
    weight : str
        Name of the parameter.
    shape : tuple of int
    bias : str, optional
    """

    weight: str
    shape: tuple[int, int]
    bias: str | None = None


def linear_maps(module: torch.nn.Module) -> list[LinearMap]:
    """Return the matrices of a module in the order of registration, each with its bias.

    A bias goes with a matrix of its own submodule or, as in PyG's layers, of a submodule of that; among several with
    the nearest one before it, else after it.

    Raises
    ------
    InputError
        For a parameter that is neither a matrix nor the bias of one.
    """
    parameters = list(module.named_parameters())
    matrices = {name: value.shape for name, value in parameters if value.ndim == 2 and value.shape[0] * value.shape[1]}
    places = [name for name, _ in parameters]
    biases: dict[str, str] = {}
    for place, (name, value) in enumerate(parameters):
        if name in matrices:
            continue
        owner = name.rpartition(".")[0]
        fitting = [
            matrix
            for matrix, shape in matrices.items()
            if matrix not in biases and value.ndim == 1 and len(value) in shape and _inside(matrix, owner)
        ]
        before = [matrix for matrix in fitting if places.index(matrix) < place]
        if not fitting:
            holder = type(module.get_submodule(owner)).__name__
            raise InputError(
                f"module: parameter {name} of shape {tuple(value.shape)}, in a {holder}, is neither a matrix nor the "
                "bias of one; supported are layers of one matrix and at most one bias each"
            )
        biases[before[-1] if before else fitting[0]] = name
    return [LinearMap(name, (int(shape[0]), int(shape[1])), biases.get(name)) for name, shape in matrices.items()]


def refuse_unsupported(module: torch.nn.Module, supported: str) -> None:
    """Raise `InputError`, naming the part, when a module has one that no form describes."""
    if not any(True for _ in module.parameters()):
        raise InputError(f"module: {type(module).__name__} has no parameters; {supported}")
    for name, value in module.named_parameters():
        if torch.nn.parameter.is_lazy(value):
            raise InputError(f"module: {name} has no shape yet; feed the module a graph first")
    for name, part in module.named_modules():
        kind = type(part).__name__
        bases = {base.__name__ for base in type(part).__mro__}
        if "Norm" in kind or "_NormBase" in bases:
            reason = "normalises states"
        elif "_DropoutNd" in bases and getattr(part, "p", 0) > 0:
            reason = f"drops at random in training (p = {getattr(part, 'p', 0)}; with p = 0 it can be audited)"
        elif "MessagePassing" in bases and not bases & set(CONVOLUTIONS):
            reason = "is a graph layer of another kind"
        elif isinstance(part, torch.nn.MultiheadAttention | torch.nn.RNNBase | torch.nn.Embedding):
            reason = "is no linear map"
        else:
            continue
        raise InputError(f"module: {name or 'it'} ({kind}) {reason}; {supported}")


def _inside(name: str, owner: str) -> bool:
    return not owner or name.startswith(owner + ".")
