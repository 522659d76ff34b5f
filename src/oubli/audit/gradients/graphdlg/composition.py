"""Of which types how many nodes there are, and features that agree with it, where no closed form is determined."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from oubli.audit.gradients.graphdlg.retrieval import NARROWNESS, SHARPNESS, TUNED_ON, Memory, left_out
from oubli.audit.gradients.graphdlg.surroundings import ProfileDictionary
from oubli.audit.gradients.transcript import Transcript

Array = NDArray[np.float64]
TRUST = (0.0, 0.25, 0.5, 0.75, 1.0)  # in places
ROUNDS = 30


def present_types(transcript: Transcript) -> NDArray[np.bool_]:
    """Return which features occur at all, shape (d,): the rows of ``dL/dW1`` that are not zero."""
    rows = transcript.gradient["W1"].norm(dim=1).cpu().numpy()
    seen = rows > max(1e-9, 30 * transcript.rounding) * rows.max()
    return np.asarray(seen if seen.any() else np.ones(len(rows), bool))


def composition_of(dictionary: ProfileDictionary, shares: Array, present: NDArray[np.bool_], size: int) -> Array:
    """Return the mean one-hot feature row: absent types have none, and each present one has a node at least."""
    mean = shares @ dictionary.features
    mean = np.where(present, np.maximum(mean, 1 / size), 0.0)
    return np.asarray(mean / mean.sum())


def balanced(rows: Array, mask: Array, composition: Array) -> Array:
    """Scale distributions over types at each place until types have their shares: iterative proportional fitting.

    Parameters
    ----------
    rows : ndarray, shape (graphs, n, d)
    mask : ndarray, shape (graphs, n)
    composition : ndarray, shape (graphs, d)
        Rows sum to 1.
    """
    out = rows * (composition[:, None] > 0) * mask[..., None] + 1e-9 * composition[:, None] * mask[..., None]
    wanted = composition * mask.sum(1)[:, None]
    for _ in range(ROUNDS):
        out = out * (wanted / np.maximum(out.sum(1), 1e-300))[:, None]
        out = out / np.maximum(out.sum(2, keepdims=True), 1e-300) * mask[..., None]
    return np.asarray(out)


def tune_features(
    memory: Memory, overlap: Array, compositions: Array, one_hot: bool, levels: Sequence[float] = SHARPNESS
) -> tuple[float, float, float]:
    """Return sharpness, narrowness and the trust in places with the least squared error on each graph left out."""
    chosen = np.arange(min(TUNED_ON, len(overlap)))
    mask, truth, own = memory.mask[chosen], memory.features[chosen], compositions[chosen]
    best, found = np.inf, (0.0, 0.0, 0.0)
    for sharpness in levels:
        for narrowness in NARROWNESS:
            weights = left_out(memory, overlap, sharpness, narrowness)[chosen]
            placed = estimate(memory, weights, mask, own, one_hot)
            for trust in TRUST:
                mixed = blend(placed, mask, own, trust)
                error = float((((mixed - truth) ** 2).sum((1, 2)) / mask.sum(1)).mean())
                if error < best:
                    best, found = error, (sharpness, narrowness, trust)
    return found


def estimate(memory: Memory, weights: Array, mask: Array, compositions: Array, one_hot: bool) -> Array:
    """Return features by place, shape (questions, n, d), whose mean is the composition."""
    placed = memory.mean_features(weights, compositions)
    if one_hot:
        return balanced(placed, mask, compositions)
    means = (placed * mask[..., None]).sum(1) / mask.sum(1)[:, None]
    return np.asarray((placed + (compositions - means)[:, None]) * mask[..., None])


def blend(placed: Array, mask: Array, compositions: Array, trust: float) -> Array:
    """Return features between the same row everywhere and those by place."""
    return np.asarray(trust * placed + (1 - trust) * compositions[:, None] * mask[..., None])
