"""What ReLUs give away exactly: how many nodes are active in each unit of the last layer.

A ReLU's slope is 0 or 1, so the last bias' gradient over ``g = dL/dh`` counts the nodes that are active in each unit (a
leaky ReLU's too, as a mixture of two known slopes), and a unit's column of the weights' gradient over ``g`` sums their
messages. That makes equations between integers, and a candidate that would exceed a unit's sums is not in the graph.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from oubli.audit.gradients.form import LEAK, ModelForm
from oubli.audit.gradients.lifting.states import LevelStates

SLACK = 0.05  # How far from an integer a number of active nodes may be found.
WEAK = 1e-3  # Sensitivities below this share of the largest are left out: rounding is large beside them.


@dataclass(frozen=True, eq=False)
class Activity:
    """How many nodes are active, in the units for which it is known.

    Parameters
    ----------
    units : ndarray of int, shape (known,)
    active : ndarray of int, shape (known,)
        Number of nodes whose pre-activation is positive.
    num_nodes : int
    pooled : ndarray, shape (known,)
        Sum over nodes of the last states.
    never_negative : bool
        Whether states have no negative entries: ReLU, not leaky.
    """

    units: NDArray[np.int64]
    active: NDArray[np.int64]
    num_nodes: int
    pooled: NDArray[np.float64]
    never_negative: bool

    def possible(self, top: LevelStates) -> NDArray[np.bool_]:
        """Return which candidates of the last level are not excluded by a unit, shape (candidates,)."""
        on = self.pattern(top)
        kept = ~on[:, self.active == 0].any(axis=1) & on[:, self.active == self.num_nodes].all(axis=1)
        if self.never_negative:
            values = top.after.numpy()[:, self.units]
            kept &= (values <= self.pooled * (1 + 1e-3) + 1e-3 * self.pooled.max()).all(axis=1)
        return np.asarray(kept)

    def pattern(self, top: LevelStates) -> NDArray[np.bool_]:
        """Return in which units each candidate is active, shape (candidates, known)."""
        return np.asarray(top.before.numpy()[:, self.units] > 0)

    def equations(self, top: LevelStates) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return different rows of zeros and ones, shape (rows, candidates), and what they have to give."""
        rows, first = np.unique(self.pattern(top).T, axis=0, return_index=True)
        return rows.astype(float), self.active[first].astype(float)


def count_active(
    form: ModelForm, seen: Mapping[str, Tensor], sensitivity: Tensor, num_nodes: int | None
) -> Activity | None:
    """Return what is known; None without biases, without ReLUs, or where the number of nodes is not known.

    Parameters
    ----------
    form : ModelForm
    seen : mapping of str to Tensor
        The gradient, and ``h``, the pooled embedding.
    sensitivity : Tensor, shape (width,)
        ``dL/dh``.
    num_nodes : int, optional
    """
    slopes = {"relu": 0.0, "leaky_relu": LEAK}
    if num_nodes is None or not form.bias or form.activation not in slopes:
        return None
    scale = num_nodes if form.pooling == "mean" else 1
    strong = torch.nonzero(sensitivity.abs() > WEAK * sensitivity.abs().max())[:, 0]
    name = f"{'d' if form.layer == 'gin' else 'b'}{form.num_layers}"
    sums = (scale * seen[name][strong] / sensitivity[strong]).numpy()
    low = slopes[form.activation]
    counts = (sums - low * num_nodes) / (1 - low)
    near = np.round(counts)
    known = (np.abs(counts - near) < SLACK) & (near >= 0) & (near <= num_nodes)
    # Noise of any size brings some near integers: then nothing is known.
    if not known.any() or known.mean() < 0.9:
        return None
    units = strong.numpy()[known]
    pooled = scale * seen["h"].numpy()[units]
    return Activity(units, near[known].astype(np.int64), num_nodes, pooled, low == 0)
