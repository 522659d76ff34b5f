"""CertifiedClassifier: the residual it reports against one evaluated afresh, from its weights and graph alone."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from tests.exactness.raw import KINDS, draw_removal, random_raw

from oubli import Removal, load_model
from oubli.errors import AlreadyRemovedError, CertificateError, InputError, UnknownNodeError
from oubli.graph import generate_graph
from oubli.guarantees import Certified, Receipt
from oubli.guarantees.gaussian import hidden_shift
from oubli.models import CertifiedClassifier
from oubli.models.logistic_head import LogisticHead


class Seeded(CertifiedClassifier):
    """Noise that the test knows."""

    def _draw(self, shape):
        return np.random.default_rng(shape[0]).standard_normal(shape)


class Silent(CertifiedClassifier):
    """No noise: what is given out is what was computed."""

    def _draw(self, shape):
        return np.zeros(shape)


CONFIGURATIONS = {
    "exact": (Silent(), {}),
    "random walk, raw": (Silent(operator="random_walk", normalize=None, alpha=0.1), {"num_classes": 2}),
    "ppr": (Silent(weights="ppr", teleport=0.3, hops=3, step_share=0.0), {"strings": True}),
    "alternating": (Silent(weights="alternating", operator=0.3, step_share=1.0), {"num_classes": 4}),
    "own weights, projected": (Silent(weights=[0.5, 0.0, 2.0], projection=4), {"num_features": 30, "sparse": True}),
    "objective": (Seeded(mechanism="objective"), {}),
    "lazy": (Silent(rmax=1e-4, alpha=0.1), {}),
    "lazy, average": (Silent(rmax=1e-3, weights="average", hops=3, alpha=0.1, noise_std=1.0), {"num_classes": 2}),
}
WRONG = {
    "epsilon": [0, -1.0, float("nan"), float("inf"), "1", None, [], [1.0, 2.0]],
    "delta": [0.0, 1.0, -0.1, 2, None],
    "weights": ["gcn", [1.0], [0.0, 0.0, 0.0], [1.0, float("nan"), 0.0]],
    "hops": [-1, 65, 2.0, None],
    "rmax": [-1e-9, float("nan"), float("inf"), "0", None],
    "noise_std": [0, -1, float("inf")],
    "alpha": [0, -1, None],
    "mechanism": ["input", None],
    "operator": ["laplacian", 1.5],
    "normalize": ["l1", True],
    "projection": [0, 5000, "auto"],
    "fraction_bits": [3, 21],
    "step_share": [-0.1, 1.1, None],
}


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_a_wrong_parameter_is_named(name, value):
    with pytest.raises(InputError, match=name):
        CertifiedClassifier(**{name: value}).fit(random_raw(0).build())


def test_a_delta_that_would_give_a_node_away_is_warned_of():
    with pytest.warns(UserWarning, match="delta: 0.5 is more than one over"):
        CertifiedClassifier(delta=0.5).fit(random_raw(0).build())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        CertifiedClassifier(delta=1e-3).fit(random_raw(0).build())


def exact_rows(model):
    """Return exact embeddings of the training nodes, and their labels, from the model's graph alone."""
    if model.rmax:
        return dense_rows(model)
    fresh = clone(model)
    graph = fresh.graph_ = model.graph_.compacted()
    embedding = fresh._make_embedding().fit(graph)
    trains = np.isin(graph.node_ids, graph.train_nodes)
    return embedding.rows(graph, graph.split_slots("train")), graph.labels[trains]


def dense_rows(model):
    """Return embeddings without rounding, by dense algebra."""
    graph = model.graph_.compacted()
    place = {node: at for at, node in enumerate(graph.node_ids.tolist())}
    looped = np.eye(graph.num_nodes)
    for u, v in graph.edges.tolist():
        looped[place[u], place[v]] = looped[place[v], place[u]] = 1
    features = np.asarray(graph.features.todense() if hasattr(graph.features, "todense") else graph.features, float)
    lengths = np.linalg.norm(features, axis=1)
    features = features / np.where(lengths > 0, lengths, 1)[:, None]
    degrees = looped.sum(axis=1)
    state, total = features * degrees[:, None] ** -0.5, 0
    weights = {"sgc": [0, 0, 1], "average": [0.25] * 4}[model.weights]
    for hop, weight in enumerate(weights):
        if hop:
            state = looped @ state / degrees[:, None]
        total = total + weight * state
    trains = np.isin(graph.node_ids, graph.train_nodes)
    return (total * degrees[:, None] ** 0.5)[trains], graph.labels[trains]


def true_residual(model):
    """Return the gradient's norm at the weights given out, in extended precision, on exact rows."""
    rows, labels = exact_rows(model)
    rows, weights = rows.astype(np.longdouble), model.coef_.astype(np.longdouble)
    one_hot = labels[:, None] == model.classes_[None, :]
    targets = one_hot[:, 1:] if model.classes_.size == 2 else one_hot
    noise = np.zeros(weights.shape)
    if model.mechanism == "objective":
        noise = model.noise_std * model._draw(weights.shape)
    gradient = rows.T @ (1 / (1 + np.exp(-(rows @ weights))) - targets)
    gradient = gradient + model.alpha * len(rows) * weights + noise
    return float(np.linalg.norm(gradient.astype(np.float64)))


def assert_certified(model, receipt=None):
    account = model.odometer_
    assert true_residual(model) <= account.residual
    assert account.residual <= account.budget
    assert account.budget == pytest.approx(0.75 * model.noise_std * hidden_shift(model.epsilon, model.delta))
    if receipt is not None:
        left = 1 - account.residual / account.budget
        assert receipt.guarantee == Certified(model.epsilon, model.delta, account.residual, pytest.approx(left))
        assert Receipt.from_json(receipt.to_json()).guarantee.residual == account.residual


@pytest.fixture(params=CONFIGURATIONS)
def case(request):
    estimator, options = CONFIGURATIONS[request.param]
    return estimator, random_raw(3, num_nodes=90, degree=3.0, **options)


def test_the_residual_covers_the_true_one_after_every_kind_of_removal(case):
    estimator, raw = case
    model = clone(estimator).fit(raw.build())
    assert_certified(model)
    residuals = set()
    for number in range(15):
        removal = draw_removal(raw, KINDS[number % 5], 1 + number % 3, np.random.default_rng(number))
        raw = raw.without(removal)
        receipt = model.unlearn(removal)
        assert_certified(model, receipt)
        residuals.add(receipt.guarantee.residual)
    assert len(residuals) > 8
    account = model.odometer_
    assert (account.requests, account.releases, account.retrainings) == (15, 16, 0)
    assert model.graph_.num_nodes == raw.build().num_nodes


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1), kinds=st.lists(st.sampled_from(KINDS), min_size=1, max_size=6), lazy=st.booleans()
)
def test_any_sequence_is_certified(seed, kinds, lazy):
    generator = np.random.default_rng(seed)
    raw = random_raw(seed % 1000, num_nodes=40, degree=2.5)
    model = Silent(rmax=1e-4 if lazy else 0.0, alpha=0.1, delta=1e-3).fit(raw.build())
    for kind in kinds:
        removal = draw_removal(raw, kind, int(generator.integers(1, 4)), generator)
        try:
            model.unlearn(removal)
        except InputError:
            continue  # a class would be emptied
        raw = raw.without(removal)
        assert_certified(model)


class KeepsOldRows(LogisticHead):
    """Puts rows in without taking the former ones out."""

    def _take_out(self, places):
        """Leave them."""


class ForgetsThePenalty(LogisticHead):
    """Goes on with the number of rows that it began with."""

    def drop(self, slots):
        super().drop(slots)
        self.count += slots.size


@pytest.mark.parametrize("broken", [KeepsOldRows, ForgetsThePenalty])
def test_a_residual_that_is_too_small_is_caught(broken, monkeypatch):
    monkeypatch.setattr("oubli.models.certified.LogisticHead", broken)
    raw = random_raw(3, num_nodes=90, degree=3.0)

    def forget_and_check():
        for number in range(12):
            model = Silent(step_share=1.0).fit(raw.build())
            model.unlearn(draw_removal(raw, KINDS[number % 5], 4, np.random.default_rng(number)))
            assert_certified(model)

    # Either by the comparison, or since no step makes sense of such a gradient.
    with pytest.raises((AssertionError, CertificateError)):
        forget_and_check()


def test_weights_stay_while_noise_hides_the_residual_and_move_when_asked():
    graph = generate_graph(num_nodes=400, seed=2)
    request = Removal(edges=graph.edges[:1])
    patient, eager = (Silent(step_share=share, noise_std=1.0).fit(graph) for share in (1.0, 0.0))
    before = patient.coef_.copy(), eager.coef_.copy()
    assert "weights kept" in patient.unlearn(request).path
    assert np.array_equal(patient.coef_, before[0])
    assert "1 Newton step" in eager.unlearn(request).path
    assert not np.array_equal(eager.coef_, before[1])
    assert (patient.odometer_.newton_steps, eager.odometer_.newton_steps) == (0, 1)
    assert patient.odometer_.forecast > 0
    assert eager.odometer_.forecast is None
    # Weights that moved are those of a fit on what remains, to what the budget leaves.
    fresh = Silent(noise_std=1.0).fit(graph.without(request))
    reach = 2 * fresh.odometer_.budget / (fresh.alpha * fresh.graph_.train_nodes.size)
    for model in (patient, eager):
        assert np.linalg.norm(model.coef_ - fresh.coef_) <= reach


def test_noise_is_fresh_with_output_and_stays_with_objective():
    graph = generate_graph(num_nodes=200, seed=2)
    models = {name: CertifiedClassifier(mechanism=name, delta=1e-3, step_share=1.0) for name in ("output", "objective")}
    for name, model in models.items():
        model.fit(graph)
        first, digest = model.coef_.copy(), model.weights_digest()
        model.unlearn(Removal(labels=graph.test_nodes[:1]))
        assert np.array_equal(model.coef_, first) == (name == "objective")
        assert (model.weights_digest() == digest) == (name == "objective")
        again = clone(model).fit(graph)
        assert not np.array_equal(again.coef_, first)
    spread = np.std([clone(models["output"]).fit(graph).coef_ for _ in range(40)], axis=0, ddof=1)
    assert np.median(spread) == pytest.approx(0.1 / (1e-2 * graph.train_nodes.size), rel=0.2)


def test_two_classes_have_one_column_and_scores_of_both():
    raw = random_raw(3, num_nodes=90, num_classes=2)
    model = Silent(delta=1e-3).fit(raw.build())
    assert model.coef_.shape[1] == 1
    scores = model.decision_function()
    assert np.array_equal(scores[:, 0], -scores[:, 1])
    assert 0 <= model.score(raw.test) <= 1


def test_a_request_that_would_empty_a_class_is_refused_and_changes_nothing():
    raw = random_raw(3, num_nodes=90)
    model = CertifiedClassifier(delta=1e-3).fit(raw.build())
    digest, account = model.digest(), model.odometer_
    labels = raw.labels[np.searchsorted(raw.ids, raw.train)]
    for request in (Removal(labels=raw.train[labels == labels[0]]), Removal(nodes=raw.train[labels == labels[0]])):
        with pytest.raises(InputError, match=r"class .* would have no training node left, .* nothing was changed"):
            model.unlearn(request)
    with pytest.raises(UnknownNodeError):
        model.unlearn(Removal(nodes=[10**9]))
    absent = next((u, v) for u in raw.ids for v in raw.ids if u < v and not ((raw.edges == (u, v)).all(axis=1)).any())
    with pytest.raises(InputError):
        model.unlearn(Removal(edges=[absent]))
    assert (model.digest(), model.odometer_) == (digest, account)
    model.unlearn(Removal(nodes=raw.test[:1]))
    with pytest.raises(AlreadyRemovedError):
        model.unlearn(Removal(nodes=raw.test[:1]))


def test_one_class_is_refused():
    with pytest.raises(InputError, match="2 classes"):
        CertifiedClassifier().fit(random_raw(0, num_classes=1).build())


def test_saved_and_loaded_it_goes_on(case, tmp_path):
    estimator, raw = case
    model = clone(estimator).fit(raw.build())
    generator = np.random.default_rng(0)
    for number in range(3):
        removal = draw_removal(raw, KINDS[number], 2, generator)
        raw = raw.without(removal)
        model.unlearn(removal)
        model.save(tmp_path / "model")
        model = load_model(tmp_path / "model")
        assert_certified(model)
    assert model.odometer_.requests == 3


def test_what_was_saved_is_what_is_loaded(tmp_path):
    graph = generate_graph(num_nodes=200, seed=2)
    model = CertifiedClassifier(delta=1e-3).fit(graph)
    model.unlearn(Removal(nodes=graph.train_nodes[:2]))
    model.save(tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    assert (loaded.digest(), loaded.odometer_) == (model.digest(), model.odometer_)
    assert np.array_equal(loaded.decision_function(), model.decision_function())


def test_a_budget_that_no_fit_can_meet_is_an_error():
    raw = replace(random_raw(0), val=random_raw(0).val[:0])
    with pytest.raises(CertificateError, match="noise_std"):
        CertifiedClassifier(noise_std=1e-18).fit(raw.build())
