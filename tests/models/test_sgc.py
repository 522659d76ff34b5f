"""SGCRidge: parameters, choices, and a float oracle."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.metrics import balanced_accuracy_score, roc_auc_score
from tests.exactness.raw import random_raw, read_raw
from tests.exactness.reference import assert_same, refit
from tests.models.oracle import sgc_scores

from oubli import Graph, Removal, load_model, verify
from oubli.errors import InputError
from oubli.models import SGCRidge
from oubli.models.scoring import score_predictions

WRONG = {
    "hops": [0, -1, 65, 2.0, "2", None, True],
    "operator": ["laplacian", 1.5, -0.5, None, True, float("nan")],
    "alpha": [0, -1.0, float("nan"), float("inf"), "1", None, True, [], [1.0, None], [1.0, -2.0], {1.0}, [[1.0]]],
    "representation": ["first", None, 2],
    "normalize": ["l1", True, 0],
    "class_weight": ["uniform", {0: 0.0}, {0: -1}, {0: "x"}, {1: float("nan")}, {0: None}, [1, 2], 3.0],
    "projection": [0, -5, 2.5, "wide", True],
    "fraction_bits": [3, 21, 12.0, "12", None],
    "scoring": ["f1", None, 1],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_a_wrong_parameter_is_named(name, value):
    estimator = SGCRidge(**{name: value})
    assert getattr(estimator, name) is value
    with pytest.raises(InputError, match=name):
        estimator.fit(random_raw(0).build())


@pytest.mark.parametrize("alpha", [1, np.float32(2.0), (3.0, 1), np.logspace(-2, 2, 3), [np.int64(2), 5.0]], ids=repr)
def test_numbers_of_all_sorts(alpha, tmp_path):
    raw = random_raw(0)
    model = SGCRidge(alpha=alpha, class_weight={np.int64(1): np.float32(2.0)}).fit(raw.build())
    assert model.alpha_ in np.atleast_1d(np.asarray(alpha, float)).tolist()
    model.save(tmp_path / "model")
    plain = SGCRidge(alpha=model.alpha_, class_weight={1: 2.0}).fit(raw.build())
    assert plain.digest() == model.digest()


@pytest.mark.parametrize("hops", [1, 3])
@pytest.mark.parametrize(("operator", "rho"), [("random_walk", 0.0), ("symmetric", -0.5), (0.3, -0.7)])
@pytest.mark.parametrize("concatenated", [False, True], ids=["last", "concat"])
@pytest.mark.parametrize("weighting", [None, "balanced"])
def test_close_to_floats(hops, operator, rho, concatenated, weighting):
    raw = random_raw(1, num_nodes=200, num_features=10)
    graph = raw.build()
    representation = "concat" if concatenated else "last"
    model = SGCRidge(hops=hops, operator=operator, representation=representation, class_weight=weighting).fit(graph)
    expected = sgc_scores(graph, hops, rho, 1.0, concatenated, weighting == "balanced")
    ours = model.decision_function()
    assert np.abs(ours - expected).max() < 0.01
    assert (ours.argmax(axis=1) == expected.argmax(axis=1)).mean() > 0.98
    further = sgc_scores(graph, hops + 1, rho, 1.0, concatenated, weighting == "balanced")
    assert np.abs(ours - further).max() > 0.01
    assert model.coef_.shape == (3, 10 * (hops + 1) if concatenated else 10)
    assert model.intercept_.shape == (3,)


@pytest.mark.parametrize("name", ["cora", "minesweeper"])
def test_close_to_floats_on_real_graphs(data_root, name):
    """Cora has more columns than training rows (the dual form), minesweeper fewer."""
    graph = read_raw(data_root, name).build()
    model = SGCRidge(hops=2).fit(graph)
    expected = sgc_scores(graph)
    ours = model.decision_function()
    assert np.abs(ours - expected).max() < 0.01
    assert (ours.argmax(axis=1) == expected.argmax(axis=1)).mean() > 0.98


def test_accuracy_on_cora_is_what_is_published(data_root):
    raw = read_raw(data_root, "cora")
    assert SGCRidge(hops=3, operator="symmetric").fit(raw.build()).score() > 0.79


def accuracies(raw, alphas, slots="val"):
    return {alpha: refit(SGCRidge(alpha=alpha), raw).score(getattr(raw, slots)) for alpha in alphas}


def test_alpha_is_the_best_on_validation_and_the_largest_of_equals():
    alphas = [0.001, 0.1, 1.0, 10.0, 1000.0]
    tied = 0
    for seed in range(8):
        raw = random_raw(seed, num_nodes=60)
        scores = accuracies(raw, alphas)
        best = [alpha for alpha in alphas if scores[alpha] == max(scores.values())]
        tied += len(best) > 1
        for order in (alphas, alphas[::-1]):
            assert SGCRidge(alpha=order).fit(raw.build()).alpha_ == max(best)
    assert tied
    with pytest.raises(InputError, match="validation"):
        SGCRidge(alpha=alphas).fit(Graph.from_edges([(0, 1)], labels=[0, 1], train=[0, 1]))


def a_removal_that_changes_the_choice(alphas):
    """Return a graph and a removal of labels after which another alpha is best."""
    for seed in range(50):
        raw = random_raw(seed, num_nodes=60)
        for gone in (raw.val[: raw.val.size // 2], raw.train[: raw.train.size // 2]):
            remains = raw.without(Removal(labels=gone))
            if refit(SGCRidge(alpha=alphas), raw).alpha_ != refit(SGCRidge(alpha=alphas), remains).alpha_:
                return raw, Removal(labels=gone)
    raise AssertionError("no such graph")


def test_frozen_keeps_alpha_where_reselecting_changes_it():
    alphas = [0.001, 1.0, 1000.0]
    raw, gone = a_removal_that_changes_the_choice(alphas)
    estimator = SGCRidge(alpha=alphas)
    frozen, reselected = (clone(estimator).fit(raw.build()) for _ in range(2))
    before = frozen.alpha_
    kept, chosen_anew = frozen.unlearn(gone, level="frozen"), reselected.unlearn(gone)
    assert (kept.guarantee.level, chosen_anew.guarantee.level) == ("frozen", "reselected")
    assert frozen.alpha_ == before == kept.choices["alpha"]
    assert kept.changed_choices == {}
    assert reselected.alpha_ != before
    assert chosen_anew.changed_choices == {"alpha": before}
    assert chosen_anew.choices["alpha"] == reselected.alpha_
    assert frozen.digest() != reselected.digest()
    assert_same(reselected, refit(estimator, raw.without(gone)))
    assert_same(frozen, refit(SGCRidge(alpha=before), raw.without(gone)))
    assert frozen.unlearn(Removal()).guarantee.level == "reselected"
    assert_same(frozen, reselected)


def test_without_a_choice_there_is_nothing_to_freeze():
    raw = random_raw(0)
    model = SGCRidge(alpha=[1.0]).fit(raw.build())
    assert model.unlearn(Removal(labels=raw.train[:1]), level="frozen").guarantee.level == "reselected"


@pytest.mark.parametrize("gone", ["train", "val"])
def test_roc_auc_needs_both_classes_to_choose_by(gone):
    raw = random_raw(3, num_nodes=60, num_classes=2)
    model = SGCRidge(alpha=[0.1, 10.0], scoring="roc_auc").fit(raw.build())
    digest = model.digest()
    ids = getattr(raw, gone)
    one_class = Removal(labels=ids[raw.labels[np.searchsorted(raw.ids, ids)] == 1])
    with pytest.raises(InputError, match="frozen"):
        model.unlearn(one_class)
    assert model.digest() == digest
    model.unlearn(one_class, level="frozen")


def test_metrics_are_scikit_learns():
    generator = np.random.default_rng(0)
    scores = np.round(generator.standard_normal((200, 2)), 1)
    targets = generator.integers(0, 2, 200)
    area = roc_auc_score(targets, np.rint(10 * (scores[:, 1] - scores[:, 0])))
    assert score_predictions(np.rint(10 * scores), targets, "roc_auc") == pytest.approx(area, abs=1e-12)
    predicted = scores.argmax(axis=1)
    ours = score_predictions(scores, targets, "balanced_accuracy")
    assert ours == pytest.approx(balanced_accuracy_score(targets, predicted))
    assert score_predictions(scores, targets, "accuracy") == (predicted == targets).mean()


def test_scores_of_the_model_as_from_its_weights():
    raw = random_raw(2, num_nodes=50)
    model = SGCRidge(hops=1).fit(raw.build())
    slots = np.arange(50)
    rows = model._engine.propagation.embed(model.graph_, slots) * 2.0**-12
    np.testing.assert_allclose(model.decision_function(), rows @ model.coef_.T + model.intercept_, rtol=1e-12)


def test_a_class_weight_moves_the_boundary():
    raw = random_raw(2, num_nodes=150)
    counts = [
        np.count_nonzero(refit(SGCRidge(class_weight=weight), raw).predict() == 1)
        for weight in ({1: 0.1}, None, {1: 10.0})
    ]
    assert counts[0] < counts[1] < counts[2]


def test_a_graph_without_features_is_all_zero_whatever_the_projection():
    graph = Graph.from_edges([(0, 1), (1, 2)], labels=[0, 1, 0], train=[0, 1, 2])
    for projection in (None, 1, 5):
        for normalize in ("l2", None):
            model = SGCRidge(projection=projection, normalize=normalize).fit(graph)
            assert not model.coef_.any()
            assert verify(model).identical


def test_weights_of_classes_that_went_are_neither_saved_nor_in_the_digest(tmp_path):
    graph = Graph.from_edges(
        [("a", "b"), ("b", "c"), ("c", "d")], features=np.eye(4), labels=["x", "y", "only-her-class", "x"],
        node_ids=["a", "b", "c", "d"], train=["a", "b", "c", "d"],
    )  # fmt: skip
    weighted = SGCRidge(class_weight={"x": 2, "only-her-class": 3})
    model = clone(weighted).fit(graph)
    model.unlearn(Removal(nodes=["c"]))
    model.save(tmp_path / "model")
    for file in (tmp_path / "model").rglob("*"):
        assert file.is_dir() or b"only-her-class" not in file.read_bytes()
    assert load_model(tmp_path / "model").digest() == model.digest()
    fewer = SGCRidge(class_weight={"x": 2.0}).fit(graph.without(Removal(nodes=["c"])))
    assert fewer.digest() == model.digest()
