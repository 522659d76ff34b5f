"""Inverting the head: label and pooled embedding of one graph, in closed form, from the gradient of the head.

``dL/dV1 = delta h^T`` and ``dL/dc1 = delta``, so ``h`` is exact with biases, and known up to one scale without. The
proof is in docs/proofs/gradient-recursion.rst.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from scipy.optimize import brentq
from torch import Tensor

from oubli.audit.gradients.computation import Tensors, apply_head, losses
from oubli.audit.gradients.form import ModelForm
from oubli.audit.gradients.transcript import Transcript
from oubli.errors import InputError

SCALES = torch.logspace(-6, 6, 241, dtype=torch.float64)  # of ||h||, where a root is looked for without biases


@dataclass(frozen=True, eq=False)
class HeadInversion:
    """What the head's gradient gives away.

    Parameters
    ----------
    label : int
        Class of the graph.
    embedding : Tensor, shape (width,)
        Pooled embedding ``h``.
    sensitivity : Tensor, shape (width,)
        ``dL/dh``, which the graph layers' gradients start from.
    unique : bool, default True
        False when another label or embedding gives the same gradient of the head: without biases there can be two
        scales, and of two classes and an activation that takes both signs the opposite.
    """

    label: int
    embedding: Tensor
    sensitivity: Tensor
    unique: bool = True


def invert_head(transcript: Transcript) -> HeadInversion:
    """Return label, embedding and sensitivity of the one graph behind a transcript.

    With biases: ``delta = dL/dc1``, ``h`` by least squares over all rows of ``dL/dV1``, label the only negative entry
    of the last bias's gradient. Of a batch they give the label that weighs most and a mixture of embeddings.
    Without: ``dL/dV1`` has rank one, and its scale is the one for which softmax gives back the gradient that was seen.

    Raises
    ------
    InputError
        When the head's gradient is zero, or not finite: nothing can be inverted.
    """
    form, gradient = transcript.form, transcript.gradient
    if not all(bool(torch.isfinite(gradient[name]).all()) for name in gradient):
        raise InputError("gradient: not finite everywhere; the update that came back cannot be audited")
    if not any(bool(gradient[name].any()) for name in ("V1", "c1") if name in gradient):
        raise InputError(
            "gradient: that of the head is zero; the loss of this client no longer changes, or it sent nothing"
        )
    if not form.head_bias:
        return _without_biases(form, transcript.weights, gradient, transcript.rounding)
    delta = gradient["c1"]
    # A defence may leave nothing of the bias: then the direction of h is all there is.
    square = delta @ delta
    embedding = (delta @ gradient["V1"]) / square if square > 0 else gradient["V1"].sum(0)
    label = int(gradient[f"c{len(form.head) + 1}"].argmin())
    return HeadInversion(label, embedding, delta @ transcript.weights["V1"])


def _without_biases(form: ModelForm, weights: Tensors, gradient: Tensors, rounding: float) -> HeadInversion:
    """Try every label, sign and scale of the rank-one gradient; the truth gives back the gradient itself."""
    left, sizes, right = torch.linalg.svd(gradient["V1"], full_matrices=False)
    size = float(gradient["V1"].norm())
    found: list[tuple[float, HeadInversion]] = []
    for sign in (1.0, -1.0):
        direction, product = sign * right[0], sign * left[:, 0] * sizes[0]
        # Pooled values of these activations are never negative.
        if form.activation in ("relu", "sigmoid") and direction.sum() < 0:
            continue
        bounded = form.activation in ("tanh", "sigmoid") and form.pooling != "sum"
        # Saturated units have a value of 1, and the scale its rounding.
        most = 1 + max(1e-9, 1e3 * rounding)
        largest = most / float(direction.abs().max()) if bounded else float("inf")
        for label in range(form.num_classes):
            for scale in _scales(form, weights, direction, product, label):
                if scale > largest:
                    continue
                seen = _head_gradient(form, weights, scale * direction, label)
                apart = max(float((seen[name] - gradient[name]).norm()) for name in seen) / size
                sensitivity = (product / scale) @ weights["V1"]
                found.append((apart, HeadInversion(label, scale * direction, sensitivity)))
    if not found:
        raise InputError("gradient: no embedding gives this gradient of the head; it has no biases and too much noise")
    found.sort(key=lambda pair: pair[0])
    best = found[0][1]
    near = [other for apart, other in found[1:] if apart <= 1e3 * found[0][0] + 1e-12]
    size = float(best.embedding.norm())
    rivals = [float((other.embedding - best.embedding).norm()) > 1e-6 * size for other in near]
    return replace(best, unique=not any(rivals))


def _scales(form: ModelForm, weights: Tensors, direction: Tensor, target: Tensor, label: int) -> list[float]:
    """Return the scales ``s`` for which ``s delta(s direction)`` is the target, along the target."""
    unit = target / target.norm()

    def excess(scale: float) -> float:
        found = _head_gradient(form, weights, scale * direction, label)["V1"] @ direction
        return float(found @ unit - target.norm())

    values = [excess(float(scale)) for scale in SCALES]
    roots = []
    for low, high, one, two in zip(SCALES, SCALES[1:], values, values[1:], strict=False):
        if one * two <= 0:
            roots.append(float(brentq(excess, float(low), float(high), xtol=1e-300, rtol=1e-15)))
    return roots


def _head_gradient(form: ModelForm, weights: Tensors, embedding: Tensor, label: int) -> dict[str, Tensor]:
    leaves = {name: value.detach().requires_grad_(True) for name, value in weights.items() if name[0] == "V"}
    loss = losses(apply_head(form, {**weights, **leaves}, embedding), torch.tensor(label, device=embedding.device))
    return dict(zip(leaves, torch.autograd.grad(loss, list(leaves.values())), strict=True))
