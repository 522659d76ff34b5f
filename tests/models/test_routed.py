"""RoutedClassifier: which candidate is kept, before and after removals that change it."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
from sklearn.base import clone
from tests.exactness.raw import KINDS, draw_removal, random_raw
from tests.exactness.reference import assert_same, refit
from tests.exactness.test_sequences import Unlearning, run

import oubli
from oubli import Removal, load_model
from oubli.errors import AlreadyRemovedError, InputError
from oubli.graph import generate_graph
from oubli.guarantees import Exact, Receipt
from oubli.models import CorrectAndSmooth, LCFNet, RandomFeatureNet, RoutedClassifier, SGCRidge
from oubli.models.homophily import HomophilyCounters

GRID = [0.01, 1.0, 100.0]
SMOOTH = CorrectAndSmooth(SGCRidge(hops=1), correction=[0.0, 0.9], iterations=4)
PLAIN = SGCRidge(hops=2, operator="symmetric", alpha=GRID)
COMPARED = RoutedClassifier(assortative=SMOOTH, heterophilous=PLAIN)
RULED = RoutedClassifier(assortative=SMOOTH, heterophilous=PLAIN, router="homophily", threshold=0.1, minimum_edges=4)
SEVERAL = [SGCRidge(hops=3, operator=0.0), SMOOTH, SGCRidge(hops=1, alpha=GRID)]
"""Close enough to each other that the best of them changes."""

WRONG = {
    "router": ["coin", None, True],
    "threshold": [1.1, -2, float("nan"), "0.35", None, [0.1], True],
    "minimum_edges": [-1, 2.5, "many", None],
    "scoring": ["f1", None],
    "assortative": ["sgc", SGCRidge, 3, []],
    "heterophilous": [SGCRidge, 3, (), [SGCRidge(), None]],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_a_wrong_parameter_is_named(name, value):
    estimator = clone(COMPARED)
    setattr(estimator, name, value)
    with pytest.raises(InputError, match=name):
        estimator.fit(random_raw(0).build())


def test_parameters_of_the_candidate_not_fitted_are_checked_too():
    wrong = clone(RULED).set_params(minimum_edges=2**20, heterophilous=CorrectAndSmooth(SGCRidge(hops=0)))
    with pytest.raises(InputError, match="hops"):
        wrong.fit(random_raw(0).build())


def test_validation_nodes_are_needed_to_compare():
    bare = replace(random_raw(0), val=random_raw(0).val[:0]).build()
    with pytest.raises(InputError, match=r'router: .* val=, or router="homophily"'):
        RoutedClassifier(assortative=SGCRidge(), heterophilous=SGCRidge(hops=1)).fit(bare)
    ruled = RoutedClassifier(assortative=SGCRidge(), heterophilous=SGCRidge(hops=1), router="homophily")
    assert ruled.fit(bare).route_ == "assortative"
    with pytest.raises(InputError, match="val="):
        clone(RULED).fit(bare)


def trained_edges(raw):
    """Return a mask of the edges between training nodes, and one of the edges that join like labels."""
    labels = raw.labels[np.searchsorted(raw.ids, raw.edges)]
    return np.isin(raw.edges, raw.train).all(axis=1), labels[:, 0] == labels[:, 1]


def test_homophily_decides_and_few_edges_do_not():
    raw = random_raw(1, num_nodes=120, degree=8.0)
    trained, _ = trained_edges(raw)
    model = refit(clone(RULED).set_params(threshold=-1), raw)
    assert model.validation_scores_ is None
    assert model.homophily_ == HomophilyCounters.from_graph(raw.build()).adjusted
    at = model.homophily_
    above = np.nextafter(at, 1).item()
    cases = [(at, 4, "assortative"), (above, 4, "heterophilous"), (above, int(trained.sum()) + 1, "assortative")]
    for threshold, minimum, route in cases:
        model = refit(clone(RULED).set_params(threshold=threshold, minimum_edges=minimum), raw)
        assert model.route_ == route
        candidate = refit(SMOOTH if route == "assortative" else PLAIN, raw)
        assert model.choices_ == {"route": route, "model": candidate.choices_}
        assert model.decision_function().tobytes() == candidate.decision_function().tobytes()
    alone = replace(raw, edges=raw.edges[:0])
    unknown = refit(clone(RULED).set_params(minimum_edges=0, threshold=1), alone)
    assert (unknown.homophily_, unknown.route_) == (None, "assortative")


def test_the_better_on_validation_is_kept_and_the_assortative_one_of_equals():
    kept = set()
    for seed in range(8):
        raw = random_raw(seed, num_nodes=60)
        model = refit(COMPARED, raw)
        candidates = {"assortative": refit(SMOOTH, raw), "heterophilous": refit(PLAIN, raw)}
        scores = {route: candidate.score(raw.val) for route, candidate in candidates.items()}
        assert model.validation_scores_ == scores
        assert model.score(raw.val) == max(scores.values())
        best = "heterophilous" if scores["heterophilous"] > scores["assortative"] else "assortative"
        assert model.choices_ == {"route": best, "model": candidates[best].choices_}
        kept.add((best, scores["heterophilous"] == scores["assortative"]))
    assert {best for best, _ in kept} == {"assortative", "heterophilous"}
    assert refit(RoutedClassifier(assortative=PLAIN, heterophilous=PLAIN), raw).route_ == "assortative"


def test_several_of_a_side_are_compared():
    kept = set()
    for seed in range(16):
        raw = random_raw(seed, num_nodes=60)
        estimator = RoutedClassifier(assortative=PLAIN, heterophilous=SEVERAL)
        model = refit(estimator, raw)
        names = ["assortative", "heterophilous 1", "heterophilous 2", "heterophilous 3"]
        scores = [refit(candidate, raw).score(raw.val) for candidate in (PLAIN, *SEVERAL)]
        assert model.validation_scores_ == dict(zip(names, scores, strict=True))
        assert list(model.candidates_) == names
        assert model.route_ == names[int(np.argmax(scores))]
        kept.add(model.route_)
        # By homophily, those of one side alone.
        ruled = refit(estimator.set_params(router="homophily", threshold=1, minimum_edges=0), raw)
        assert ruled.validation_scores_ == dict(zip(names[1:], scores[1:], strict=True))
        alone = refit(estimator.set_params(threshold=-1), raw)
        assert (alone.validation_scores_, alone.route_) == (None, "assortative")
    assert len(kept) > 2


def test_several_of_a_side_need_validation_nodes_and_scores_that_can_be():
    raw = random_raw(4, num_nodes=100, degree=8.0)
    two = RoutedClassifier(assortative=SGCRidge(), heterophilous=[SGCRidge(hops=1), SGCRidge()])
    two.set_params(router="homophily", threshold=1, minimum_edges=0)
    with pytest.raises(InputError, match=r"router: .* one candidate a side"):
        clone(two).fit(replace(raw, val=raw.val[:0]).build())
    model = refit(two, raw)
    digest = model.digest()
    with pytest.raises(InputError, match="too few validation nodes"):
        model.unlearn(Removal(labels=raw.val))
    assert model.digest() == digest
    model.unlearn(Removal(labels=raw.val), level="frozen")


def test_one_graph_and_templates_left_alone():
    graph = random_raw(0).build()
    model = clone(COMPARED).fit(graph)
    assert model.graph_ is model.model_.graph_
    assert not hasattr(model.assortative, "graph_")
    assert not hasattr(model.heterophilous, "graph_")


@pytest.mark.parametrize("alike", [True, False], ids=["like", "unlike"])
def test_a_removal_of_edges_turns_the_route_by_homophily(alike):
    raw = random_raw(4, num_nodes=100, degree=8.0)
    trained, like = trained_edges(raw)
    at = refit(RULED, raw).homophily_
    estimator = clone(RULED).set_params(threshold=at if alike else np.nextafter(at, 1).item())
    model, frozen = (clone(estimator).fit(raw.build()) for _ in range(2))
    before = model.choices_
    gone = Removal(edges=raw.edges[trained & (like == alike)][:5], labels=raw.test[:1])
    receipt = model.unlearn(gone)
    turned = ("assortative", "heterophilous") if alike else ("heterophilous", "assortative")
    assert (before["route"], model.route_) == turned
    assert receipt.changed_choices == before
    assert receipt.choices == model.choices_
    assert receipt.rows_changed == raw.train.size
    assert "fitted anew" in receipt.path
    assert Receipt.from_json(receipt.to_json()) == receipt
    assert_same(model, refit(estimator, raw.without(gone)))
    with pytest.raises(AlreadyRemovedError):
        model.unlearn(gone)
    receipt = frozen.unlearn(gone, level="frozen")
    assert receipt.guarantee == Exact("frozen")
    assert receipt.changed_choices == {}
    assert (frozen.choices_, frozen.homophily_) == (before, model.homophily_)
    assert_same(frozen, refit(estimator, raw.without(gone), choices=before))
    # What was kept is chosen again as soon as a removal asks for it.
    assert frozen.unlearn(Removal()).changed_choices == before
    assert_same(frozen, model)


def test_a_removal_turns_the_route_by_validation():
    turns, moves = set(), 0
    for seed in range(14):
        raw = random_raw(seed, num_nodes=60)
        gone = Removal(labels=[*raw.val[: raw.val.size // 2], *raw.train[: raw.train.size // 2]])
        model, frozen = (clone(COMPARED).fit(raw.build()) for _ in range(2))
        before = model.choices_
        receipt = model.unlearn(gone)
        fresh = refit(COMPARED, raw.without(gone))
        assert_same(model, fresh)
        assert model.validation_scores_ == fresh.validation_scores_
        assert receipt.changed_choices == {k: v for k, v in before.items() if fresh.choices_[k] != v}
        assert "fitted anew" in receipt.path
        frozen.unlearn(gone, level="frozen")
        assert frozen.validation_scores_ is None
        assert_same(frozen, refit(COMPARED, raw.without(gone), choices=before))
        if model.route_ != before["route"]:
            turns.add(model.route_)
        elif receipt.changed_choices:
            assert set(receipt.changed_choices) == {"model"}
            moves += 1
    assert turns == {"assortative", "heterophilous"}
    assert moves


def test_only_the_candidate_to_be_chosen_needs_validation_nodes():
    raw = random_raw(4, num_nodes=100, degree=8.0)
    bare = replace(raw, val=raw.val[:0])
    trained, like = trained_edges(raw)
    estimator = clone(RULED).set_params(assortative=SGCRidge())
    estimator.set_params(threshold=HomophilyCounters.from_graph(raw.build()).adjusted)
    model = refit(estimator, bare)
    other = Removal(nodes=bare.test[:2])
    model.unlearn(other)
    turning = Removal(edges=raw.edges[trained & like][:9])
    digest = model.digest()
    with pytest.raises(InputError, match='level="frozen"'):
        model.unlearn(turning, missing="ignore")
    assert model.digest() == digest
    assert model.route_ == "assortative"
    model.unlearn(turning, missing="ignore", level="frozen")
    assert model.route_ == "assortative"


def test_a_router_within_a_router_and_one_that_is_smoothed():
    raw = random_raw(2, num_nodes=90, degree=6.0)
    inner = clone(RULED).set_params(threshold=0.0)
    nested = [
        RoutedClassifier(assortative=SGCRidge(hops=1), heterophilous=inner, router="homophily", threshold=1.0),
        RoutedClassifier(assortative=inner, heterophilous=COMPARED),
        CorrectAndSmooth(inner, iterations=3),
    ]
    nested[0].set_params(minimum_edges=3)
    generator = np.random.default_rng(0)
    models = [clone(estimator).fit(raw.build()) for estimator in nested]
    remains = raw
    for kind in KINDS:
        removal = draw_removal(remains, kind, 4, generator)
        remains = remains.without(removal)
        for model, estimator in zip(models, nested, strict=True):
            model.unlearn(removal)
            assert_same(model, refit(estimator, remains))


def test_the_candidates_without_any_given():
    raw = random_raw(3, num_nodes=80, num_features=8)
    scoring = "balanced_accuracy"
    model = RoutedClassifier(scoring=scoring).fit(raw.build())
    shares = {"correction": [0.0, 0.5, 0.8, 0.95], "smoothing": [0.0, 0.3, 0.5, 0.8], "scoring": scoring}
    linear = SGCRidge(hops=3, representation="concat", alpha=[0.01, 0.1, 1.0, 10.0], scoring=scoring)
    layers = LCFNet(layers=2, bandwidth=[0.1, 0.3, 1.0], alpha=[0.1, 0.3, 1.0], scoring=scoring)
    candidates = {
        "assortative": CorrectAndSmooth(linear, **shares),
        "heterophilous 1": RandomFeatureNet(alpha=[30.0, 100.0, 300.0, 1000.0], scoring=scoring),
        "heterophilous 2": CorrectAndSmooth(layers, **shares),
    }
    fitted = {name: refit(candidate, raw) for name, candidate in candidates.items()}
    assert model.validation_scores_ == {name: each.score(raw.val, scoring) for name, each in fitted.items()}
    kept = fitted[model.route_]
    assert model.choices_["model"] == kept.choices_
    assert model.decision_function().tobytes() == kept.decision_function().tobytes()


@pytest.mark.parametrize("route", ["assortative", "heterophilous"])
def test_layers_as_a_candidate(route):
    layers = LCFNet(layers=1, random_features=8, bandwidth=[0.1, 1.0], label_folds=2)
    estimator = RoutedClassifier(assortative=SMOOTH, heterophilous=CorrectAndSmooth(layers, iterations=3))
    estimator.set_params(router="homophily", minimum_edges=0, threshold=-1 if route == "assortative" else 1)
    raw = random_raw(7, num_nodes=70, degree=6.0)
    model = refit(estimator, raw)
    assert model.route_ == route
    estimator.set_params(router="validation")
    compared = refit(estimator, raw)
    generator = np.random.default_rng(0)
    for kind in KINDS:
        removal = draw_removal(raw, kind, 3, generator)
        raw = raw.without(removal)
        for changed in (model, compared):
            changed.unlearn(removal)
            assert_same(changed, refit(clone(changed), raw))


def test_a_candidate_that_needs_two_classes_is_named_before_anything_changes():
    estimator = RoutedClassifier(assortative=SMOOTH, heterophilous=CorrectAndSmooth(LCFNet(layers=0)))
    with pytest.raises(InputError, match="LCFNet needs training nodes of 2 classes"):
        estimator.fit(random_raw(0, num_classes=1).build())
    raw = random_raw(0, num_classes=2)
    model = refit(estimator, raw)
    digest = model.digest()
    with pytest.raises(InputError, match=r"LCFNet needs .* nothing was changed"):
        model.unlearn(Removal(labels=raw.train[raw.labels[np.searchsorted(raw.ids, raw.train)] == 1]))
    assert model.digest() == digest


@pytest.mark.parametrize(
    ("estimator", "levels"),
    [
        (COMPARED, ["frozen", "reselected"]),
        (RULED, ["frozen"]),
        (RoutedClassifier(assortative=(SMOOTH,), heterophilous=SEVERAL), ["reselected"]),
        (clone(RULED).set_params(heterophilous=SEVERAL, threshold=1), ["frozen", "reselected"]),
    ],
)
def test_saved_loaded_and_verified(estimator, levels, tmp_path):
    graph = generate_graph(num_nodes=200, num_features=8, seed=2)
    model = clone(estimator).fit(graph)
    for level in levels:
        model.unlearn(Removal(nodes=model.graph_.train_nodes[:2]), level=level)
        model.save(tmp_path / "model")
        loaded = load_model(tmp_path / "model")
        for name in ("route_", "homophily_", "validation_scores_", "level_"):
            assert getattr(loaded, name) == getattr(model, name), name
        assert_same(loaded, model)
    checked = oubli.verify(loaded)
    assert (checked.identical, checked.level) == (True, levels[-1])


def test_the_scores_compared_are_kept_but_not_part_of_the_digest():
    model = refit(COMPARED, random_raw(1, num_nodes=60))
    description, arrays = model.to_state()
    given = refit(COMPARED, random_raw(1, num_nodes=60), choices=model.choices_)
    assert given.validation_scores_ is None
    assert given.digest() == model.digest()
    assert arrays.keys() - given.to_state()[1].keys() == {"validation_scores"}
    assert model.validation_scores_.keys() & set(str(description)) == set()


def test_what_removed_labels_named_leaves_the_description_of_both_candidates():
    weights = {0: 2.0, 1: 1.0, 2: 5.0}
    raw = random_raw(5, num_nodes=60)
    estimator = RoutedClassifier(
        assortative=CorrectAndSmooth(SGCRidge(class_weight=weights), iterations=2),
        heterophilous=[SGCRidge(class_weight=weights), SGCRidge(hops=1, class_weight=weights)],
    )
    model = refit(estimator, raw)
    model.unlearn(Removal(labels=raw.ids[raw.labels == 2]))
    params = model.to_state()[0]["model"]["params"]
    for template in (params["assortative"]["params"]["base"], *params["heterophilous"]):
        assert template["params"]["class_weight"] == {"pairs": [[0, 2.0], [1, 1.0]]}


class Routing(Unlearning):
    """The sequences that every model has to stand, with either router."""

    estimators: ClassVar = {
        "compared": COMPARED,
        "ruled": RULED,
        "several": clone(RULED).set_params(heterophilous=SEVERAL),
    }
    switches = ("as it is",)


def test_every_sequence_of_requests_leaves_the_bytes_of_a_fresh_fit():
    run(Routing, max_examples=12, stateful_step_count=8)


class NeverTurns(RoutedClassifier):
    """Says "reselected" and keeps the route."""

    def _forget(self, plan, level):
        return super()._forget(plan, "frozen")


class StaleCounters(RoutedClassifier):
    """Does not count again."""

    def _forget(self, plan, level):
        before = self._counters
        account = super()._forget(plan, level)
        self._counters = before
        return account


@pytest.mark.parametrize("router", ["validation", "homophily"])
@pytest.mark.parametrize("broken", [NeverTurns, StaleCounters])
def test_a_model_that_forgets_wrongly_is_caught(broken, router):
    class Machine(Routing):
        estimators: ClassVar = {"broken": broken(**(COMPARED if router == "validation" else RULED).get_params(False))}

        def save_and_load(self):
            """Variants defined here are fitted, not loaded."""

    with pytest.raises(AssertionError):
        run(Machine, max_examples=40, stateful_step_count=8, derandomize=True)
