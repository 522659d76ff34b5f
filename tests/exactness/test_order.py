"""The bytes depend on what remains: not on the order of requests, of input, nor on how the sums are kept."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.base import clone
from tests.exactness.raw import KINDS, draw_removal, random_raw
from tests.exactness.reference import assert_same, refit
from tests.propagation.switch import switch

from oubli import Graph, Removal
from oubli.models import CorrectAndSmooth, SGCRidge, sgc

GRID = (0.01, 1.0, 100.0)
ESTIMATORS = [
    pytest.param(SGCRidge(hops=2, alpha=GRID), id="random walk"),
    pytest.param(SGCRidge(hops=3, operator="symmetric", alpha=GRID), id="symmetric"),
    pytest.param(SGCRidge(hops=2, representation="concat", class_weight="balanced"), id="concatenated"),
    pytest.param(CorrectAndSmooth(SGCRidge(hops=1), correction=(0.0, 0.8), iterations=5), id="smooth"),
]


def two_requests(raw, seed):
    """Return two mixed requests that share nothing, so that either may come first."""
    generator = np.random.default_rng(seed)
    first = Removal()
    for kind in KINDS:
        first |= draw_removal(raw, kind, 2, generator)
    rest = raw.without(first)
    second = Removal()
    for kind in KINDS:
        second |= draw_removal(rest, kind, 2, generator)
    # What goes with a node of the second request cannot be asked for after it.
    kept = [name for name in first.features if name not in second.nodes]
    labels = [name for name in first.labels if name not in second.nodes]
    edges = [edge for edge in first.edges if not set(edge) & set(second.nodes)]
    return Removal(first.nodes, edges, kept, labels), second


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("seed", range(3))
def test_either_request_first_or_both_at_once(estimator, seed, request):
    request.addfinalizer(lambda: switch("as it is"))
    switch("never")
    raw = random_raw(seed, num_nodes=80, degree=2.0)
    a, b = two_requests(raw, seed)
    models = [clone(estimator).fit(raw.build()) for _ in range(3)]
    for model, requests in zip(models, [(a, b), (b, a), (a | b,)], strict=True):
        for request in requests:
            model.unlearn(request)
    fresh = refit(estimator, raw.without(a | b), seed)
    for model in models:
        assert_same(model, fresh)


@pytest.mark.parametrize("estimator", ESTIMATORS)
@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
def test_input_order_edge_direction_and_repeats_do_not_matter(estimator, sparse):
    raw = random_raw(5, num_nodes=60, sparse=sparse, strings=True)
    model = clone(estimator).fit(raw.build())
    for seed in range(3):
        assert_same(model, refit(estimator, raw, seed))
    doubled = replace(raw, edges=np.concatenate([raw.edges, raw.edges[::-1, ::-1]]))
    assert_same(model, refit(estimator, doubled))


def test_sparse_and_dense_features_give_the_same_bytes():
    sparse = random_raw(7, num_nodes=60, num_features=11, sparse=True)
    dense = replace(sparse, features=sparse.features.toarray())
    for projection in (None, 5):
        estimator = SGCRidge(projection=projection)
        assert_same(refit(estimator, dense), refit(estimator, sparse))


def test_another_graph_has_another_digest():
    """The digests that are compared above tell graphs apart: one feature, edge, label, training node or node."""
    raw = random_raw(3, num_nodes=50)
    features = raw.features.copy()
    features[np.flatnonzero(features.any(axis=1))[0], 0] += np.float32(0.01)
    labels = raw.labels.copy()
    first = np.flatnonzero(raw.ids == raw.train[0])[0]
    labels[first] = (labels[first] + 1) % 3
    others = [
        replace(raw, features=features),
        replace(raw, edges=raw.edges[1:]),
        replace(raw, labels=labels),
        replace(raw, train=raw.train[1:]),
        raw.without(Removal(nodes=raw.ids[-1:])),
    ]
    digests = {refit(SGCRidge(), other).digest() for other in [raw, *others]}
    assert len(digests) == 1 + len(others)


def wide(num_nodes, num_features, train_share, seed=0):
    """Return a graph with more columns than the direct solve takes."""
    raw = random_raw(seed, num_nodes, num_features, degree=3.0, sparse=True)
    labelled = raw.ids[raw.labels >= 0]
    cut = int(train_share * labelled.size)
    return replace(raw, train=labelled[:cut], val=labelled[cut : cut + 20], test=labelled[cut + 20 :])


@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_rows_kept_for_the_dual_form(class_weight):
    raw = wide(60, 600, 0.6)
    estimator = SGCRidge(hops=2, class_weight=class_weight)
    model = clone(estimator).fit(raw.build())
    assert model._engine.gram is None
    generator = np.random.default_rng(1)
    for kind in KINDS:
        removal = draw_removal(raw, kind, 2, generator)
        model.unlearn(removal)
        raw = raw.without(removal)
        assert_same(model, refit(estimator, raw, 2))


def test_from_sums_to_rows_when_training_nodes_become_fewer_than_columns():
    raw = wide(600, 515, 0.92)
    assert raw.train.size > 515
    estimator = SGCRidge(hops=1)
    model = clone(estimator).fit(raw.build())
    assert model._engine.gram is not None
    goes = Removal(labels=raw.train[: raw.train.size - 515])
    model.unlearn(goes)
    assert model._engine.gram is None
    assert_same(model, refit(estimator, raw.without(goes)))


def test_the_projection_is_chosen_again_when_training_nodes_go(monkeypatch):
    monkeypatch.setattr(sgc, "WIDE", 20)
    monkeypatch.setattr(sgc, "PROJECTED", 7)
    raw = random_raw(2, num_nodes=60, num_features=25)
    assert raw.train.size > 20
    estimator = SGCRidge(hops=2)
    few = Removal(labels=raw.train[1:2])
    many = Removal(labels=raw.train[2 : raw.train.size - 15])
    model, frozen = (clone(estimator).fit(raw.build()) for _ in range(2))
    for level, changed in (("reselected", model), ("frozen", frozen)):
        changed.unlearn(few, level=level)
        assert changed.choices_["projection"] == 7
    receipt = model.unlearn(many)
    assert receipt.changed_choices == {"projection": 7}
    assert model.choices_["projection"] is None
    remains = raw.without(few | many)
    assert_same(model, refit(estimator, remains))
    frozen.unlearn(many, level="frozen")
    assert frozen.level_ == "frozen"
    assert frozen.digest() != model.digest()
    assert_same(frozen, refit(estimator, remains, choices={"alpha": 1.0, "projection": 7}))
    frozen.unlearn(Removal())
    assert_same(frozen, model)


def test_a_graph_with_no_edges_and_one_with_nothing_but_labels():
    bare = Graph.from_edges([], labels=[0, 1, 0, 1, 1], train=[0, 1, 2], test=[3, 4])
    model = SGCRidge().fit(bare)
    model.unlearn(Removal(labels=[2]))
    assert model.digest() == SGCRidge().fit(bare.without(Removal(labels=[2]))).digest()
    raw = random_raw(1, degree=0.0)
    raw = replace(raw, edges=raw.edges[:0])
    model = SGCRidge(operator="symmetric").fit(raw.build())
    removal = Removal(nodes=raw.train[:2], features=raw.val[:1])
    model.unlearn(removal)
    assert_same(model, refit(SGCRidge(operator="symmetric"), raw.without(removal)))
