"""The same models in floats, by NumPy, SciPy and scikit-learn: near, though not to the last bit."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from sklearn.linear_model import Ridge


def adjacency(graph, self_loops):
    """Return the adjacency in the order of `node_ids`."""
    position = {node: at for at, node in enumerate(graph.node_ids.tolist())}
    ends = np.array([[position[u], position[v]] for u, v in graph.edges.tolist()], int).reshape(-1, 2)
    n = graph.num_nodes
    half = sp.coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(n, n))
    return sp.csr_array(half + half.T + self_loops * sp.eye_array(n))


def embed(graph, hops, rho, concatenated=False):
    """Return ``D^-rho (D^-1 A)^l D^rho X`` of rows of unit length."""
    features = graph.features.toarray() if sp.issparse(graph.features) else graph.features.astype(float)
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    matrix = adjacency(graph, 1)
    degrees = matrix.sum(axis=1)[:, None]
    current = degrees**rho * features / np.where(lengths > 0, lengths, 1)
    blocks = [degrees**-rho * current]
    for _ in range(hops):
        current = matrix @ current / degrees
        blocks.append(degrees**-rho * current)
    return np.hstack(blocks) if concatenated else blocks[-1]


def members(graph, ids):
    """Return positions of ids among `node_ids`."""
    return np.searchsorted(graph.node_ids, ids)


def sgc_scores(graph, hops=2, rho=0.0, alpha=1.0, concatenated=False, balanced=False):
    """Return scores of all nodes."""
    rows, train = embed(graph, hops, rho, concatenated), members(graph, graph.train_nodes)
    classes, codes = np.unique(graph.labels[train], return_inverse=True)
    weight = (train.size / (classes.size * np.bincount(codes)))[codes] if balanced else None
    model = Ridge(alpha=alpha, solver="cholesky").fit(rows[train], np.eye(classes.size)[codes], sample_weight=weight)
    return rows @ model.coef_.T.reshape(rows.shape[1], -1) + model.intercept_


def correct_and_smooth(graph, scores, correction, smoothing, iterations):
    """Return corrected and smoothed scores of all nodes, straight from the paper's formulae."""
    matrix = adjacency(graph, 0)
    degrees = matrix.sum(axis=1)
    root = np.where(degrees > 0, 1 / np.sqrt(np.maximum(degrees, 1)), 0)
    spread = sp.csr_array(sp.diags_array(root) @ matrix @ sp.diags_array(root))
    train = members(graph, graph.train_nodes)
    _, codes = np.unique(graph.labels[train], return_inverse=True)
    truth = np.eye(scores.shape[1])[codes]

    def iterate(start, share, low, high):
        current = start
        for _ in range(iterations):
            current = np.clip(share * (spread @ current) + (1 - share) * start, low, high)
        return current

    base = np.clip(scores, 0, 1)
    if correction:
        residual = np.zeros_like(base)
        residual[train] = truth - base[train]
        typical = np.abs(residual[train]).sum() / train.size
        wide = iterate(residual, correction, -1, 1)
        size = np.abs(wide).sum(axis=1, keepdims=True)
        scale = np.where(size > 1e-12, typical / np.where(size > 1e-12, size, 1), 1.0)
        base = base + np.where(scale > 1000, 1.0, scale) * wide
    if smoothing:
        known = base.copy()
        known[train] = truth
        base = iterate(known, smoothing, 0, 1)
    return base
