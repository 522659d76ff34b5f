"""Features by closed-form recursion, once the structure and the last states are known; GraphDLG's second half.

For GCN layers ``G_L = (dh/dH_L)^T dL/dh * act'(Z_L)``, ``dL/dW_i = (A H_(i-1))^T G_i`` and
``G_(i-1) = (A^T G_i W_i^T) * act'(Z_(i-1))``. Two routes lead from layer to layer:

- by the gradient, ``H_(i-1) = A^+ (dL/dW_i G_i^+)^T``: exact where ``G_i`` has rank n and ``A`` is injective;
- forward, ``H_(i-1) = A^+ (act^-1(H_i) - b_i) W_i^+``: exact where the activation is invertible (or enough units are
  active), ``W_i`` has full row rank and ``A`` is injective.

The conditions are proved in docs/proofs/gradient-recursion.rst. They fail for most molecules: many nodes share their
state, and ``A`` is often singular. So every result says whether it is determined, and by which ranks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

from oubli.audit.gradients.form import ModelForm
from oubli.errors import InputError

ROUTES = ("gradient", "forward")
LOSS = 1e-7
"""Relative error of features up to which a recursion counts as determined; its square is below 1e-12."""


@dataclass(frozen=True, eq=False)
class Recursion:
    """Features, and whether they follow.

    Parameters
    ----------
    features : Tensor, shape (n, d)
        The least-squares solution when not determined.
    determined : bool
        Whether ranks are full at every step, and rounding is not amplified beyond `LOSS`.
    ranks : dict of str to int
        Of ``A`` and of each ``G_i`` or ``W_i`` (for ReLU the least over nodes), beside what is needed, as ``A needed``.
    amplification : float
        By how much relative errors of the transcript can grow on the way.
    reason : str
        Which condition failed first; empty when determined.
    """

    features: Tensor
    determined: bool
    ranks: dict[str, int] = field(default_factory=dict)
    amplification: float = 1.0
    reason: str = ""


class _Steps:
    """Pseudo-inverses, and what they say about what is determined."""

    def __init__(self, rounding: float) -> None:
        self.cutoff = max(1e-13, 30 * rounding)
        self.rounding = rounding
        self.ranks: dict[str, int] = {}
        self.amplification = 1.0
        self.reason = ""

    def fail(self, reason: str) -> None:
        self.reason = self.reason or reason

    def invert(self, matrix: Tensor, name: str, needed: int) -> Tensor:
        """Return the pseudo-inverse, noting rank and condition."""
        left, sizes, right = torch.linalg.svd(matrix, full_matrices=False)
        top = float(sizes[0]) if sizes.numel() else 0.0
        kept = sizes > self.cutoff * top
        rank = int(kept.sum()) if top > 0 else 0
        self.ranks[name] = min(rank, self.ranks.get(name, rank))
        self.ranks[f"{name} needed"] = needed
        if rank < needed:
            self.fail(f"{name} has rank {rank}, and {needed} is needed")
        elif rank:
            self.amplification *= top / float(sizes[rank - 1])
        inverse = torch.where(kept, 1 / torch.where(kept, sizes, 1.0), 0.0)
        return (right.mT * inverse) @ left.mT

    def result(self, features: Tensor) -> Recursion:
        if not self.reason and self.amplification * self.rounding > LOSS:
            self.fail(f"errors of {self.rounding:.0e} can grow {self.amplification:.0e} times")
        finite = bool(torch.isfinite(features).all())
        if not finite:
            self.fail("states are beyond the range of the activation")
        return Recursion(features, not self.reason, self.ranks, self.amplification, self.reason)


def recurse_features(
    form: ModelForm,
    weights: Mapping[str, Tensor],
    gradient: Mapping[str, Tensor],
    operator: Tensor,
    sensitivity: Tensor,
    last: Tensor,
    route: str = "gradient",
    rounding: float = 2.0**-53,
) -> Recursion:
    """Return node features from a given structure and given last pre-activations.

    Parameters
    ----------
    form : ModelForm
        With GCN layers and mean or sum pooling.
    weights, gradient : mapping of str to Tensor
        As in a transcript.
    operator : Tensor, shape (n, n)
        ``D^-1/2 (A + I) D^-1/2``.
    sensitivity : Tensor, shape (width,)
        ``dL/dh``, as the head's inversion gives it.
    last : Tensor, shape (n, width)
        ``Z_L``.
    route : {"gradient", "forward"}, default "gradient"
    rounding : float
        Relative error of what is given; sets the cutoffs of ranks and what counts as determined.

    Returns
    -------
    Recursion

    Raises
    ------
    InputError
        For GIN layers, max pooling, or an unknown route.
    """
    if form.layer != "gcn" or form.pooling == "max":
        raise InputError(
            f"recursion: supported for GCN layers with mean or sum pooling, not {form.layer} with {form.pooling}"
        )
    if route not in ROUTES:
        raise InputError(f"route: {route!r} is not supported; supported: {', '.join(ROUTES)}")
    steps = _Steps(rounding)
    num_nodes = len(operator)
    undo = steps.invert(operator, "A", num_nodes)
    share = 1.0 / num_nodes if form.pooling == "mean" else 1.0
    upstream = share * sensitivity * form.act.slope(last)
    before = last
    for i in range(form.num_layers, 0, -1):
        if route == "gradient":
            messages = (gradient[f"W{i}"] @ steps.invert(upstream, f"G{i}", num_nodes)).mT
        else:
            messages = _forward_messages(form, weights, before, i, steps)
        states = undo @ messages
        if i == 1:
            return steps.result(states)
        if route == "gradient":
            slope = _slope_of(form, states, steps)
            upstream = (operator.mT @ upstream @ weights[f"W{i}"].mT) * slope
        else:
            before = _before(form, _without_noise(form, states, steps), steps)
    raise AssertionError("a form has a layer at least")


def _forward_messages(
    form: ModelForm, weights: Mapping[str, Tensor], before: Tensor, layer: int, steps: _Steps
) -> Tensor:
    """Return ``A H_(i-1)`` from ``Z_i``."""
    matrix = weights[f"W{layer}"]
    known = before - weights[f"b{layer}"] if form.bias else before
    if form.activation != "relu" or layer == form.num_layers:
        return known @ steps.invert(matrix, f"W{layer}", len(matrix))
    # Of an inactive unit only the sign is known: each node has its own active columns.
    rows = []
    for state, row in zip(before, known, strict=True):
        active = state > 0
        rows.append(row[active] @ steps.invert(matrix[:, active], f"W{layer}", len(matrix)))
    return torch.stack(rows)


def _before(form: ModelForm, states: Tensor, steps: _Steps) -> Tensor:
    """Return ``Z`` from ``H`` (for ReLU where it is positive), noting what inverting costs."""
    if form.activation == "relu":
        return states
    if form.act.inverse is None:
        steps.fail(f"{form.activation} is not invertible")
        return states
    before = form.act.inverse(states)
    slopes = form.act.slope(torch.nan_to_num(before))
    least = float(slopes.abs().min())
    steps.amplification *= max(1.0, 1.0 / least if least > 0 else float("inf"))
    return before


def _slope_of(form: ModelForm, states: Tensor, steps: _Steps) -> Tensor:
    """Return ``act'(Z)`` from ``H``."""
    if form.act.slope_of_value is None:
        steps.fail(f"a value of {form.activation} does not tell its slope")
        return torch.ones_like(states)
    return form.act.slope_of_value(_without_noise(form, states, steps))


def _without_noise(form: ModelForm, states: Tensor, steps: _Steps) -> Tensor:
    """Return the states; for ReLU without the small positive numbers that rounding leaves where a unit was inactive."""
    if form.activation != "relu":
        return states
    noise = 1e3 * steps.rounding * steps.amplification * float(states.abs().max())
    return torch.where(states > noise, states, 0.0)
