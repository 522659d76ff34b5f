"""The networks: PyTorch Geometric's convolutions, with messages sent by products rather than edge by edge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import BatchNorm1d, LayerNorm, Linear, Module, ModuleList, functional
from torch_geometric.nn import GATConv, GCNConv, SAGEConv

from oubli.baselines.attention import Arcs, AttentionSum
from oubli.baselines.dropout import Dropout
from oubli.baselines.products import Inputs, SparseMatrix, adjacency_matrix, linear, mean_operator, symmetric_operator
from oubli.graph import Graph

OPERATORS: dict[str, Callable[[Graph], Any]] = {
    "gcn": symmetric_operator,
    "sage": mean_operator,
    "gat": lambda graph: Arcs(adjacency_matrix(graph, loops=True)),
}
NORMALIZATIONS: dict[str, type[Module]] = {"layer": LayerNorm, "batch": BatchNorm1d}


@dataclass(frozen=True)
class Shape:
    """What a network looks like; see `GNNClassifier`."""

    kind: str
    layers: int
    hidden: int
    heads: int
    dropout: float
    input_dropout: float
    normalization: str | None
    residual: bool

    @property
    def is_deep(self) -> bool:
        """Whether a linear layer follows the convolutions."""
        return self.residual or self.normalization is not None


class GCNLayer(GCNConv):  # type: ignore[misc]
    """GCNConv over an operator made once."""

    def forward(self, inputs: Inputs, operator: SparseMatrix) -> torch.Tensor:
        """Return the layer's output."""
        return spread_linear(inputs, self.lin.weight, operator) + self.bias


class SAGELayer(SAGEConv):  # type: ignore[misc]
    """SAGEConv over an operator made once."""

    def forward(self, inputs: Inputs, operator: SparseMatrix) -> torch.Tensor:
        """Return the layer's output."""
        own = linear(inputs, self.lin_r.weight, self.lin_l.bias)
        return own + spread_linear(inputs, self.lin_l.weight, operator)


class GATLayer(GATConv):  # type: ignore[misc]
    """GATConv over compressed rows; `draw` gives the factors of its dropout."""

    draw: Callable[[tuple[int, ...], float], NDArray[np.float32]]

    def forward(self, inputs: Inputs, arcs: Arcs) -> torch.Tensor:
        """Return the layer's output."""
        values = linear(inputs, self.lin.weight).view(-1, self.heads, self.out_channels)
        sending, receiving = (values * self.att_src).sum(-1), (values * self.att_dst).sum(-1)
        drops = self.training and self.dropout > 0
        factors = self.draw((arcs.count, self.heads), self.dropout) if drops else None
        means = AttentionSum.apply(values, sending, receiving, arcs, factors, self.negative_slope)
        return means.reshape(-1, self.heads * self.out_channels) + self.bias


def spread_linear(inputs: Inputs, weight: torch.Tensor, operator: SparseMatrix) -> torch.Tensor:
    """Return ``operator @ inputs @ weight.T``, from the side that leaves fewer columns to spread."""
    if isinstance(inputs, SparseMatrix) or weight.shape[0] <= weight.shape[1]:
        return operator.times(linear(inputs, weight))
    return functional.linear(operator.times(inputs), weight)


class Network(Module):  # type: ignore[misc]
    """Convolutions, each but the last followed by what `Shape` says, and a linear layer if the network is deep."""

    def __init__(self, shape: Shape, inputs: int, outputs: int, seed: int) -> None:
        super().__init__()
        self.shape, self.drop = shape, Dropout(seed)
        widths = [inputs] + [shape.hidden] * shape.layers
        if not shape.is_deep:
            widths[-1] = outputs
        sides = list(pairwise(widths))
        self.convolutions = ModuleList([self._layer(a, b, k + 1 == len(sides)) for k, (a, b) in enumerate(sides)])
        # GraphSAGE has its own: a second linear map of the same rows would add nothing.
        apart = shape.residual and shape.kind != "sage"
        self.residuals = ModuleList([Linear(a, b) for a, b in sides] if apart else [])
        normalization = NORMALIZATIONS.get(shape.normalization or "")
        self.normalizations = ModuleList([normalization(b) for _, b in sides] if normalization else [])
        self.head: Any = Linear(shape.hidden, outputs) if shape.is_deep else None
        # GAT's own choice, and that of the deep recipe.
        self.activation = functional.elu if shape.kind == "gat" and not shape.is_deep else functional.relu

    def _layer(self, inputs: int, outputs: int, is_last: bool) -> Module:
        shape = self.shape
        if shape.kind != "gat":
            return {"gcn": GCNLayer, "sage": SAGELayer}[shape.kind](inputs, outputs)
        heads = 1 if is_last and not shape.is_deep else shape.heads
        layer = GATLayer(inputs, outputs // heads, heads=heads, dropout=shape.dropout)
        layer.draw = self.drop.factors
        return layer

    def forward(self, inputs: Inputs, operator: Any) -> torch.Tensor:
        """Return a score a class for every node."""
        hidden = self._dropped(inputs, self.shape.input_dropout)
        for k, convolution in enumerate(self.convolutions):
            output = convolution(hidden, operator)
            if self.residuals:
                output = output + linear(hidden, self.residuals[k].weight, self.residuals[k].bias)
            if self.head is None and k + 1 == len(self.convolutions):
                return output
            if self.normalizations:
                output = self.normalizations[k](output)
            hidden = self._dropped(self.activation(output), self.shape.dropout)
        return self.head(hidden)

    def _dropped(self, inputs: Inputs, share: float) -> Inputs:
        return self.drop(inputs, share) if self.training else inputs
