"""CorrectAndSmooth: parameters, choices, and a float oracle."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.base import clone
from tests.exactness.raw import random_raw, read_raw
from tests.exactness.reference import assert_same, refit
from tests.models.oracle import correct_and_smooth

from oubli import Graph, Removal, load_model
from oubli.errors import InputError
from oubli.models import CorrectAndSmooth, SGCRidge

WRONG = {
    "base": ["sgc", SGCRidge, 3],
    "correction": [1, 1.0, -0.1, float("nan"), "0.5", None, [], [0.5, 2], [0.5, None], True],
    "smoothing": [1, -1e-9, [], ["a"], [[0.5]]],
    "iterations": [0, -1, 10_001, 2.0, "3", None],
    "scoring": ["f1", None],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_a_wrong_parameter_is_named(name, value):
    with pytest.raises(InputError, match=name):
        CorrectAndSmooth(**{name: value}).fit(random_raw(0).build())


def test_a_wrong_parameter_of_the_base():
    with pytest.raises(InputError, match="hops"):
        CorrectAndSmooth(SGCRidge(hops=0)).fit(random_raw(0).build())


@pytest.mark.parametrize(("correction", "smoothing"), [(0.0, 0.0), (0.8, 0.0), (0.0, 0.8), (0.5, 0.9)])
@pytest.mark.parametrize("degree", [0.0, 1.0, 6.0])
def test_close_to_floats(correction, smoothing, degree):
    raw = random_raw(1, num_nodes=120, degree=degree)
    graph = raw.build()
    model = CorrectAndSmooth(SGCRidge(hops=1), correction=correction, smoothing=smoothing, iterations=12).fit(graph)
    base = SGCRidge(hops=1).fit(graph).decision_function()
    expected = correct_and_smooth(graph, base, correction, smoothing, 12)
    np.testing.assert_allclose(model.decision_function(), expected, rtol=1e-9, atol=1e-12)
    if correction != smoothing:
        swapped = correct_and_smooth(graph, base, smoothing, correction, 12)
        assert np.abs(swapped - expected).max() > 0.01


def test_close_to_floats_on_cora(data_root):
    graph = read_raw(data_root, "cora").build()
    model = CorrectAndSmooth(iterations=20).fit(graph)
    base = SGCRidge().fit(graph)
    expected = correct_and_smooth(graph, base.decision_function(), 0.8, 0.8, 20)
    np.testing.assert_allclose(model.decision_function(), expected, rtol=1e-8, atol=1e-11)


def test_only_training_labels_are_used():
    raw = random_raw(2, num_nodes=80)
    hidden = np.isin(raw.ids, raw.test)
    turned = replace(raw, labels=np.where(hidden, (raw.labels + 1) % 3, raw.labels))
    models = [refit(CorrectAndSmooth(), given) for given in (raw, turned)]
    assert models[0].digest() == models[1].digest()
    assert models[0].decision_function().tobytes() == models[1].decision_function().tobytes()


def test_the_pair_is_the_best_on_validation_and_the_smallest_of_equals():
    shares = [0.9, 0.0, 0.5]
    chosen_pairs = set()
    for seed in range(6):
        raw = random_raw(seed, num_nodes=60)
        scores = {
            (a, b): refit(CorrectAndSmooth(correction=a, smoothing=b, iterations=6), raw).score(raw.val)
            for a in shares
            for b in shares
        }
        best = min(pair for pair, score in scores.items() if score == max(scores.values()))
        model = refit(CorrectAndSmooth(correction=shares, smoothing=shares, iterations=6), raw)
        assert (model.choices_["correction"], model.choices_["smoothing"]) == best
        chosen_pairs.add(best)
    assert len(chosen_pairs) > 1
    with pytest.raises(InputError, match="validation"):
        CorrectAndSmooth(correction=shares).fit(Graph.from_edges([(0, 1)], labels=[0, 1], train=[0, 1]))


def test_frozen_keeps_both_shares_and_the_bases_alpha():
    estimator = CorrectAndSmooth(
        SGCRidge(alpha=[0.01, 1.0, 100.0]), correction=[0.0, 0.9], smoothing=[0.0, 0.9], iterations=5
    )
    moved = 0
    for seed in range(12):
        raw = random_raw(seed, num_nodes=50)
        gone = Removal(labels=[*raw.val[: raw.val.size // 2], *raw.train[: raw.train.size // 2]])
        frozen, reselected = (clone(estimator).fit(raw.build()) for _ in range(2))
        before = frozen.choices_
        assert frozen.unlearn(gone, level="frozen").guarantee.level == "frozen"
        receipt = reselected.unlearn(gone)
        assert frozen.choices_ == before
        assert receipt.changed_choices == {k: v for k, v in before.items() if reselected.choices_[k] != v}
        moved += bool(receipt.changed_choices)
        assert_same(frozen, refit(estimator, raw.without(gone), choices=before))
        assert_same(reselected, refit(estimator, raw.without(gone)))
    assert moved


def test_smoothing_twice(tmp_path):
    raw = random_raw(3, num_nodes=60)
    estimator = CorrectAndSmooth(CorrectAndSmooth(SGCRidge(), iterations=2), iterations=3, smoothing=0.3)
    model = clone(estimator).fit(raw.build())
    model.save(tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    assert_same(loaded, model)
    removal = Removal(nodes=raw.ids[:3])
    loaded.unlearn(removal)
    fresh = refit(estimator, raw.without(removal))
    assert fresh.digest() == loaded.digest()
    assert fresh.decision_function().tobytes() == loaded.decision_function().tobytes()


def test_the_base_given_is_not_fitted():
    base = SGCRidge()
    model = CorrectAndSmooth(base).fit(random_raw(0).build())
    assert not hasattr(base, "graph_")
    assert model.base is base
    assert model.base_.graph_ is model.graph_
