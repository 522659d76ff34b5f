"""What every estimator promises, whichever it is."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np
import pytest
from sklearn.base import clone
from tests.exactness.raw import KINDS, draw_removal, random_raw
from tests.exactness.reference import assert_same, refit

from oubli import Graph, Removal, load_model
from oubli.errors import AlreadyRemovedError, InputError, NotFittedError, OubliError, UnknownNodeError
from oubli.graph.state import graph_to_arrays
from oubli.guarantees import Exact, Receipt
from oubli.models import (
    CertifiedClassifier,
    CorrectAndSmooth,
    LCFNet,
    NodeClassifier,
    RandomFeatureNet,
    RoutedClassifier,
    SGCRidge,
)

GRID = [0.01, 1.0, 100.0]
SHARES = [0.0, 0.8]
ESTIMATORS = {
    "sgc": SGCRidge(hops=2),
    "sgc, choosing": SGCRidge(hops=2, operator="symmetric", alpha=GRID, class_weight="balanced"),
    "smooth": CorrectAndSmooth(SGCRidge(hops=1), iterations=5),
    "smooth, choosing": CorrectAndSmooth(SGCRidge(alpha=GRID), correction=SHARES, smoothing=SHARES, iterations=5),
    "routed by validation": RoutedClassifier(
        assortative=CorrectAndSmooth(SGCRidge(hops=1), iterations=5), heterophilous=SGCRidge(alpha=GRID)
    ),
    "routed by homophily": RoutedClassifier(
        assortative=SGCRidge(hops=1), heterophilous=SGCRidge(), router="homophily", minimum_edges=5, threshold=0.0
    ),
    "layers": LCFNet(layers=1, random_features=8, components=4, alpha=GRID),
    "random features": RandomFeatureNet(messages=12, alpha=10.0),
    "random features, choosing": RandomFeatureNet(hops=1, messages=8, alpha=GRID),
    "random features, hybrid": RandomFeatureNet(messages=8, hybrid=True),
    "random features, hybrid with folds": RandomFeatureNet(messages=4, hybrid=True, label_folds=2, alpha=GRID),
    "random features, smooth": CorrectAndSmooth(RandomFeatureNet(messages=8), iterations=5),
    "layers, smooth": CorrectAndSmooth(LCFNet(layers=1, random_features=8, label_folds=2, head="linear"), iterations=5),
}
CERTIFIED = {
    "certified": CertifiedClassifier(),
    "certified, lazily": CertifiedClassifier(rmax=1e-3, alpha=0.1),
    "certified, objective": CertifiedClassifier(mechanism="objective", weights="ppr"),
}
"""Their noise is fresh, so what is said of bytes of a fresh fit is not said of them."""

OTHER = {
    CertifiedClassifier: {"hops": 3},
    SGCRidge: {"hops": 3},
    CorrectAndSmooth: {"iterations": 7, "base__hops": 3},
    LCFNet: {"layers": 2},
    RandomFeatureNet: {"messages": 9},
    RoutedClassifier: {"threshold": 0.5, "heterophilous__hops": 3},
}


@pytest.fixture(params=ESTIMATORS)
def estimator(request):
    return clone((ESTIMATORS | CERTIFIED)[request.param])


whether_exact_or_not = pytest.mark.parametrize("estimator", [*ESTIMATORS, *CERTIFIED], indirect=True)


@pytest.fixture
def raw():
    return random_raw(11, num_nodes=80, degree=3.0)


@pytest.fixture
def model(estimator, raw):
    return estimator.fit(raw.build())


def frozen_graph(graph):
    return {name: array.tobytes() for name, array in graph_to_arrays(graph).items()}


@whether_exact_or_not
def test_parameters_are_kept_as_given_and_cloned(estimator):
    params = estimator.get_params(deep=False)
    twin = type(estimator)(**params)
    assert all(getattr(twin, name) is value for name, value in params.items())
    other = clone(estimator)
    assert other is not estimator
    assert repr(other) == repr(estimator)
    change = OTHER[type(estimator)]
    assert other.set_params(**change) is other
    deep = other.get_params()
    assert {name: deep[name] for name in change} == change
    assert repr(other) != repr(estimator)
    assert clone(other).get_params().keys() == deep.keys()


@whether_exact_or_not
def test_unknown_parameters(estimator):
    with pytest.raises(InputError, match="'colour'"):
        estimator.set_params(colour=1)
    with pytest.raises(InputError, match="has no parameter"):
        CorrectAndSmooth(SGCRidge()).set_params(base__colour=1)
    with pytest.raises(InputError, match="base"):
        CorrectAndSmooth().set_params(base__hops=1)
    with pytest.raises(TypeError):
        type(estimator)(colour=1)


@whether_exact_or_not
def test_not_fitted(estimator, tmp_path):
    calls = [
        estimator.predict,
        estimator.decision_function,
        estimator.score,
        estimator.digest,
        lambda: estimator.save(tmp_path / "model"),
        lambda: estimator.unlearn(Removal(nodes=[1])),
    ]
    for call in calls:
        with pytest.raises(NotFittedError, match="fit"):
            call()
    assert not (tmp_path / "model").exists()


@whether_exact_or_not
def test_fit_takes_a_graph_with_training_nodes(estimator, raw):
    with pytest.raises(InputError, match="Graph"):
        estimator.fit(raw.edges)
    with pytest.raises(InputError, match="train"):
        estimator.fit(replace(raw, train=raw.train[:0]).build())


@whether_exact_or_not
def test_fit_and_unlearn_leave_the_callers_graph_alone(estimator, raw):
    graph = raw.build()
    before = frozen_graph(graph)
    estimator.fit(graph)
    estimator.unlearn(draw_removal(raw, "node", 5, np.random.default_rng(0)))
    estimator.unlearn(Removal(features=estimator.graph_.node_ids[estimator.graph_.features.any(axis=1)][:3]))
    assert frozen_graph(graph) == before


def test_fitting_again_is_fitting_anew(model, estimator, raw):
    digest = model.digest()
    model.unlearn(Removal(nodes=raw.ids[:3]))
    assert model.digest() != digest
    assert model.fit(raw.build()).digest() == digest


@whether_exact_or_not
def test_rows_come_in_the_order_asked_for(model, raw):
    everyone = model.decision_function()
    assert everyone.shape == (raw.ids.size, model.classes_.size)
    order = np.random.default_rng(0).permutation(raw.ids.size)
    asked = [*raw.ids[order].tolist(), raw.ids[0].item()]
    np.testing.assert_array_equal(model.decision_function(asked), everyone[[*order, 0]])
    np.testing.assert_array_equal(model.predict(asked), model.classes_[everyone.argmax(axis=1)][[*order, 0]])
    assert model.predict([]).shape == (0,)
    right = model.predict(raw.test) == raw.labels[np.searchsorted(raw.ids, raw.test)]
    assert model.score() == model.score(raw.test[::-1]) == right.mean()
    assert model.classes_.tolist() == sorted(set(raw.labels[np.isin(raw.ids, raw.train)].tolist()))


@whether_exact_or_not
def test_scores_that_cannot_be_given(model, raw):
    bare = raw.ids[raw.labels < 0][:1]
    with pytest.raises(InputError, match="no label"):
        model.score(bare)
    with pytest.raises(InputError, match="no labelled nodes"):
        model.score([])
    with pytest.raises(InputError, match="metric"):
        model.score(metric="f1")
    with pytest.raises(InputError, match="roc_auc"):
        model.score(metric="roc_auc")
    for call in (model.predict, model.decision_function, model.score):
        with pytest.raises(UnknownNodeError, match="99999"):
            call([99999])
    with pytest.raises(InputError, match="integers and strings"):
        model.predict(["a"])


def test_saving_and_loading_keeps_everything(model, estimator, raw, tmp_path):
    generator = np.random.default_rng(1)
    first = draw_removal(raw, "node", 3, generator) | draw_removal(raw, "label", 1, generator)
    model.unlearn(first, level="frozen")
    model.save(tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    assert type(loaded) is type(model)
    assert loaded.level_ == model.level_
    assert_same(loaded, model)
    assert loaded.score() == model.score()
    assert clone(loaded).fit(raw.build()).digest() == clone(estimator).fit(raw.build()).digest()
    remains = raw.without(first)
    for kind in KINDS:
        removal = draw_removal(remains, kind, 2, generator)
        receipts = [m.unlearn(removal).to_dict() for m in (model, loaded)]
        for told in receipts:
            told.pop("seconds"), told.pop("created")
        assert receipts[0] == receipts[1]
        assert_same(loaded, model)
        remains = remains.without(removal)
        loaded.save(tmp_path / "model")
        loaded = load_model(tmp_path / "model")
    assert_same(loaded, refit(estimator, remains))
    with pytest.raises(AlreadyRemovedError):
        loaded.unlearn(Removal(nodes=first.nodes[:1]))


def refused(raw):
    """Return requests that must be refused, each together with a good part, and the error."""
    good = {"nodes": raw.ids[-2:-1]}
    u, v = raw.edges[0].tolist()
    strangers = next((a, b) for a in raw.ids.tolist() for b in raw.ids.tolist() if a < b and (a, b) not in pairs(raw))
    zero = raw.ids[~raw.features.any(axis=1)][:1]
    return [
        (Removal(**good, labels=[99999]), UnknownNodeError),
        (Removal(**good, features=[99999]), UnknownNodeError),
        (Removal(**good, edges=[(99999, u)]), UnknownNodeError),
        (Removal(nodes=[99999, v]), UnknownNodeError),
        (Removal(nodes=["a"]), UnknownNodeError),
        (Removal(**good, edges=[strangers]), InputError),
        (Removal(**good, features=zero), InputError),
        (Removal(**good, labels=raw.ids[raw.labels < 0][:1]), InputError),
    ]


def pairs(raw):
    return {tuple(sorted(pair)) for pair in raw.edges.tolist()}


@whether_exact_or_not
def test_what_is_not_there_is_refused_whole(model, raw):
    digest, graph = model.digest(), frozen_graph(model.graph_)
    for removal, error in refused(raw):
        for level in ("frozen", "reselected"):
            with pytest.raises(error):
                model.unlearn(removal, level=level)
        assert model.digest() == digest
        assert frozen_graph(model.graph_) == graph
    for wrong in ({"missing": "skip"}, {"level": "approximate"}):
        with pytest.raises(InputError, match=next(iter(wrong))):
            model.unlearn(Removal(nodes=raw.ids[:1]), **wrong)
    with pytest.raises(InputError, match="Removal"):
        model.unlearn([1, 2])
    assert model.digest() == digest


@whether_exact_or_not
def test_what_was_removed_cannot_be_removed_again(model, raw):
    featured = raw.ids[raw.features.any(axis=1)]
    node, feature, label = raw.edges[0, 0].item(), featured[-1].item(), raw.train[-1].item()
    edge = next(pair for pair in raw.edges.tolist() if node not in pair)
    done = Removal(nodes=[node], edges=[edge], features=[feature], labels=[label])
    model.unlearn(done)
    digest = model.digest()
    for again in (
        Removal(nodes=[node]),
        Removal(edges=[edge[::-1]]),
        Removal(features=[feature]),
        Removal(labels=[label]),
        Removal(edges=[raw.edges[0]]),
    ):
        with pytest.raises(AlreadyRemovedError, match="removed before"):
            model.unlearn(again)
    assert model.digest() == digest
    receipt = model.unlearn(done, missing="ignore")
    assert receipt.ignored == {"nodes": [node], "edges": [sorted(edge)], "features": [feature], "labels": [label]}
    assert receipt.removed == {"nodes": 0, "edges": 0, "features": 0, "labels": 0}
    assert Receipt.from_json(receipt.to_json()) == receipt
    assert model.digest() == digest


def test_what_is_missing_is_passed_over_and_the_rest_is_honoured(model, estimator, raw):
    good = Removal(nodes=raw.ids[:2], labels=raw.val[:1])
    receipt = model.unlearn(good | Removal(nodes=[99999], edges=[(99999, 99998)]), missing="ignore")
    assert receipt.ignored == {"nodes": [99999], "edges": [[99998, 99999]]}
    assert_same(model, refit(estimator, raw.without(good)))


@whether_exact_or_not
def test_the_training_set_cannot_be_emptied(model, raw):
    digest = model.digest()
    half = raw.train.size // 2
    everyone = Removal(nodes=raw.train[:half], labels=raw.train[half - 1 :])
    for removal in (everyone, Removal(labels=raw.train), Removal.subgraph(raw.ids)):
        with pytest.raises(InputError, match="no training node would remain"):
            model.unlearn(removal)
        assert model.digest() == digest


def test_validation_cannot_be_emptied_while_it_is_needed(model, estimator, raw):
    gone = Removal(labels=raw.val)
    digest = model.digest()
    if model._selection_metrics():
        with pytest.raises(InputError, match="frozen"):
            model.unlearn(gone)
        assert model.digest() == digest
        choices = model.choices_
        model.unlearn(gone, level="frozen")
        assert_same(model, refit(estimator, raw.without(gone), choices=choices))
    else:
        model.unlearn(gone)
        assert_same(model, refit(estimator, raw.without(gone)))


def test_a_class_that_vanishes(model, estimator, raw):
    of_last = raw.train[raw.labels[np.searchsorted(raw.ids, raw.train)] == 2]
    gone = Removal(labels=of_last[1:], nodes=of_last[:1])
    assert model.classes_.tolist() == [0, 1, 2]
    receipt = model.unlearn(gone)
    assert receipt.classes_lost == [2]
    assert model.classes_.tolist() == [0, 1]
    remains = raw.without(gone)
    assert_same(model, refit(estimator, remains))
    assert set(model.predict().tolist()) <= {0, 1}
    lost = remains.test[remains.labels[np.searchsorted(remains.ids, remains.test)] == 2]
    assert lost.size
    assert model.score(lost) == 0.0
    kept = np.setdiff1d(remains.test, lost)
    share = kept.size / remains.test.size
    assert model.score() == pytest.approx(model.score(kept) * share)


@whether_exact_or_not
def test_predictions_afterwards(model, raw):
    node = raw.edges[0, 0].item()
    label = next(v for v in raw.train.tolist() if v != node)
    feature = raw.ids[raw.features.any(axis=1) & ~np.isin(raw.ids, [node, label])][0].item()
    model.unlearn(Removal(nodes=[node], labels=[label], features=[feature]))
    with pytest.raises(AlreadyRemovedError, match=str(node)):
        model.predict([label, node])
    assert model.predict([label, feature]).shape == (2,)
    assert node not in model.graph_.node_ids
    assert label not in model.graph_.train_nodes
    assert not model.graph_.features[np.searchsorted(model.graph_.node_ids, feature)].any()
    with pytest.raises(InputError, match="no label"):
        model.score([label])


def test_receipts_count_what_went(model, raw):
    node = np.bincount(raw.edges.ravel()).argmax().item()
    around = int((raw.edges == node).any(axis=1).sum())
    edge = next(pair for pair in raw.edges.tolist() if node not in pair)
    asked = Removal(nodes=[node], edges=[edge, raw.edges[(raw.edges == node).any(axis=1)][0]], labels=[raw.train[-1]])
    trained = raw.train.size - np.isin([node, raw.train[-1]], raw.train).sum()
    receipt = model.unlearn(asked)
    assert receipt.removed == {"nodes": 1, "edges": around + 1, "features": 0, "labels": 1}
    assert receipt.remaining == {
        "nodes": raw.ids.size - 1,
        "edges": len(raw.edges) - around - 1,
        "training_nodes": trained,
    }
    assert receipt.guarantee == Exact("reselected")
    assert receipt.ignored == {}
    assert receipt.choices == model.choices_
    assert receipt.weights_sha256 == model.weights_digest()
    assert receipt.seconds > 0
    assert str(node) not in receipt.to_json().split('"removed"')[0]
    assert Receipt.from_json(receipt.to_json()) == receipt


@whether_exact_or_not
def test_nothing_asked_nothing_changed(model):
    digest = model.digest()
    receipt = model.unlearn(Removal())
    assert receipt.removed == {"nodes": 0, "edges": 0, "features": 0, "labels": 0}
    assert receipt.rows_changed == 0
    assert model.digest() == digest


class Stumbles(SGCRidge):
    """Is interrupted when the sums are brought up to date."""

    def _forget(self, plan, level):
        self._engine._update_sums = self.stumble
        return super()._forget(plan, level)

    def stumble(self, *args):
        raise KeyboardInterrupt


class SmoothStumbles(CorrectAndSmooth):
    """Is interrupted before it smooths again."""

    def _forget(self, plan, level):
        super()._forget(plan, level)
        raise MemoryError


class CertifiedStumbles(CertifiedClassifier):
    """Is interrupted when the rows have changed."""

    def _forget(self, plan, level):
        self._head.drop = self.stumble
        return super()._forget(plan, level)

    def stumble(self, slots):
        raise KeyboardInterrupt


STUMBLERS = [Stumbles(), SmoothStumbles(), CertifiedStumbles()]


@pytest.mark.parametrize("estimator", STUMBLERS, ids=["sgc", "smooth", "certified"])
def test_an_interrupted_change_is_not_answered_from(estimator, raw, tmp_path):
    model = estimator.fit(raw.build())
    with pytest.raises((KeyboardInterrupt, MemoryError)):
        model.unlearn(Removal(nodes=raw.train[:1]))
    calls = [
        model.predict,
        model.score,
        model.digest,
        lambda: model.save(tmp_path / "model"),
        lambda: model.unlearn(Removal()),
        lambda: model.to_state(),
    ]
    for call in calls:
        with pytest.raises(OubliError, match="interrupted"):
            call()
    assert not (tmp_path / "model").exists()
    assert model.fit(raw.build()).digest()


@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
def test_string_ids_and_string_labels(estimator, sparse):
    raw = random_raw(4, num_nodes=70, strings=True, sparse=sparse)
    names = np.array(["", "ash", "birch", "cedar"])[raw.labels + 1]
    raw = replace(raw, labels=names)
    model = estimator.fit(raw.build())
    assert model.classes_.tolist() == ["ash", "birch", "cedar"]
    removal = Removal(nodes=raw.ids[:2], labels=raw.train[-2:], edges=raw.edges[-2:])
    receipt = model.unlearn(removal)
    assert receipt.removed["labels"] == 2
    smaller = clone(estimator).fit(raw.build().without(removal))
    assert_same(model, smaller)
    assert set(model.predict().tolist()) <= {"ash", "birch", "cedar"}


def needed_classes(estimator):
    return getattr(estimator, "base", estimator).fewest_classes


@pytest.mark.parametrize("num_classes", [1, 2])
def test_one_class_and_two(estimator, num_classes):
    raw = random_raw(5, num_nodes=60, num_classes=num_classes)
    if num_classes < needed_classes(estimator):
        with pytest.raises(InputError, match="2 classes or more"):
            estimator.fit(raw.build())
        return
    model = estimator.fit(raw.build())
    assert model.decision_function().shape == (60, num_classes)
    removal = Removal(nodes=raw.ids[:4], labels=raw.train[-2:])
    model.unlearn(removal)
    assert_same(model, refit(estimator, raw.without(removal)))
    if num_classes == 1:
        assert model.score() == 1.0
    else:
        assert 0 <= model.score(metric="roc_auc") <= 1


@pytest.mark.filterwarnings("ignore:the graph has no features")
def test_isolated_nodes_and_no_edges_and_no_features(estimator):
    raw = random_raw(6, num_nodes=40)
    alone = replace(raw, edges=raw.edges[:0])
    bare = replace(raw, features=np.zeros((40, 0), np.float32))
    zero = replace(raw, features=np.zeros((40, 3), np.float32))
    for odd in (alone, bare, zero):
        model = clone(estimator).fit(odd.build())
        for kind in KINDS:
            removal = draw_removal(odd, kind, 2, np.random.default_rng(0))
            model.unlearn(removal)
            odd = odd.without(removal)
            assert_same(model, refit(estimator, odd))


def test_only_node_classifiers_are_estimators():
    with pytest.raises(TypeError):
        NodeClassifier()
    assert isinstance(SGCRidge().fit(Graph.from_edges([(0, 1)], labels=[0, 1], train=[0, 1])), NodeClassifier)


@whether_exact_or_not
def test_parameters_changed_after_fit_are_not_mixed_with_what_was_fitted(estimator, raw, tmp_path):
    model = estimator.fit(raw.build())
    model.save(tmp_path / "model")
    digest, before = model.digest(), model.get_params(deep=False)
    change = OTHER[type(estimator)]
    former = {name: model.get_params()[name] for name in change}
    model.set_params(**change)
    for call in (model.predict, model.digest, lambda: model.unlearn(Removal()), lambda: model.save(tmp_path / "model")):
        with pytest.raises(InputError, match="parameters were changed"):
            call()
    assert load_model(tmp_path / "model").digest() == digest
    model.set_params(**former)
    assert model.get_params(deep=False) == before
    assert model.digest() == digest


@whether_exact_or_not
def test_a_failed_fit_leaves_what_was_fitted(estimator, raw):
    unfitted = clone(estimator)
    digest = estimator.fit(raw.build()).digest()
    if needed_classes(estimator) > 1:
        # Layers standardise, whatever the size of the features; other graphs they refuse.
        for failing in (estimator, unfitted):
            with pytest.raises(InputError, match="2 classes"):
                failing.fit(replace(raw, train=raw.train[:1]).build())
        assert estimator.digest() == digest
        return
    too_large = Graph.from_edges(raw.edges, features=np.full((raw.ids.size, 2), 1e30), node_ids=raw.ids,
                                 labels=raw.labels, train=raw.train, val=raw.val)  # fmt: skip
    scalings = [name for name in estimator.get_params() if name.split("__")[-1] == "normalize"]
    for failing in (estimator, unfitted):
        failing.set_params(**dict.fromkeys(scalings))
        with pytest.raises(OubliError, match="beyond the integers"):
            failing.fit(too_large)
        failing.set_params(**dict.fromkeys(scalings, "l2"))
    assert estimator.digest() == digest
    with pytest.raises(NotFittedError):
        unfitted.predict()


@whether_exact_or_not
def test_a_forked_process_can_predict_and_forget(model, raw):
    child = os.fork()
    if child == 0:
        code = 1
        try:
            model.predict(raw.ids[:5])
            model.unlearn(Removal(nodes=raw.ids[:1]))
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0


@whether_exact_or_not
def test_a_save_elsewhere_does_not_make_an_older_state_pass_for_the_newest(model, raw, tmp_path):
    model.save(tmp_path / "here")
    stale = load_model(tmp_path / "here")
    stale.save(tmp_path / "there")
    model.unlearn(Removal(nodes=raw.ids[:1]))
    model.save(tmp_path / "here")
    with pytest.raises(InputError, match="changed the model meanwhile"):
        stale.save(tmp_path / "here")
    assert not load_model(tmp_path / "here").graph_.has_node(raw.ids[0].item())
