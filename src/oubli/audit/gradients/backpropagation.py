"""The gradient of each graph of a batch in closed form, so that one reverse pass differentiates it again.

With ``S_i = act'(Z_i)`` and ``K_i = A H_(i-1)``, backpropagation written out is ``G_L = (dh/dH_L)^T dL/dh * S_L``,
``dL/dW_i = K_i^T G_i``, ``dL/db_i = 1^T G_i`` and ``G_(i-1) = (A^T G_i W_i^T) * S_(i-1)``. Attacks that match gradients
need its derivative by graph and features at every step; a second reverse pass through a recorded first costs more.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from oubli.audit.gradients.computation import Tensors, pool
from oubli.audit.gradients.form import Activation, ModelForm


@dataclass(frozen=True)
class LinearMap:
    """One linear map of a graph layer during a forward pass.

    Parameters
    ----------
    weight, bias : str
        Names of its parameters.
    inputs : Tensor, shape (..., n, inputs)
        What is multiplied by the weights: for ``W_i`` the messages ``A H_(i-1)``.
    slopes : Tensor, shape (..., n, outputs)
        Derivative of the activation behind it.
    outputs : Tensor, shape (..., n, outputs)
        What the activation makes of it.
    """

    weight: str
    bias: str
    inputs: Tensor
    slopes: Tensor
    outputs: Tensor


def linear_maps(form: ModelForm, weights: Tensors, operator: Tensor, features: Tensor) -> list[LinearMap]:
    """Return the linear maps of all graph layers, in the order in which they are applied."""
    maps: list[LinearMap] = []
    states = features
    for i in range(1, form.num_layers + 1):
        maps.append(_apply(form, weights, f"W{i}", f"b{i}", operator @ states))
        if form.layer == "gin":
            maps.append(_apply(form, weights, f"U{i}", f"d{i}", maps[-1].outputs))
        states = maps[-1].outputs
    return maps


def graph_gradients(
    form: ModelForm, weights: Tensors, operator: Tensor, features: Tensor, mask: Tensor, labels: Tensor
) -> dict[str, Tensor]:
    """Return the gradient of each graph's own loss by all parameters.

    Parameters
    ----------
    form : ModelForm
    weights : mapping of str to Tensor
    operator : Tensor, shape (graphs, n, n)
        As `operator_of` gives it.
    features : Tensor, shape (graphs, n, d)
    mask : Tensor, shape (graphs, n)
        1 for nodes, 0 for padding; what padding holds has no influence as long as no edge leads to it.
    labels : Tensor, shape (graphs, classes)
        Rows of probabilities.

    Returns
    -------
    dict of str to Tensor, shape (graphs, ...)
        Differentiable by operator, features and labels.
    """
    maps = linear_maps(form, weights, operator, features)
    found, sensitivity = head_gradients(form, weights, pool(form, maps[-1].outputs, mask), labels)
    upstream = _unpool(form, maps[-1].outputs, mask, sensitivity)
    for step in reversed(maps):
        upstream = upstream * step.slopes
        found[step.weight] = step.inputs.mT @ upstream
        if form.bias:
            found[step.bias] = upstream.sum(-2)
        if step is not maps[0]:
            upstream = upstream @ weights[step.weight].mT
            if step.weight.startswith("W"):
                upstream = operator.mT @ upstream
    return {name: found[name] for name in form.shapes()}


def head_gradients(
    form: ModelForm, weights: Tensors, embedding: Tensor, labels: Tensor
) -> tuple[dict[str, Tensor], Tensor]:
    """Return the gradient by the head's parameters, and by the embedding, of each graph."""
    values, slopes = [embedding], []
    last = len(form.head) + 1
    for j in range(1, last + 1):
        before = values[-1] @ weights[f"V{j}"].mT
        before = before + weights[f"c{j}"] if form.head_bias else before
        values.append(form.act.value(before) if j < last else before)
        slopes.append(_slope(form.act, before, values[-1]) if j < last else torch.ones_like(before))
    delta = torch.softmax(values[-1], -1) - labels
    found = {}
    for j in range(last, 0, -1):
        delta = delta * slopes[j - 1]
        found[f"V{j}"] = delta[..., :, None] * values[j - 1][..., None, :]
        if form.head_bias:
            found[f"c{j}"] = delta
        delta = delta @ weights[f"V{j}"]
    return found, delta


def _apply(form: ModelForm, weights: Tensors, weight: str, bias: str, inputs: Tensor) -> LinearMap:
    before = inputs @ weights[weight]
    before = before + weights[bias] if form.bias else before
    after = form.act.value(before)
    return LinearMap(weight, bias, inputs, _slope(form.act, before, after), after)


def _slope(act: Activation, before: Tensor, after: Tensor) -> Tensor:
    return act.slope(before) if act.slope_of_value is None else act.slope_of_value(after)


def _unpool(form: ModelForm, states: Tensor, mask: Tensor, sensitivity: Tensor) -> Tensor:
    """Return the derivative of the loss by the last states; nodes that tie for a maximum share it."""
    if form.pooling == "max":
        peaks = ((states == pool(form, states, mask)[..., None, :]) & (mask[..., None] > 0)).to(states.dtype)
        return peaks / peaks.sum(-2, keepdim=True) * sensitivity[..., None, :]
    share = mask / mask.sum(-1, keepdim=True) if form.pooling == "mean" else mask
    return share[..., :, None] * sensitivity[..., None, :]
