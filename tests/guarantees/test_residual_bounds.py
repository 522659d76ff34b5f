"""Bounds on what a removal leaves, against what it does leave."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

from oubli.graph.archive import read_npz
from oubli.guarantees import residual_bounds as bounds

WEIGHTS = ([0.0, 0.0, 1.0], [0.0, 1.0], [0.1, -0.3, 0.6, 1.0], [1.0])


def embed(adjacency, features, weights, convolution):
    looped = adjacency + np.eye(len(adjacency))
    degrees = looped.sum(axis=1)
    state = features * degrees[:, None] ** convolution
    total = np.zeros_like(features)
    for hop, weight in enumerate(weights):
        if hop:
            state = looped @ (state / degrees[:, None])
        total += weight * state
    return total * degrees[:, None] ** -convolution


def shift(before, after):
    return np.linalg.norm(before - after, axis=1).sum()


def random_graph(generator, num_nodes, density):
    upper = np.triu(generator.random((num_nodes, num_nodes)) < density, 1)
    features = generator.standard_normal((num_nodes, 4))
    return (upper | upper.T).astype(float), features / np.linalg.norm(features, axis=1)[:, None]


def without(adjacency, edges):
    out = adjacency.copy()
    for u, v in edges:
        out[u, v] = out[v, u] = 0
    return out


@settings(max_examples=150, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    num_nodes=st.integers(2, 14),
    density=st.sampled_from([0.1, 0.4, 1.0]),
    weights=st.sampled_from(WEIGHTS),
    convolution=st.sampled_from([0.0, 0.3, 0.5, 1.0]),
)
def test_no_removal_shifts_more_than_its_bound(seed, num_nodes, density, weights, convolution):
    generator = np.random.default_rng(seed)
    adjacency, features = random_graph(generator, num_nodes, density)
    degrees, weights = adjacency.sum(axis=1).astype(np.int64) + 1, np.array(weights)
    before = embed(adjacency, features, weights, convolution)
    u = int(generator.integers(num_nodes))
    bare = features.copy()
    bare[u] = 0
    assert shift(before, embed(adjacency, bare, weights, convolution)) <= bounds.feature_shift(
        degrees[u], weights, convolution
    ) * (1 + 1e-12)
    neighbours = np.flatnonzero(adjacency[u])
    alone = without(adjacency, [(u, v) for v in neighbours])
    most = bounds.node_shift(degrees[u], degrees[neighbours], weights, convolution)
    assert shift(before, embed(alone, bare, weights, convolution)) <= most * (1 + 1e-12)
    edges = np.argwhere(np.triu(adjacency))
    gone = edges[generator.permutation(len(edges))[: 1 + len(edges) // 4]]
    lost = np.bincount(gone.ravel(), minlength=num_nodes)
    ends = np.flatnonzero(lost)
    most = bounds.edge_shift(degrees[ends], lost[ends], weights, convolution)
    assert shift(before, embed(without(adjacency, gone), features, weights, convolution)) <= most * (1 + 1e-12) + 1e-12


def minimise(rows, signs, alpha):
    """Return the optimum of one class by Newton's method."""
    weights = np.zeros(rows.shape[1])
    for _ in range(60):
        weights = weights + newton(rows, signs, alpha, weights)
    return weights


def gradient(rows, signs, alpha, weights):
    return rows.T @ (expit(rows @ weights) - (signs > 0)) + alpha * len(rows) * weights


def newton(rows, signs, alpha, weights):
    sigmoid = expit(rows @ weights)
    hessian = (rows.T * (sigmoid * (1 - sigmoid))) @ rows + alpha * len(rows) * np.eye(rows.shape[1])
    return -np.linalg.solve(hessian, gradient(rows, signs, alpha, weights))


def check_residual(before, after, stays, signs, alpha, moved):
    """Assert the chain of bounds, the true value at its end; return true, data-dependent and worst."""
    weights = minimise(before, signs, alpha)
    rows, longest = after[stays], max(np.linalg.norm(z, axis=1).max(initial=0) for z in (before, after))
    change = gradient(rows, signs[stays], alpha, weights)
    length = bounds.gradient_shift(
        moved, longest, np.linalg.norm(weights), int(np.count_nonzero(~stays)), alpha
    ) + np.linalg.norm(gradient(before, signs, alpha, weights))
    assert np.linalg.norm(change) <= length * (1 + 1e-9)
    step = newton(rows, signs[stays], alpha, weights)
    true = np.linalg.norm(gradient(rows, signs[stays], alpha, weights + step))
    tight, worst = bounds.data_dependent(rows, step), bounds.worst_case(length, longest, alpha, len(rows))
    assert true <= tight * (1 + 1e-9) + 1e-11
    assert tight <= worst * (1 + 1e-9)
    return true, tight, worst


@settings(max_examples=100, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), alpha=st.sampled_from([1e-3, 1e-2, 1.0]), weights=st.sampled_from(WEIGHTS))
def test_the_residual_of_a_newton_step_is_within_both_bounds(seed, alpha, weights):
    generator = np.random.default_rng(seed)
    adjacency, features = random_graph(generator, 14, 0.3)
    signs, weights = generator.choice([-1.0, 1.0], 14), np.array(weights)
    degrees = adjacency.sum(axis=1).astype(np.int64) + 1
    before = embed(adjacency, features, weights, 0.5)
    u = int(generator.integers(14))
    neighbours = np.flatnonzero(adjacency[u])
    bare = features.copy()
    bare[u] = 0
    after = embed(without(adjacency, [(u, v) for v in neighbours]), bare, weights, 0.5)
    stays = np.arange(14) != u
    moved = bounds.node_shift(degrees[u], degrees[neighbours], weights, 0.5)
    check_residual(before, after, stays, signs, alpha, moved)


def test_bounds_hold_on_cora_and_are_in_their_order(data_root):
    graph = read_npz(data_root / "cora.npz")
    rows = graph.features.toarray() if hasattr(graph.features, "toarray") else np.asarray(graph.features)
    # Forty columns are enough to tell, and dense algebra stays quick.
    features = rows[:, :40] / np.maximum(np.linalg.norm(rows[:, :40], axis=1), 1)[:, None]
    place = {node: at for at, node in enumerate(graph.node_ids.tolist())}
    edges = np.array([[place[u], place[v]] for u, v in graph.edges.tolist()])
    adjacency = np.zeros((graph.num_nodes, graph.num_nodes))
    adjacency[edges[:, 0], edges[:, 1]] = adjacency[edges[:, 1], edges[:, 0]] = 1
    weights = np.array([0.0, 0.0, 1.0])
    before = embed(adjacency, features, weights, 0.5)
    train = np.array([place[node] for node in graph.train_nodes.tolist()])
    signs = np.where(np.asarray(graph.labels)[train] == 0, 1.0, -1.0)
    degrees = adjacency.sum(axis=1).astype(np.int64) + 1
    ratios = []
    for u, v in edges[np.random.default_rng(0).permutation(len(edges))[:3]]:
        after = embed(without(adjacency, [(u, v)]), features, weights, 0.5)
        moved = bounds.edge_shift(degrees[[u, v]], np.array([1, 1]), weights, 0.5)
        assert shift(before, after) <= moved
        found = check_residual(before[train], after[train], np.ones(train.size, bool), signs, 1e-2, moved)
        ratios.append(found[2] / max(found[1], 1e-300))
    # Looking at the data is worth orders of magnitude.
    assert min(ratios) > 10


def test_what_is_known_exactly():
    weights = np.array([0.0, 1.0])
    assert bounds.feature_shift(4, weights, 0.5, 3.0) == pytest.approx(6.0)
    assert bounds.edge_shift(np.array([2, 2]), np.array([1, 1]), np.array([1.0]), 0.0) == 0.0
    assert bounds.gradient_shift(0.0, 1.0, 5.0) == 0.0
    assert bounds.data_dependent(np.zeros((0, 3)), np.ones(3)) == 0.0
    rows = np.random.default_rng(0).standard_normal((5, 3))
    known = bounds.data_dependent(rows, np.ones(3), float(np.linalg.norm(rows, 2)))
    assert known == bounds.data_dependent(rows, np.ones(3))
