"""What a client computes: states, logits and the gradient of its loss, over dense, possibly padded graphs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from oubli.audit.gradients.form import ModelForm
from oubli.errors import InputError
from oubli.graph.collection import LabelledGraph

Tensors = Mapping[str, Tensor]


@dataclass(frozen=True)
class DenseGraphs:
    """Graphs of different sizes side by side, padded.

    Parameters
    ----------
    adjacency : Tensor, shape (..., n, n)
        Without self-loops; weights between 0 and 1 are allowed.
    features : Tensor, shape (..., n, d)
    mask : Tensor, shape (..., n)
        1 for nodes, 0 for padding, in the dtype of the features.
    """

    adjacency: Tensor
    features: Tensor
    mask: Tensor

    @classmethod
    def of(
        cls, graphs: Sequence[LabelledGraph], dtype: torch.dtype = torch.float64, device: str | torch.device = "cpu"
    ) -> DenseGraphs:
        """Return the graphs padded to the largest, shapes (graphs, n, ...)."""
        size = max(graph.num_nodes for graph in graphs)
        adjacency = torch.zeros(len(graphs), size, size, dtype=dtype)
        features = torch.zeros(len(graphs), size, graphs[0].num_features, dtype=dtype)
        mask = torch.zeros(len(graphs), size, dtype=dtype)
        for i, graph in enumerate(graphs):
            n = graph.num_nodes
            adjacency[i, :n, :n] = torch.from_numpy(graph.adjacency()).to(dtype)
            features[i, :n] = torch.tensor(graph.features, dtype=dtype)
            mask[i, :n] = 1
        return cls(adjacency.to(device), features.to(device), mask.to(device))


def operator_of(form: ModelForm, adjacency: Tensor) -> Tensor:
    """Return what a layer multiplies states by: ``D^-1/2 (A + I) D^-1/2`` for GCN, ``A + I`` for GIN."""
    looped = adjacency + torch.eye(adjacency.shape[-1], dtype=adjacency.dtype, device=adjacency.device)
    if form.layer == "gin":
        return looped
    scale = looped.sum(-1).clamp(min=1e-12).rsqrt()
    return scale[..., :, None] * looped * scale[..., None, :]


@dataclass(frozen=True)
class States:
    """What a forward pass goes through.

    Parameters
    ----------
    before : tuple of Tensor, shape (..., n, width)
        ``Z_1 .. Z_L``.
    after : tuple of Tensor, shape (..., n, width)
        ``H_1 .. H_L``.
    embedding : Tensor, shape (..., width)
        ``h``, pooled.
    logits : Tensor, shape (..., classes)
    """

    before: tuple[Tensor, ...]
    after: tuple[Tensor, ...]
    embedding: Tensor
    logits: Tensor


def forward(
    form: ModelForm, weights: Tensors, operator: Tensor, features: Tensor, mask: Tensor | None = None
) -> States:
    """Run the model; see `ModelForm` for the formulas."""
    act, states, before, after = form.act.value, features, [], []
    for i in range(1, form.num_layers + 1):
        linear = operator @ (states @ weights[f"W{i}"])
        linear = linear + weights[f"b{i}"] if form.bias else linear
        if form.layer == "gin":
            linear = act(linear) @ weights[f"U{i}"]
            linear = linear + weights[f"d{i}"] if form.bias else linear
        states = act(linear)
        before.append(linear)
        after.append(states)
    embedding = pool(form, states, mask)
    return States(tuple(before), tuple(after), embedding, apply_head(form, weights, embedding))


def pool(form: ModelForm, states: Tensor, mask: Tensor | None = None) -> Tensor:
    """Return the pooled states, shape (..., width); rows that the mask leaves out do not count."""
    if mask is None:
        mask = torch.ones(states.shape[:-1], dtype=states.dtype, device=states.device)
    if form.pooling == "max":
        return states.masked_fill(mask[..., None] == 0, -torch.inf).amax(-2)
    total = (states * mask[..., None]).sum(-2)
    return total / mask.sum(-1, keepdim=True) if form.pooling == "mean" else total


def apply_head(form: ModelForm, weights: Tensors, embedding: Tensor) -> Tensor:
    """Return the logits of pooled embeddings."""
    out, last = embedding, len(form.head) + 1
    for j in range(1, last + 1):
        out = out @ weights[f"V{j}"].T
        out = out + weights[f"c{j}"] if form.head_bias else out
        out = form.head_act.value(out) if j < last else out
    return out


def losses(logits: Tensor, labels: Tensor) -> Tensor:
    """Return the cross-entropy of each graph; labels are classes, or rows of probabilities."""
    log_shares = torch.log_softmax(logits, -1)
    if labels.dtype.is_floating_point:
        return -(log_shares * labels).sum(-1)
    return -log_shares.gather(-1, labels[..., None])[..., 0]


def loss_gradient(form: ModelForm, weights: Tensors, graphs: Sequence[LabelledGraph]) -> dict[str, Tensor]:
    """Return the gradient of the mean loss of a batch, by parameter name, in dtype and on the device of the weights.

    Raises
    ------
    InputError
        When there is no graph, or one does not fit the form.
    """
    check_fits(form, graphs)
    first = next(iter(weights.values()))
    leaves = {name: weights[name].detach().requires_grad_(True) for name in form.shapes()}
    total = torch.zeros((), dtype=first.dtype, device=first.device)
    # One at a time: the sums of a graph do not depend on the size that others would pad it to.
    for graph in graphs:
        dense = DenseGraphs.of([graph], first.dtype, first.device)
        states = forward(form, leaves, operator_of(form, dense.adjacency), dense.features, dense.mask)
        labels = torch.tensor([graph.label], device=first.device)
        total = total + losses(states.logits, labels).sum() / len(graphs)
    return dict(zip(leaves, torch.autograd.grad(total, list(leaves.values())), strict=True))


def check_fits(form: ModelForm, graphs: Sequence[LabelledGraph]) -> None:
    """Raise `InputError` when a graph cannot be fed to a model of this form."""
    if not graphs:
        raise InputError("graphs: none given; a client needs at least one")
    for position, graph in enumerate(graphs):
        if graph.num_features != form.num_features:
            raise InputError(
                f"graph {position}: {graph.num_features} feature columns, and the model takes {form.num_features}"
            )
        if graph.label >= form.num_classes:
            raise InputError(f"graph {position}: label {graph.label}, and the model has {form.num_classes} classes")


def relative_distance(gradient: Tensors, other: Tensors) -> float:
    """Return ``||gradient - other|| / ||other||`` over all parameters, in float64; 0 when both are zero."""
    apart = sum(float(((gradient[name].double() - other[name].double()) ** 2).sum()) for name in other)
    size = sum(float((other[name].double() ** 2).sum()) for name in other)
    return (apart / size) ** 0.5 if size else (0.0 if apart == 0 else float("inf"))
