"""Spreading of scores over edges, for label propagation and Correct-and-Smooth."""

from __future__ import annotations

import numba as nb
import numpy as np
from numpy.typing import NDArray

from oubli.graph.adjacency import Adjacency
from oubli.propagation.threads import TwoWay


def spread(
    adjacency: Adjacency, base: NDArray[np.float64], share: float, iterations: int, lower: float, upper: float
) -> NDArray[np.float64]:
    """Iterate ``R <- clip(share S R + (1 - share) base)`` from ``R = base``, with ``S = D^-1/2 A D^-1/2``.

    `A` has no self-loops; a node without neighbours receives nothing. Neighbours are added in the order of their slots,
    which is the order of external ids, so the bytes depend on the graph alone.
    """
    degrees = adjacency.count.astype(np.float64)
    scale = np.where(degrees > 0, 1.0 / np.sqrt(np.maximum(degrees, 1.0)), 0.0)
    current, following = base.copy(), np.empty_like(base)
    lists = adjacency.start, adjacency.count, adjacency.neighbours
    work = (adjacency.num_arcs + len(base)) * base.shape[1]
    for _ in range(iterations):
        _spread_once(work, *lists, scale, current, base, share, lower, upper, following)
        current, following = following, current
    return current


@TwoWay
def _spread_once(start, count, neighbours, scale, current, base, share, lower, upper, out):  # type: ignore[no-untyped-def]
    classes = base.shape[1]
    for i in nb.prange(base.shape[0]):
        for c in range(classes):
            out[i, c] = 0.0
        for p in range(start[i], start[i] + count[i]):
            j = neighbours[p]
            weight = scale[j]
            for c in range(classes):
                out[i, c] += weight * current[j, c]
        for c in range(classes):
            value = share * (scale[i] * out[i, c]) + (1.0 - share) * base[i, c]
            out[i, c] = min(max(value, lower), upper)
