"""What the edges that an attacker knows say by themselves: degrees, shared neighbours, trends over neighbours."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray


def adjacency_matrix(edges: NDArray[np.int64], nodes: int) -> sp.csr_array:
    """Return the symmetric adjacency of edges that are given once each, shape (nodes, nodes)."""
    both = np.concatenate([edges, edges[:, ::-1]]).reshape(-1, 2)
    return sp.csr_array((np.ones(len(both)), (both[:, 0], both[:, 1])), shape=(nodes, nodes))


def degrees(adjacency: sp.csr_array) -> NDArray[np.float64]:
    """Return the number of known neighbours of each node."""
    counts: NDArray[np.int64] = np.diff(adjacency.indptr)
    return counts.astype(np.float64)


def adamic_adar(adjacency: sp.csr_array, pairs: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the sum of ``1 / log(degree)`` over the neighbours that both ends share (Adamic and Adar 2003)."""
    degree = degrees(adjacency)
    # A neighbour of two nodes has two neighbours at least, so the logarithm is never that of 1 where it counts.
    weights = 1.0 / np.log(np.maximum(degree, 2.0))
    shared = adjacency[pairs[:, 0]].multiply(adjacency[pairs[:, 1]])
    return np.asarray(sp.csr_array(shared) @ weights, dtype=np.float64)


def trend_features(adjacency: sp.csr_array, confidence: NDArray[np.float64], order: int = 2) -> NDArray[np.float64]:
    """Return whether a node's confidence is below that of its neighbours, theirs below that of theirs, and so on.

    ``f_0`` is `confidence`, ``f_i = D^-1/2 A D^-1/2 f_(i-1)`` without self-loops; what is told is the sign of
    ``f_i - f_(i+1)`` (arXiv 2506.00808). The weights of a row of ``D^-1/2 A D^-1/2`` do not add up to 1, so the sign
    tells of degrees as well as of confidence.

    Parameters
    ----------
    adjacency : sparse array, shape (nodes, nodes)
    confidence : ndarray, shape (nodes,)
    order : int, default 2

    Returns
    -------
    ndarray of float64, shape (nodes, 2 * order)
        ``f_i < f_(i+1)`` for i below `order`, then the opposite of each; 0 or 1.
    """
    degree = degrees(adjacency)
    scale = np.where(degree > 0, 1.0 / np.sqrt(np.maximum(degree, 1.0)), 0.0)
    below = []
    here = confidence.astype(np.float64)
    for _ in range(order):
        around = scale * (adjacency @ (scale * here))
        below.append(here < around)
        here = around
    below += [~column for column in below]
    return np.stack(below, axis=1).astype(np.float64) if below else np.empty((len(confidence), 0))
