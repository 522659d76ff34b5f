"""What approximate unlearning methods share: training, taking over, removals, receipts, refusals."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest

from oubli import Removal
from oubli.audit.forgetting.methods import METHODS, parse_method, posteriors
from oubli.baselines import (
    CEUClassifier,
    GIFClassifier,
    GradientAscentClassifier,
    RetrainedClassifier,
    StaleClassifier,
)
from oubli.errors import AlreadyRemovedError, InputError, NotFittedError, UnknownNodeError
from oubli.graph import Graph, generate_graph
from oubli.guarantees import Exact, Heuristic
from oubli.guarantees.receipt import Receipt

QUICK = {"hidden": 8, "epochs": 20}
PLAIN = (GIFClassifier, GradientAscentClassifier, StaleClassifier, RetrainedClassifier)
ALL = (*PLAIN, CEUClassifier)
GRAPH = generate_graph(120, num_features=8, seed=1)
EDGES = Removal(edges=GRAPH.edges[::40])
FITTED = {kind: kind(**QUICK).fit(GRAPH) for kind in ALL}


def fresh(kind, **settings):
    return kind(**QUICK | settings).resume(FITTED[kind])


def state(model):
    return model.weights_digest(), hashlib.sha256(model.decision_function().tobytes()).hexdigest(), repr(model.graph_)


def test_a_family_learns_the_same_bytes_and_another_seed_others():
    assert len({FITTED[kind].weights_digest() for kind in PLAIN}) == 1
    assert StaleClassifier(**QUICK).fit(GRAPH).weights_digest() == FITTED[StaleClassifier].weights_digest()
    assert StaleClassifier(**QUICK, seed=1).fit(GRAPH).weights_digest() != FITTED[StaleClassifier].weights_digest()
    assert FITTED[CEUClassifier].weights_digest() != FITTED[StaleClassifier].weights_digest()


def test_it_learns_without_a_look_at_validation_nodes():
    graph = generate_graph(300, seed=2)
    bare = Graph.from_edges(graph.edges, features=graph.features, labels=graph.labels, train=graph.train_nodes)
    model = StaleClassifier(hidden=16).fit(graph)
    assert model.score() > 0.85
    assert StaleClassifier(hidden=16).fit(bare).weights_digest() == model.weights_digest()


def test_what_is_drawn_elsewhere_changes_nothing_and_is_not_changed():
    import torch

    torch.manual_seed(5)
    state_before = torch.random.get_rng_state()
    model = RetrainedClassifier(**QUICK).fit(GRAPH)
    model.unlearn(EDGES)
    assert torch.equal(torch.random.get_rng_state(), state_before)


@pytest.mark.parametrize("kind", PLAIN)
def test_resuming_is_fitting(kind):
    fitted = kind(**QUICK).fit(GRAPH)
    resumed = kind(**QUICK).resume(FITTED[StaleClassifier])
    fitted.unlearn(EDGES)
    resumed.unlearn(EDGES)
    assert state(fitted) == state(resumed)
    assert FITTED[StaleClassifier].graph_.num_edges == GRAPH.num_edges


@pytest.mark.parametrize(
    ("model", "other", "message"),
    [
        (StaleClassifier(**QUICK, seed=1), FITTED[StaleClassifier], "other seed"),
        (StaleClassifier(**QUICK, dropout=0.1, weight_decay=0.1), FITTED[GIFClassifier], "other weight_decay, dropout"),
        (CEUClassifier(**QUICK), FITTED[StaleClassifier], "other noise_std"),
        (StaleClassifier(**QUICK), FITTED[CEUClassifier], "other noise_std"),
        (StaleClassifier(**QUICK), "model", "got str"),
    ],
)
def test_only_what_trains_alike_is_taken_over(model, other, message):
    with pytest.raises(InputError, match=message):
        model.resume(other)
    with pytest.raises(NotFittedError):
        model.predict()


def test_what_has_unlearned_is_not_taken_over():
    model = fresh(StaleClassifier)
    model.unlearn(EDGES)
    with pytest.raises(InputError, match="has unlearned"):
        StaleClassifier(**QUICK).resume(model)
    assert StaleClassifier(**QUICK).resume(model.fit(GRAPH)).graph_.num_edges == GRAPH.num_edges


@pytest.mark.parametrize("kind", PLAIN)
@pytest.mark.parametrize("what", ["edges", "nodes", "labels", "features", "mixed"])
def test_afterwards_it_answers_on_what_remains(kind, what):
    trained = GRAPH.train_nodes
    removal = {
        "edges": EDGES,
        "nodes": Removal(nodes=trained[:4]),
        "labels": Removal(labels=trained[:4]),
        "features": Removal(features=trained[:4]),
        "mixed": Removal(edges=GRAPH.edges[-2:], nodes=trained[:2], labels=trained[5:6], features=trained[8:9]),
    }[what]
    model, left = fresh(kind), GRAPH.without(removal)
    receipt = model.unlearn(removal)
    assert repr(model.graph_) == repr(left)
    assert model.graph_.node_ids.tolist() == left.node_ids.tolist()
    assert model.decision_function(left.test_nodes).shape == (left.test_nodes.size, 4)
    assert receipt.weights_sha256 == model.weights_digest()
    assert receipt.remaining["training_nodes"] == left.train_nodes.size
    again = RetrainedClassifier(**QUICK).fit(left)
    if kind is RetrainedClassifier:
        assert state(model) == state(again)
        assert receipt.guarantee == Exact("reselected")
    else:
        assert state(model)[0] != again.weights_digest()
        assert isinstance(receipt.guarantee, Heuristic)
    if kind is StaleClassifier:
        assert model.weights_digest() == FITTED[kind].weights_digest()


@pytest.mark.parametrize("kind", ALL)
def test_a_receipt_says_what_was_done(kind):
    model = fresh(kind)
    receipt = model.unlearn(EDGES)
    assert receipt.removed == {"nodes": 0, "edges": len(EDGES.edges), "features": 0, "labels": 0}
    assert receipt.remaining["edges"] == GRAPH.num_edges - len(EDGES.edges) == model.graph_.num_edges
    assert 0 < receipt.rows_changed <= GRAPH.train_nodes.size
    assert len(receipt.reached) == 2
    assert receipt.reached[0] <= receipt.reached[1] <= GRAPH.num_nodes
    assert Receipt.from_json(receipt.to_json()) == receipt
    assert receipt.seconds > 0


def test_no_score_changes_beyond_the_reach():
    ring = np.column_stack([np.arange(40), (np.arange(40) + 1) % 40])
    features = np.random.default_rng(0).normal(size=(40, 4))
    graph = Graph.from_edges(ring, features=features, labels=np.arange(40) % 2, train=np.arange(0, 40, 2))
    model = StaleClassifier(**QUICK).fit(graph)
    before = model.decision_function()
    receipt = model.unlearn(Removal(edges=[(10, 11)]))
    changed = np.flatnonzero(np.abs(model.decision_function() - before).max(axis=1) > 0)
    assert set(changed) <= set(range(8, 14))
    assert {9, 10, 11, 12} <= set(changed)
    assert receipt.reached == [4, 6]
    assert receipt.rows_changed == 3


@pytest.mark.parametrize("kind", PLAIN)
def test_what_reaches_no_training_node_leaves_the_weights(kind):
    edges = [(0, 1), (1, 2), (3, 4), (4, 5), (5, 3)]
    graph = Graph.from_edges(edges, features=np.eye(6), labels=[0, 1, 0, 1, 0, 1], train=[0, 1, 2])
    model = kind(**QUICK).fit(graph)
    before = model.weights_digest()
    receipt = model.unlearn(Removal(edges=[(3, 4)]))
    assert receipt.rows_changed == 0
    assert model.weights_digest() == before


@pytest.mark.parametrize("kind", PLAIN)
def test_a_class_without_training_nodes_is_not_predicted_any_more(kind):
    model = fresh(kind)
    last = [node for node in GRAPH.train_nodes.tolist() if GRAPH.labels[node] == 1]
    receipt = model.unlearn(Removal(labels=last))
    assert receipt.classes_lost == [1]
    assert model.classes_.tolist() == [0, 2, 3]
    assert model.decision_function().shape == (GRAPH.num_nodes, 3)
    assert set(model.predict().tolist()) <= {0, 2, 3}
    model.unlearn(Removal(edges=GRAPH.edges[:3]))
    assert np.isfinite(model.decision_function()).all()


@pytest.mark.parametrize("kind", PLAIN)
def test_removals_follow_each_other(kind):
    model = fresh(kind)
    model.unlearn(Removal(nodes=GRAPH.train_nodes[:2]))
    model.unlearn(Removal(labels=GRAPH.train_nodes[2:4]))
    with pytest.raises(AlreadyRemovedError):
        model.unlearn(Removal(labels=GRAPH.train_nodes[2:4]))
    before = model.weights_digest()
    receipt = model.unlearn(Removal(nodes=GRAPH.train_nodes[:2]), missing="ignore")
    assert receipt.ignored == {"nodes": GRAPH.train_nodes[:2].tolist()}
    assert model.weights_digest() == before


@pytest.mark.parametrize("kind", ALL)
@pytest.mark.parametrize(
    ("removal", "error"),
    [
        (Removal(edges=[(0, 500)]), UnknownNodeError),
        (Removal(edges=[(0, 1)], labels=[500]), UnknownNodeError),
        (Removal(labels=GRAPH.train_nodes), InputError),
        (Removal(nodes=GRAPH.train_nodes), InputError),
        ("edges", InputError),
    ],
)
def test_a_removal_that_fails_changes_nothing(kind, removal, error):
    model = fresh(kind)
    before = state(model)
    with pytest.raises(error):
        model.unlearn(removal)
    assert state(model) == before


def test_weights_that_leave_the_numbers_change_nothing():
    model = fresh(GradientAscentClassifier, unlearning_rate=1e38, unlearning_epochs=50)
    before = state(model)
    with pytest.raises(InputError, match="unlearning_rate"):
        model.unlearn(EDGES)
    assert state(model) == before
    with pytest.raises(InputError, match="learning_rate"):
        StaleClassifier(**QUICK, learning_rate=1e38).fit(GRAPH)


def test_ascent_forgets_more_than_descent_alone_and_keeps_the_rest():
    graph = generate_graph(300, feature_noise=2.0, seed=4)
    fitted = StaleClassifier(hidden=32).fit(graph)
    gone = np.random.default_rng(0).permutation(graph.train_nodes)[:8]
    sure, scores = [], []
    for weight in (0.0, 0.5):
        model = GradientAscentClassifier(hidden=32, ascent_weight=weight).resume(fitted)
        model.unlearn(Removal(labels=gone))
        columns = np.searchsorted(model.classes_, graph.labels[gone])
        sure.append(posteriors(model, gone)[np.arange(8), columns].mean())
        scores.append(model.score())
    assert sure[1] < sure[0] - 0.1
    assert scores[1] > fitted.score() - 0.1


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        (StaleClassifier, "hidden", 0),
        (StaleClassifier, "epochs", 0),
        (StaleClassifier, "learning_rate", 0),
        (StaleClassifier, "weight_decay", -1),
        (StaleClassifier, "dropout", 1.0),
        (StaleClassifier, "seed", -1),
        (GIFClassifier, "iterations", -1),
        (GIFClassifier, "scale", 0),
        (GIFClassifier, "scale", "500"),
        (GIFClassifier, "damp", 1),
        (CEUClassifier, "noise_std", -0.1),
        (CEUClassifier, "damping", float("nan")),
        (CEUClassifier, "iterations", 0),
        (GradientAscentClassifier, "unlearning_epochs", 1.5),
        (GradientAscentClassifier, "unlearning_rate", 0),
        (GradientAscentClassifier, "ascent_weight", -1),
    ],
)
def test_a_wrong_parameter_is_named(kind, name, value):
    with pytest.raises(InputError, match=name):
        kind(**{name: value}).fit(GRAPH)


def test_what_cannot_be_learned_from_is_named():
    bare = Graph.from_edges([(0, 1)], labels=[0, 1], train=[0])
    untaught = Graph.from_edges([(0, 1)], features=np.eye(2), labels=[0, 1])
    for given, message in ((bare, "no features"), (untaught, "no training nodes"), ([(0, 1)], "expected a Graph")):
        with pytest.raises(InputError, match=message):
            StaleClassifier().fit(given)
    with pytest.raises(NotFittedError):
        StaleClassifier().unlearn(EDGES)
    model = fresh(StaleClassifier).set_params(hidden=9)
    with pytest.raises(InputError, match="changed after fit"):
        model.predict()


@pytest.mark.parametrize("name", METHODS)
def test_every_method_by_name_makes_a_model_that_forgets(name):
    method = parse_method(name)
    graph = generate_graph(80, num_features=8, seed=3)
    model = method.make(0).fit(graph)
    receipt = model.unlearn(Removal(edges=graph.edges[:4]))
    assert model.graph_.num_edges == graph.num_edges - 4
    assert receipt.weights_sha256 == model.weights_digest()
    np.testing.assert_allclose(posteriors(model).sum(axis=1), 1)
    assert model.predict(graph.test_nodes).shape == graph.test_nodes.shape
