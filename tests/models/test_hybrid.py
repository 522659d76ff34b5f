"""Learnt layers with rounded weights: the bytes of a fresh fit, by the local path and the other, and their labels."""

from __future__ import annotations

import copy
from collections import Counter
from typing import ClassVar

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import Ridge
from tests.exactness.raw import draw_removal, random_raw, read_raw
from tests.exactness.reference import assert_a_loaded_model_forgets, assert_same, refit
from tests.exactness.test_sequences import Unlearning, run
from tests.models.test_random_feature import GRID, each_removal, noise
from tests.propagation.switch import switch
from threadpoolctl import threadpool_limits

from oubli import Removal, verify
from oubli.errors import InputError
from oubli.models import RandomFeatureNet, RoutedClassifier, SGCRidge
from oubli.models import random_feature as random_feature_module
from oubli.models import rounded_layer as rounded_layer_module
from oubli.models.rounded_layer import RoundedLayer
from oubli.models.sight import Sight

CONFIGURATIONS = {
    "no folds": (RandomFeatureNet(messages=8, hybrid=True), {}),
    "two classes": (RandomFeatureNet(messages=8, hybrid=True, normalize=None, seed=3), {"num_classes": 2}),
    "two hops, choosing": (RandomFeatureNet(messages=4, hybrid=True, hops=2, alpha=GRID), {"strings": True}),
    "no messages, symmetric": (RandomFeatureNet(messages=0, hybrid=True, operator="symmetric"), {"num_features": 3}),
    "two folds": (RandomFeatureNet(messages=8, hybrid=True, label_folds=2), {"num_classes": 2}),
    "three folds": (RandomFeatureNet(messages=4, hybrid=True, label_folds=3, seed=1), {"num_classes": 4}),
    "folds, choosing": (RandomFeatureNet(messages=4, hybrid=True, label_folds=4, alpha=GRID), {"sparse": True}),
}
ANEW = "fitted anew from layer {} on: {} moved"
PATHS = {
    "local",
    "fitted anew: a coarse statistic moved",
    ANEW.format(1, "a coarse statistic of labels"),
    *(ANEW.format(layer, what) for layer in (1, 2) for what in ("a rounded weight", "a coarse statistic")),
}


@pytest.fixture
def narrow(monkeypatch):
    """Layers of few features, so that graphs of a few nodes have more rows than columns."""
    monkeypatch.setattr(rounded_layer_module, "WIDTH", 8)


@pytest.fixture
def local(monkeypatch, narrow):
    """Small graphs, on which a removal reaches most rows, take the local path all the same."""
    monkeypatch.setattr(random_feature_module, "MOST", 2.0)
    # Weights of few rows move more; small ones stay now and then.
    monkeypatch.setattr(rounded_layer_module, "PENALTY", 3.0)
    monkeypatch.setattr(rounded_layer_module, "FOLDED_PENALTY", 3.0)
    switch("never")
    yield
    switch("as it is")


@pytest.mark.parametrize(
    ("name", "given"),
    [
        *(("hybrid", {"hybrid": value}) for value in (1, None, "yes")),
        *(("label_folds", {"hybrid": True, "label_folds": value}) for value in (-1, 1, 65, 2.0, None)),
        ("hybrid=True", {"label_folds": 2}),
    ],
)
def test_a_wrong_parameter_is_named(name, given):
    with pytest.raises(InputError, match=name):
        RandomFeatureNet(**given).fit(random_raw(0).build())


@pytest.fixture(params=CONFIGURATIONS)
def case(request):
    estimator, options = CONFIGURATIONS[request.param]
    return estimator, random_raw(3, num_nodes=150, degree=2.0, **options)


def test_every_kind_of_removal_leaves_the_bytes_of_a_fresh_fit(case, local):
    estimator, raw = case
    fitted = clone(estimator).fit(raw.build())
    # Layers that tell nothing would be no test.
    assert any(layer.weights[:-1].any() for layer in fitted._layers._layers)
    paths = Counter()
    for number, removal in enumerate(each_removal(raw)):
        level = ("frozen", "reselected")[number % 2]
        model = copy.deepcopy(fitted)
        paths[model.unlearn(removal, level=level).path] += 1
        chosen = fitted.choices_ if level == "frozen" and estimator._has_choices() else None
        assert_same(model, refit(estimator, raw.without(removal), number, chosen))
    assert set(paths) <= PATHS
    assert sum(paths[path] for path in paths if "layer" in path) > 0


def test_both_paths_are_taken(local):
    paths = Counter()
    for estimator, options in CONFIGURATIONS.values():
        raw = random_raw(3, num_nodes=150, degree=2.0, **options)
        fitted = clone(estimator).fit(raw.build())
        paths.update(copy.deepcopy(fitted).unlearn(removal).path for removal in each_removal(raw))
    assert len(paths) > 5
    assert paths["local"] > 8


class Sequences(Unlearning):
    """Requests on end, to models of all configurations."""

    estimators: ClassVar = {name: estimator for name, (estimator, _) in CONFIGURATIONS.items()}

    def fit(self):
        self.chooses = self.estimator._has_choices()
        return super().fit()


def test_every_sequence_of_requests_leaves_the_bytes_of_a_fresh_fit(narrow):
    run(Sequences, max_examples=8, stateful_step_count=6)


def test_every_sequence_by_the_local_path(local):
    run(Sequences, max_examples=12, stateful_step_count=8)


@pytest.mark.slow
def test_every_sequence_of_many(local):
    run(Sequences, max_examples=200, stateful_step_count=12)


class KeepsWeights(RoundedLayer):
    """Keeps rounded weights that moved."""

    def _solved(self):
        self.weights = self.weights if hasattr(self, "weights") else super()._solved()
        return self.weights


class ForgetsToTell(RoundedLayer):
    """Leaves what neighbours were told before."""

    def _send(self, adjacency, view, senders, slots):
        return super()._send(adjacency, view, senders if slots is senders else senders[:0], slots)


class KeepsRows(RoundedLayer):
    """Leaves the rows of nodes that train no longer in the Gram."""

    def update(self, graph, changed, ends, gone, labels):
        return super().update(graph, changed, ends, gone[:0], labels[:0])


class KeepsLabels(Sight):
    """Shows labels that went."""

    def forget(self, gone):
        seen = self.seen.copy()
        super().forget(gone)
        self.seen[:] = seen


LAYERS = "oubli.models.rounded_layers."
BLOCK = "oubli.models.score_block."
BROKEN = {
    "keeps weights": (LAYERS + "RoundedLayer", KeepsWeights),
    "forgets to tell": (LAYERS + "RoundedLayer", ForgetsToTell),
    "keeps rows": (LAYERS + "RoundedLayer", KeepsRows),
    "keeps labels": (LAYERS + "Sight", KeepsLabels),
    "does not push scores to neighbours": (BLOCK + "readers", lambda adjacency, slots, ends: ends),
    "keeps the grid of scores": (BLOCK + "same_grid", lambda one, other: True),
}


@pytest.mark.parametrize("broken", BROKEN)
def test_layers_that_forget_wrongly_are_caught(broken, local, monkeypatch):
    monkeypatch.setattr(*BROKEN[broken])
    wrong = 0
    for name in ("no folds", "two classes", "two folds", "three folds"):
        estimator, options = CONFIGURATIONS[name]
        raw = random_raw(3, num_nodes=150, degree=2.0, **options)
        fitted = clone(estimator).fit(raw.build())
        for removal in each_removal(raw):
            model = copy.deepcopy(fitted)
            model.unlearn(removal)
            wrong += model.digest() != clone(estimator).fit(raw.without(removal).build()).digest()
    assert wrong > 0


@pytest.mark.parametrize("threads", [1, 2])
def test_threads_do_not_matter(threads, monkeypatch):
    raw = random_raw(5, num_nodes=400, num_features=20)
    gone = Removal(nodes=raw.ids[:1], edges=raw.edges[-1:])
    estimator = RandomFeatureNet(messages=30, hybrid=True, label_folds=2)
    monkeypatch.setattr("oubli.propagation.threads.SERIAL_WORK", 0 if threads == 2 else 2**40)
    with threadpool_limits(threads, "blas"):
        model = clone(estimator).fit(raw.build())
        model.unlearn(gone)
    monkeypatch.undo()
    assert_same(model, clone(estimator).fit(raw.without(gone).build()))


def test_a_loaded_model_forgets(case, local, tmp_path):
    assert_a_loaded_model_forgets(*case, tmp_path / "model")


@pytest.mark.parametrize("folds", [0, 2])
def test_verification_in_a_fresh_process(folds):
    raw = random_raw(4, num_nodes=80)
    model = RandomFeatureNet(messages=16, hybrid=True, label_folds=folds).fit(raw.build())
    model.unlearn(Removal(nodes=raw.ids[3:5], labels=raw.train[:1]), missing="ignore")
    assert verify(model).identical


def test_a_router_may_keep_it(narrow):
    raw = random_raw(3, num_nodes=120)
    router = RoutedClassifier(assortative=SGCRidge(hops=1), heterophilous=RandomFeatureNet(messages=16, hybrid=True))
    model = clone(router).fit(raw.build())
    gone = Removal(nodes=raw.ids[:2], edges=raw.edges[-2:])
    model.unlearn(gone, missing="ignore")
    assert_same(model, clone(router).fit(raw.without(gone).build()))


class SeesItself(Sight):
    """Computes the rows of training nodes in the view that shows all labels."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.own[:] = len(self.seen) - 1


def excess_on_noise(folds):
    """Return by how much training nodes agree with their labels beyond ridge on as many columns of pure noise."""
    found = []
    for seed in range(5):
        raw = noise(seed)
        model = RandomFeatureNet(messages=24, alpha=1.0, hybrid=True, label_folds=folds).fit(raw.build())
        labels = raw.labels[np.isin(raw.ids, raw.train)]
        rows = model._head_rows.kept(model._rows.trained)
        width = np.linalg.matrix_rank(rows - rows.mean(axis=0))
        random = np.random.default_rng(seed).standard_normal((labels.size, width))
        random /= random.std(axis=0)
        chance = np.corrcoef(Ridge(alpha=1.0).fit(random, labels).predict(random), labels)[0, 1]
        margins = model.decision_function(raw.train)
        found.append(np.corrcoef(margins[:, 1] - margins[:, 0], labels)[0, 1] - chance)
    return np.mean(found)


@pytest.mark.parametrize("folds", [0, 4])
def test_training_nodes_know_their_own_label_through_weights_alone(folds, narrow):
    """With labels at random, layers add no more to the fit of training nodes than columns of noise would."""
    assert abs(excess_on_noise(folds)) < 0.08


def test_a_view_that_shows_the_own_label_is_caught(narrow, monkeypatch):
    monkeypatch.setattr(LAYERS + "Sight", SeesItself)
    assert excess_on_noise(4) > 0.15


@pytest.mark.parametrize("folds", [0, 3])
def test_while_weights_stay_no_label_of_its_own_enters_a_row(folds, local):
    """With the layers' weights as they are, a training node's columns are the same without its label."""
    raw = noise(7, num_nodes=300)
    fitted = RandomFeatureNet(messages=4, hybrid=True, label_folds=folds).fit(raw.build())
    layers = fitted._layers
    same = 0
    for node in raw.train[:30].tolist():
        model = copy.deepcopy(fitted)
        if model.unlearn(Removal(labels=[node])).path == "local":
            at = np.searchsorted(raw.ids, [node])
            if folds:
                model._layers._sight.own[at] = layers._sight.own[at]
            np.testing.assert_array_equal(model._layers.of(model.graph_, at), layers.of(fitted.graph_, at))
            same += 1
    assert same > 3


def test_minesweeper(data_root):
    raw = read_raw(data_root, "minesweeper")
    estimator = RandomFeatureNet(hybrid=True, alpha=300.0)
    model = clone(estimator).fit(raw.build())
    assert model.score(metric="roc_auc") > 0.95
    paths = Counter()
    for number in range(6):
        removal = draw_removal(raw, ("label", "edge", "node")[number % 3], 1, np.random.default_rng(number))
        smaller = copy.deepcopy(model)
        paths[smaller.unlearn(removal).path] += 1
    assert paths["local"] > 2
    assert_same(smaller, refit(estimator, raw.without(removal)))
