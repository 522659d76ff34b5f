"""States of candidate profiles, and the gradient that a node of each contributes.

The loss' gradient is a sum over nodes ``v`` of ``d(g . h_v) / d(theta)`` (over n, for mean pooling), where
``g = dL/dh`` and ``h_v``, the last state of ``v``, depends on its L-hop profile alone. So each candidate has a column,
and the gradient that was seen is the sum of columns times how often each candidate occurs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import Tensor

from oubli.audit.gradients.form import ModelForm
from oubli.audit.gradients.lifting.profiles import Profile

INDEPENDENT = 1e-11  # Relative size of singular values below which states count as dependent.


@dataclass(frozen=True, eq=False)
class LevelStates:
    """States after some layer, one row a profile of as many hops.

    Parameters
    ----------
    profiles : tuple of Profile
    mixing : csr_array, shape (profiles, profiles of the level below)
        The layer's operator, row by row.
    messages : Tensor, shape (profiles, width below)
        ``A H_(l-1)``.
    inner : Tensor, shape (profiles, width)
        What the first linear map of a layer gives, before the activation.
    before : Tensor, shape (profiles, width)
        ``Z_l``; the same as `inner` but for GIN layers.
    after : Tensor, shape (profiles, width)
        ``H_l``.
    """

    profiles: tuple[Profile, ...]
    mixing: sp.csr_array
    messages: Tensor
    inner: Tensor
    before: Tensor
    after: Tensor


def level_zero(form: ModelForm, profiles: Sequence[Profile]) -> LevelStates:
    """Return the one-hot features of profiles of no hops."""
    rows = torch.eye(form.num_features, dtype=torch.float64)[[profile[0] for profile in profiles]]
    return LevelStates(tuple(profiles), sp.csr_array((len(profiles), 0)), rows, rows, rows, rows)


def next_level(
    form: ModelForm, weights: Mapping[str, Tensor], below: LevelStates, layer: int, profiles: Sequence[Profile]
) -> LevelStates:
    """Return the states after a layer of profiles whose parts are all among the profiles of the level below."""
    mixing = _mixing(form, layer, profiles, below.profiles)
    messages = torch.from_numpy(mixing @ below.after.numpy())
    inner = messages @ weights[f"W{layer}"]
    inner = inner + weights[f"b{layer}"] if form.bias else inner
    before = inner
    if form.layer == "gin":
        before = form.act.value(inner) @ weights[f"U{layer}"]
        before = before + weights[f"d{layer}"] if form.bias else before
    return LevelStates(tuple(profiles), mixing, messages, inner, before, form.act.value(before))


def _mixing(form: ModelForm, layer: int, profiles: Sequence[Profile], below: Sequence[Profile]) -> sp.csr_array:
    place = {profile: position for position, profile in enumerate(below)}
    # Of a c_0 the degree is written out; of others it is the number of neighbours.
    degree = [profile[1] if layer == 1 else len(profile[1]) for profile in below] if form.layer == "gcn" else None
    rows, columns, values = [], [], []
    for row, (own, near) in enumerate(profiles):
        positions = [place[own], *(place[other] for other in near)]
        rows += [row] * len(positions)
        columns += positions
        if degree is None:
            values += [1.0] * len(positions)
        else:
            values += [((degree[positions[0]] + 1) * (degree[position] + 1)) ** -0.5 for position in positions]
    return sp.csr_array((values, (rows, columns)), shape=(len(profiles), len(below)))


@dataclass(frozen=True, eq=False)
class Columns:
    """A linear system whose unknowns are how often each candidate occurs, by blocks of rows.

    Parameters
    ----------
    matrices : dict of str to ndarray, shape (rows, candidates)
        By parameter, and ``h`` for the pooled embedding.
    bases : dict of str to Tensor, shape (inputs, directions)
        What the inputs of a weight matrix were projected on: there is nothing of a candidate beside.
    """

    matrices: dict[str, NDArray[np.float64]]
    bases: dict[str, Tensor]

    def target(self, name: str, value: Tensor) -> NDArray[np.float64]:
        """Return the rows of a parameter's gradient, as those of its block are."""
        rows = self.bases[name].T @ value if name in self.bases else value
        return np.asarray(rows.numpy().ravel())


def gradient_columns(
    form: ModelForm, weights: Mapping[str, Tensor], levels: Sequence[LevelStates], sensitivity: Tensor
) -> Columns:
    """Return what a node of each profile of the last level adds to the pooled sum and to the gradient of each layer.

    Parameters
    ----------
    form : ModelForm
    weights : mapping of str to Tensor
    levels : sequence of LevelStates
        From no hops to as many as there are layers.
    sensitivity : Tensor, shape (width,)
        ``dL/dh``, or any multiple.
    """
    top = levels[-1]
    count = len(top.profiles)
    matrices = {"h": top.after.T.numpy()}
    bases: dict[str, Tensor] = {}
    # One row for each walk from the root of a candidate down to the present level.
    owner, place = sp.csr_array(sp.eye_array(count)), np.arange(count)
    upstream = sensitivity.expand(count, -1)
    for layer in range(form.num_layers, 0, -1):
        level = levels[layer]
        slope = upstream * form.act.slope(level.before[place])
        if form.layer == "gin":
            middle = form.act.value(level.inner)
            _add_blocks(matrices, bases, form, owner, (f"U{layer}", f"d{layer}"), middle, place, slope)
            slope = (slope @ weights[f"U{layer}"].T) * form.act.slope(level.inner[place])
        _add_blocks(matrices, bases, form, owner, (f"W{layer}", f"b{layer}"), level.messages, place, slope)
        if layer > 1:
            down = slope @ weights[f"W{layer}"].T
            steps = level.mixing[place].tocoo()
            owner = sp.csr_array(owner[:, steps.row])
            place = steps.col
            upstream = torch.from_numpy(steps.data)[:, None] * down[steps.row]
    return Columns(matrices, bases)


def _add_blocks(
    matrices: dict[str, NDArray[np.float64]],
    bases: dict[str, Tensor],
    form: ModelForm,
    owner: sp.csr_array,
    names: tuple[str, str],
    inputs: Tensor,
    place: NDArray[np.int64],
    slope: Tensor,
) -> None:
    """Add the blocks of a linear map's weights and bias, from its inputs and the gradients of its outputs."""
    outputs = slope.numpy()
    used = inputs[np.unique(place)]
    right, sizes, _ = torch.linalg.svd(used.T, full_matrices=False)
    basis = right[:, sizes > INDEPENDENT * sizes[0]]
    projected = (inputs @ basis).numpy()[place]
    rows = [owner @ (column[:, None] * outputs) for column in projected.T]
    matrices[names[0]] = np.concatenate(rows, axis=1).T
    bases[names[0]] = basis
    if form.bias:
        matrices[names[1]] = (owner @ outputs).T
