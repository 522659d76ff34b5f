"""A decoded graph made definite: as many edges as nodes have ends, and features by recursion where it is determined."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from oubli.audit.gradients.backpropagation import graph_gradients
from oubli.audit.gradients.computation import forward, operator_of, relative_distance
from oubli.audit.gradients.head import HeadInversion
from oubli.audit.gradients.recursion import ROUTES, recurse_features
from oubli.audit.gradients.transcript import Transcript

Array = NDArray[np.float64]
AGREES = 1e-6
"""Relative distance of gradients up to which features by recursion are believed; the structure may be wrong."""


@dataclass(frozen=True)
class Attempt:
    """Recursion from a decoded structure.

    Parameters
    ----------
    features : ndarray, optional, shape (n, d)
        Where they are determined and give the gradient that was seen.
    ranks : dict of str to int
        Of the last route tried.
    reason : str
        Why there are none.
    """

    features: Array | None
    ranks: dict[str, int] = field(default_factory=dict)
    reason: str = ""


def committed(scores: Array, mean_degree: float) -> Array:
    """Return the graph of the best-scored pairs, as many as the mean degree asks for."""
    n = len(scores)
    upper = np.triu_indices(n, 1)
    count = int(np.clip(round(n * mean_degree / 2), 0, len(upper[0])))
    best = np.argsort(-scores[upper], kind="stable")[:count]
    out = np.zeros((n, n))
    out[upper[0][best], upper[1][best]] = 1
    return np.asarray(out + out.T)


def gradient_residual(transcript: Transcript, adjacency: Array, features: Array, label: int) -> float:
    """Return the relative distance of a guess's gradient from the one seen."""
    form, device = transcript.form, transcript.device
    rows, matrix = _tensor(features, device), _tensor(adjacency, device)
    mask = torch.ones(1, len(rows), dtype=rows.dtype, device=device)
    labels = torch.eye(form.num_classes, dtype=rows.dtype, device=device)[label][None]
    operator = operator_of(form, matrix)[None]
    found = graph_gradients(form, transcript.weights, operator, rows[None], mask, labels)
    return relative_distance({name: value[0] for name, value in found.items()}, transcript.gradient)


def recurse_where_determined(transcript: Transcript, head: HeadInversion, adjacency: Array, features: Array) -> Attempt:
    """Recurse from the last states of the decoded graph; believed only where ranks suffice and the gradient agrees."""
    form = transcript.form
    if form.layer != "gcn":
        return Attempt(None, reason=f"no recursion for {form.layer} layers; features are an estimate")
    operator = operator_of(form, _tensor(adjacency, transcript.device))
    states = forward(form, transcript.weights, operator, _tensor(features, transcript.device))
    attempt = Attempt(None)
    for route in ROUTES:
        found = recurse_features(
            form,
            transcript.weights,
            transcript.gradient,
            operator,
            head.sensitivity,
            states.before[-1],
            route,
            transcript.rounding,
        )
        if found.determined:
            rows = found.features.cpu().numpy()
            apart = gradient_residual(transcript, adjacency, rows, head.label)
            if apart <= max(AGREES, 1e3 * transcript.rounding):
                return Attempt(rows, found.ranks)
            reason = (
                f"recursion does not give back the gradient ({apart:.0e} away): the decoded graph is not the true one"
            )
        else:
            reason = f"recursion is not determined: {found.reason}"
        attempt = Attempt(None, found.ranks, f"{reason}; features are an estimate")
    return attempt


def _tensor(values: Array, device: torch.device) -> Tensor:
    return torch.from_numpy(np.asarray(values, np.float64)).to(device)
