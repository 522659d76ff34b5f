"""Influence steps against dense ones in NumPy, and against retraining; broken variants are told apart."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from oubli import Removal
from oubli.baselines import CEUClassifier, GIFClassifier, RetrainedClassifier, StaleClassifier
from oubli.errors import InputError, UnsupportedRemovalError
from oubli.graph import Graph, generate_graph

TINY = {"hidden": 3, "epochs": 60, "learning_rate": 0.05, "weight_decay": 1e-2, "dropout": 0.0}
SETTLED = {"hidden": 8, "epochs": 200, "learning_rate": 0.02, "weight_decay": 2e-2, "dropout": 0.0}
"""Trained until little moves: influence functions are about minima."""


class WrongSign(GIFClassifier):
    """Steps away from retraining."""

    def _step(self, change):
        step = super()._step(change)
        return dataclasses.replace(step, weights=2 * change.weights - step.weights)


class Traditional(GIFClassifier):
    """Counts the terms of nodes that go, and not what happens to their neighbours."""

    def _step(self, change):
        gone = change.had.copy()
        # As many of the reached stay as `has` counts; of the others the terms go.
        gone[change.had] = ~np.isin(self.old_ids[change.had], self.graph_.train_nodes)
        alone = dataclasses.replace(change, had=gone, has=np.zeros_like(change.has))
        return super()._step(alone)


def adjacency(graph):
    matrix = np.eye(graph.num_nodes)
    for u, v in np.searchsorted(graph.node_ids, graph.edges):
        matrix[u, v] = matrix[v, u] = 1
    scale = 1 / np.sqrt(matrix.sum(axis=1))
    return scale[:, None] * matrix * scale


class DenseGCN:
    """The objective in NumPy: the gradient by hand, the Hessian by differences of it."""

    def __init__(self, graph, classes, hidden, decay):
        self.spread, self.features = adjacency(graph), np.asarray(graph.features, np.float64)
        self.train = np.searchsorted(graph.node_ids, graph.train_nodes)
        self.wanted = np.eye(classes)[graph.labels[self.train]]
        self.hidden, self.classes, self.decay = hidden, classes, decay

    def gradient(self, weights):
        width = self.features.shape[1] * self.hidden
        first = weights[:width].reshape(self.hidden, -1)
        offsets, rest = weights[width : width + self.hidden], weights[width + self.hidden :]
        last, biases = rest[: -self.classes].reshape(self.classes, -1), rest[-self.classes :]
        inputs = self.spread @ self.features
        hidden = np.maximum(inputs @ first.T + offsets, 0)
        scores = self.spread @ hidden @ last.T + biases
        shares = np.exp(scores - scores.max(axis=1, keepdims=True))
        shares /= shares.sum(axis=1, keepdims=True)
        slope = np.zeros_like(scores)
        slope[self.train] = shares[self.train] - self.wanted
        inner = (self.spread @ slope @ last) * (hidden > 0)
        parts = (inner.T @ inputs, inner.sum(axis=0), slope.T @ (self.spread @ hidden), slope.sum(axis=0))
        return np.concatenate([part.ravel() for part in parts]) + self.train.size * self.decay * weights

    def hessian(self, weights, step=1e-5):
        shifts = step * np.eye(weights.size)
        rows = [(self.gradient(weights + s) - self.gradient(weights - s)) / (2 * step) for s in shifts]
        return np.array(rows)


def removals(graph):
    rng = np.random.default_rng(0)
    trained = rng.permutation(graph.train_nodes)
    return {
        "edges": Removal(edges=rng.permutation(graph.edges)[:6]),
        "nodes": Removal(nodes=trained[:3]),
        "labels": Removal(labels=trained[3:6]),
        "features": Removal(features=trained[6:9]),
        "mixed": Removal(edges=graph.edges[:2], nodes=trained[10:12], labels=trained[12:13]),
    }


@pytest.fixture(scope="module")
def tiny():
    graph = generate_graph(40, num_classes=3, num_features=5, average_degree=4, seed=2)
    return graph, StaleClassifier(**TINY).fit(graph)


def dense_step(graph, fitted, removal):
    before = DenseGCN(graph, 3, TINY["hidden"], TINY["weight_decay"])
    after = DenseGCN(graph.without(removal), 3, TINY["hidden"], TINY["weight_decay"])
    weights = fitted.weights_.astype(np.float64)
    return weights, before.hessian(weights), before.gradient(weights) - after.gradient(weights)


@pytest.mark.parametrize("kind", ["edges", "nodes", "labels", "features", "mixed"])
def test_a_step_is_that_of_a_dense_newton_step_in_numpy(tiny, kind):
    graph, fitted = tiny
    removal = removals(graph)[kind]
    weights, hessian, pull = dense_step(graph, fitted, removal)
    scale = float(np.abs(np.linalg.eigvalsh(hessian)).max())
    model = GIFClassifier(iterations=150, scale=scale, damp=0.2, **TINY).resume(fitted)
    assert model.unlearn(removal).choices == {"scale": scale}
    wanted = np.linalg.solve(hessian + 0.2 * scale * np.eye(weights.size), pull)
    assert np.abs(wanted).max() > 1e-3
    np.testing.assert_allclose(model.weights_ - weights, wanted, atol=2e-5)


def test_a_noisy_step_is_that_of_a_dense_newton_step_in_numpy(tiny):
    graph, _ = tiny
    removal = removals(graph)["edges"]
    fitted = CEUClassifier(noise_std=0.5, **TINY).fit(graph)
    model = CEUClassifier(noise_std=0.5, damping=0.5, scale=10.0, **TINY).resume(fitted)
    model.unlearn(removal)
    weights, hessian, pull = dense_step(graph, fitted, removal)
    wanted = np.linalg.solve(hessian + 5.0 * np.eye(weights.size), pull)
    np.testing.assert_allclose(model.weights_ - weights, wanted, atol=2e-5)


def test_the_noise_is_a_linear_term_of_what_is_minimised(tiny):
    graph, plain = tiny
    settings = TINY | {"epochs": 500}
    noisy = CEUClassifier(noise_std=0.5, **settings).fit(graph)
    pull = DenseGCN(graph, 3, TINY["hidden"], TINY["weight_decay"]).gradient(noisy.weights_.astype(np.float64))
    # At the minimum the gradient of the rest is the noise, negated.
    assert pull.std() == pytest.approx(0.5, rel=0.3)
    other = CEUClassifier(noise_std=0.5, **settings | {"seed": 1}).fit(graph)
    other_pull = DenseGCN(graph, 3, TINY["hidden"], TINY["weight_decay"]).gradient(other.weights_.astype(np.float64))
    assert abs(np.corrcoef(pull, other_pull)[0, 1]) < 0.5
    assert CEUClassifier(noise_std=0.0, **TINY).fit(graph).weights_digest() == plain.weights_digest()


@pytest.fixture(scope="module")
def settled():
    graph = generate_graph(200, num_features=16, seed=1)
    return graph, StaleClassifier(**SETTLED).fit(graph)


def distances(graph, fitted, removal, kinds):
    retrained = RetrainedClassifier(**SETTLED).resume(fitted)
    retrained.unlearn(removal)
    found = []
    for kind in kinds:
        model = kind(**SETTLED).resume(fitted)
        model.old_ids = graph.train_nodes
        model.unlearn(removal)
        found.append(np.linalg.norm(model.weights_ - retrained.weights_))
    return found


def test_nearer_to_retraining_than_stale_weights_and_the_wrong_sign_is_farther(settled):
    graph, fitted = settled
    rng = np.random.default_rng(0)
    trained = rng.permutation(graph.train_nodes)
    for removal in (Removal(edges=rng.permutation(graph.edges)[:40]), Removal(labels=trained[:10])):
        near, stale, wrong = distances(graph, fitted, removal, (GIFClassifier, StaleClassifier, WrongSign))
        assert near < stale < wrong


def test_the_neighbours_of_what_goes_count(settled):
    graph, fitted = settled
    removal = Removal(nodes=np.random.default_rng(0).permutation(graph.train_nodes)[:10])
    near, alone, stale = distances(graph, fitted, removal, (GIFClassifier, Traditional, StaleClassifier))
    assert near < alone < stale


def test_adversarial_edges_that_are_unlearned_do_less_harm():
    clean = generate_graph(300, num_features=16, feature_noise=2.0, seed=3)
    rng, labels = np.random.default_rng(0), clean.labels
    pairs = np.sort(rng.integers(0, 300, (4000, 2)), axis=1)
    known = set(map(tuple, clean.edges.tolist()))
    pairs = np.unique(pairs[labels[pairs[:, 0]] != labels[pairs[:, 1]]], axis=0)
    added = [pair for pair in map(tuple, rng.permutation(pairs).tolist()) if pair not in known][:1200]
    splits = {"train": clean.train_nodes, "val": clean.val_nodes, "test": clean.test_nodes}
    harmed = Graph.from_edges([*known, *added], features=clean.features, labels=labels, **splits)
    fitted = StaleClassifier(**SETTLED).fit(harmed)
    scores = {}
    for kind in (GIFClassifier, StaleClassifier, RetrainedClassifier):
        model = kind(**SETTLED).resume(fitted)
        model.unlearn(Removal(edges=added))
        scores[kind] = model.score()
    assert fitted.score() < scores[RetrainedClassifier] - 0.1
    assert scores[GIFClassifier] > fitted.score() + 0.1
    assert scores[GIFClassifier] >= scores[StaleClassifier] - 0.03


def test_noise_costs_little_accuracy():
    graph = generate_graph(300, seed=1)
    model = CEUClassifier().fit(graph)
    model.unlearn(Removal(edges=np.random.default_rng(0).permutation(graph.edges)[:50]))
    retrained = CEUClassifier().fit(model.graph_)
    assert model.score() > retrained.score() - 0.05


def test_without_a_scale_the_largest_eigenvalue_counts_where_it_is_above_that_of_the_public_code(tiny):
    graph, fitted = tiny
    removal = removals(graph)["edges"]
    assert GIFClassifier(**TINY).resume(fitted).unlearn(removal).choices == {"scale": 500.0}
    # Large inputs, and hardly trained: far from a minimum the loss bends most.
    splits = {"train": graph.train_nodes, "test": graph.test_nodes}
    stretched = Graph.from_edges(graph.edges, features=30 * graph.features, labels=graph.labels, **splits)
    fitted = GIFClassifier(**TINY | {"epochs": 1, "learning_rate": 1e-6}).fit(stretched)
    _, hessian, _ = dense_step(stretched, fitted, removal)
    largest = np.abs(np.linalg.eigvalsh(hessian)).max()
    assert largest > 500
    assert fitted.unlearn(removal).choices["scale"] == pytest.approx(largest, rel=0.05)


def test_a_scale_that_is_too_small_changes_nothing(tiny):
    graph, fitted = tiny
    model = GIFClassifier(scale=0.5, **TINY).resume(fitted)
    with pytest.raises(InputError, match="scale: the series diverges"):
        model.unlearn(removals(graph)["edges"])
    assert model.weights_digest() == fitted.weights_digest()
    assert model.graph_.num_edges == graph.num_edges


@pytest.mark.parametrize("kind", ["nodes", "labels", "features"])
def test_the_noisy_one_removes_edges_alone(tiny, kind):
    graph, _ = tiny
    model = CEUClassifier(**TINY).fit(graph)
    before = model.weights_digest()
    with pytest.raises(UnsupportedRemovalError, match=f"never removes {kind}, only edges"):
        model.unlearn(removals(graph)[kind])
    assert model.weights_digest() == before
    assert model.graph_.num_nodes == graph.num_nodes
