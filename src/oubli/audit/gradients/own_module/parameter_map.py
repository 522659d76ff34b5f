"""From the parameters of a user's own module to those of a `ModelForm`, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from oubli.audit.gradients.form import ModelForm
from oubli.errors import InputError


@dataclass(frozen=True, eq=False)
class ParameterMap:
    """Which parameter of a module is which of the form; `form_of` makes it.

    Parameters
    ----------
    form : ModelForm
    names : mapping of str to str
        The module's name of each parameter of the form: ``{"W1": "conv1.lin.weight", ...}``.
    transposed : frozenset of str
        Parameters, by the form's names, that the module keeps the other way round.
    state : tuple of str
        Keys of the module's ``state_dict()``, in order.
    buffers : mapping of str to ndarray
        Those of them that are no parameters, with their values.
    """

    form: ModelForm
    names: Mapping[str, str]
    transposed: frozenset[str]
    state: tuple[str, ...]
    buffers: Mapping[str, NDArray[Any]] = field(default_factory=dict, repr=False)

    @classmethod
    def of_form(cls, form: ModelForm) -> ParameterMap:
        """Return the map for weights that are already named and laid out as the form says, in its order."""
        return cls(form, {name: name for name in form.shapes()}, frozenset(), tuple(form.shapes()))

    @property
    def parameters(self) -> tuple[str, ...]:
        """Names of the module's parameters, in the order of ``module.parameters()``."""
        return tuple(name for name in self.state if name not in self.buffers)

    def canonical(self, named: Mapping[str, Any]) -> dict[str, Tensor]:
        """Return weights or gradients under the form's names, as the form lays them out.

        Parameters
        ----------
        named : mapping of str to Tensor or ndarray
            Under the module's names; dtypes are kept, entries that are no parameters are left out.

        Raises
        ------
        InputError
            When one is missing, or of another shape.
        """
        found = {}
        for name, shape in self.form.shapes().items():
            own = self.names[name]
            if own not in named or named[own] is None:
                raise InputError(f"{own}: missing; expected the parameters {', '.join(self.parameters)}")
            value = torch.as_tensor(named[own]).detach()
            value = value.mT if name in self.transposed else value
            if tuple(value.shape) != shape:
                raise InputError(f"{own}: shape {tuple(named[own].shape)} does not fit {name} of the form, {shape}")
            found[name] = value.contiguous()
        return found

    def own(self, canonical: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return weights or gradients of the form under the module's names, as the module lays them out."""
        found = {}
        for name, own in self.names.items():
            value = canonical[name].mT if name in self.transposed else canonical[name]
            found[own] = value.contiguous()
        return {own: found[own] for own in self.parameters}

    def weights_of(self, module: torch.nn.Module) -> dict[str, Tensor]:
        """Return the module's weights under the form's names, detached."""
        return {name: value.clone() for name, value in self.canonical(dict(module.named_parameters())).items()}

    def gradient_of(self, module: torch.nn.Module) -> dict[str, Tensor]:
        """Return what ``backward()`` left in the module's ``.grad`` under the form's names."""
        return {
            name: value.clone()
            for name, value in self.canonical({own: value.grad for own, value in module.named_parameters()}).items()
        }

    def from_arrays(self, arrays: Sequence[NDArray[Any]]) -> dict[str, Tensor]:
        """Return a list of arrays under the form's names.

        Parameters
        ----------
        arrays : sequence of ndarray
            In the order of ``module.state_dict()`` or of ``module.parameters()``, as federations send them.

        Raises
        ------
        InputError
            When there are too many or too few, or one is of another shape.
        """
        if len(arrays) not in (len(self.state), len(self.parameters)):
            raise InputError(
                f"arrays: {len(arrays)} came; the module has {len(self.parameters)} parameters and "
                f"{len(self.state)} entries in its state_dict"
            )
        order = self.state if len(arrays) == len(self.state) else self.parameters
        return self.canonical({name: np.array(value) for name, value in zip(order, arrays, strict=True)})

    def to_arrays(self, canonical: Mapping[str, Tensor]) -> list[NDArray[Any]]:
        """Return weights of the form as a list in the order of ``module.state_dict()``; buffers as they were."""
        own = {name: value.cpu().numpy() for name, value in self.own(canonical).items()}
        return [self.buffers[name].copy() if name in self.buffers else own[name] for name in self.state]
