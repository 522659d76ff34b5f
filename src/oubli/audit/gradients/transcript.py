"""What an attack gets, and nothing else: the weights that were sent, the gradient that came back, what is public."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from oubli.audit.gradients.form import ModelForm
from oubli.graph.collection import LabelledGraph


@dataclass(frozen=True, eq=False)
class Transcript:
    """One client's share in one round of a federation, as an honest-but-curious server sees it.

    The server follows the protocol, knows the architecture and the weights it sent, and reads this client's update.
    The truth is in a `Secret`, which attacks never get.

    Parameters
    ----------
    form : ModelForm
        Architecture.
    weights : mapping of str to Tensor
        What the server sent, in float64; names as in `ModelForm.shapes`.
    gradient : mapping of str to Tensor
        What came back, as a gradient of the mean loss, in float64. Of several local steps or clients, the average.
    rounding : float
        Relative error of what came back that the protocol implies: 2**-53 for float64, 2**-24 for float32, the
        deviation of the noise in units of the clipping norm, ...
    num_graphs : int, default 1
        How many graphs are in the gradient.
    num_nodes : tuple of int, optional
        Their sizes, where the server knows them.
    one_hot : bool, default False
        Whether it is public that each node is of one type: feature rows are one-hot.
    max_degree : int, optional
        The largest degree there can be, where that is public, such as the valence of atoms.
    auxiliary : tuple of LabelledGraph, default ()
        Graphs that the server has beside: public ones, or those of a client that colludes.
    auxiliary_source : str, default "none"
        What they are, in words, for the threat model.
    protocol : str, default "one step in float64"
        What the client did to its update, in words; public.
    structure : tuple of ndarray, optional
        True adjacencies, for oracle attacks only: what an attack could do if it had them.
    """

    form: ModelForm
    weights: Mapping[str, Tensor]
    gradient: Mapping[str, Tensor]
    rounding: float = 2.0**-53
    num_graphs: int = 1
    num_nodes: tuple[int, ...] | None = None
    one_hot: bool = False
    max_degree: int | None = None
    auxiliary: tuple[LabelledGraph, ...] = field(default=(), repr=False)
    auxiliary_source: str = "none"
    protocol: str = "one step in float64"
    structure: tuple[NDArray[np.float64], ...] | None = field(default=None, repr=False)

    @property
    def device(self) -> torch.device:
        """Where the tensors are."""
        return next(iter(self.weights.values())).device

    def threat_model(self) -> str:
        """Say in words who attacks, what they know and what they do not; printed with every result."""
        form, known = self.form, []
        known.append("the architecture and the weights it sent")
        clients = "one graph" if self.num_graphs == 1 else f"{self.num_graphs} graphs together"
        known.append(f"the update of {clients} ({self.protocol})")
        if self.num_nodes is not None:
            known.append("how many nodes each graph has")
        if self.one_hot:
            known.append("that each node is of one type")
        if self.max_degree is not None:
            known.append(f"that no node has more than {self.max_degree} neighbours")
        if self.structure is not None:
            known.append("the true structure, by an oracle that no server has")
        aside = f"{len(self.auxiliary)} graphs of its own ({self.auxiliary_source})" if self.auxiliary else "no graphs"
        widths = ", ".join(map(str, form.hidden))
        between = f" with {form.head_activation} between them" if form.head_activation else ""
        biases = "with" if form.bias else "without"
        lines = (
            "Attacker: an honest-but-curious server; it follows the protocol and keeps what it sees.",
            f"It knows {'; '.join(known)}; and it has {aside}.",
            "It does not know the graph, its features, its label, or other rounds.",
            f"Model: {form.num_layers} {form.layer.upper()} layers of width {widths} {biases} bias, {form.activation}, "
            f"{form.pooling} pooling, a head of {len(form.head) + 1} linear maps{between}.",
        )
        return "\n".join(lines)


@dataclass(frozen=True, eq=False)
class Secret:
    """What the client holds: the truth that reconstructions are scored against.

    Parameters
    ----------
    graphs : tuple of LabelledGraph
        Those behind the gradient.
    embeddings : Tensor, shape (graphs, width)
        Their pooled embeddings under the weights that the server sent.
    """

    graphs: tuple[LabelledGraph, ...]
    embeddings: Tensor
