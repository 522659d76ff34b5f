"""What CertifiedClassifier claims, where it could be false: each test once failed, or would if a claim were dropped."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import kstest

from oubli import Graph, Removal, load_model, verify
from oubli.errors import CertificateError, InputError
from oubli.graph import generate_graph
from oubli.guarantees.noise import system_normal
from oubli.models import CertifiedClassifier, CorrectAndSmooth, RoutedClassifier
from oubli.models.logistic_head import LogisticHead


@pytest.fixture(scope="module")
def graph():
    return generate_graph(num_nodes=200, seed=2)


def only_removed_differs(graph):
    """Return the request of an edge between two nodes that do not train."""
    trained = np.isin(graph.edges, graph.train_nodes).any(axis=1)
    return Removal(edges=graph.edges[~trained][:1])


@pytest.mark.parametrize("rmax", [0.0, 1e-2])
def test_predictions_are_those_weights_on_what_remains(graph, rmax, tmp_path):
    # Reserves that were not pushed hold what a removed neighbour sent: scores made of them would tell of it.
    model = CertifiedClassifier(rmax=rmax, noise_std=50.0, weights="average", step_share=1.0).fit(graph)
    fitted_scores = model.decision_function()
    request = only_removed_differs(graph)
    model.unlearn(request)
    assert "kept" in model.unlearn(Removal(nodes=graph.test_nodes[:1])).path
    fresh = CertifiedClassifier(rmax=rmax, noise_std=50.0, weights="average", step_share=1.0)
    fresh.fit(graph.without(request).without(Removal(nodes=graph.test_nodes[:1])))
    fresh.coef_ = model.coef_
    assert model.decision_function().tobytes() == fresh.decision_function().tobytes()
    assert model.decision_function(fresh.graph_.node_ids[::-1]).shape == fresh.decision_function().shape
    model.save(tmp_path / "model")
    assert load_model(tmp_path / "model").decision_function().tobytes() == fresh.decision_function().tobytes()
    assert fitted_scores.shape[0] == fresh.decision_function().shape[0] + 1


def test_it_does_not_pass_for_exact_within_another(graph):
    certified = CertifiedClassifier()
    for outer in (
        CorrectAndSmooth(certified),
        CorrectAndSmooth(CorrectAndSmooth(certified)),
        RoutedClassifier(assortative=certified),
        RoutedClassifier(heterophilous=[CorrectAndSmooth(certified)]),
    ):
        with pytest.raises(InputError, match="CertifiedClassifier are not exact"):
            outer.fit(graph)


@pytest.mark.parametrize("mechanism", ["output", "objective"])
def test_verify_finds_weights_that_were_changed(graph, mechanism):
    model = CertifiedClassifier(mechanism=mechanism).fit(graph)
    stale = model.to_state()[1]
    model.unlearn(Removal(nodes=graph.train_nodes[:60]))
    description, arrays = model.to_state()

    def told(**changed):
        return verify(CertifiedClassifier.from_state(description, arrays | changed))

    assert told().identical
    # Weights from before, in any combination; and a term that would excuse any weights.
    assert not told(weights=stale["weights"]).identical
    assert not told(weights=stale["weights"], coef=stale["weights"]).identical
    assert not told(coef=arrays["coef"] + 1.0).identical
    assert not told(coef=0 * arrays["coef"]).identical
    zero = told(weights=0 * arrays["weights"], noise=arrays["noise"] + 10.0)
    assert not zero.identical
    assert zero.certificate["chance"] < 1e-9 or zero.certificate["residual"] > zero.certificate["budget"]


def test_a_term_that_excuses_any_weights_is_found(graph):
    model = CertifiedClassifier(mechanism="objective").fit(graph)
    description, arrays = model.to_state()
    weights = 0 * arrays["weights"]
    model._head.resume(weights, weights)
    excuse = {"weights": weights, "coef": weights, "noise": -model._head.gradient}
    outcome = verify(CertifiedClassifier.from_state(description, arrays | excuse))
    assert outcome.certificate["residual"] <= outcome.certificate["budget"]
    assert outcome.certificate["chance"] < 1e-9
    assert not outcome.identical


def test_a_request_that_removes_nothing_gives_out_nothing(graph):
    # Noise is averaged away by who sees many draws of it on the same weights.
    model = CertifiedClassifier().fit(graph)
    given, account = model.coef_, model.odometer_
    for request, missing in ((Removal(), "error"), (Removal(nodes=[10**9]), "ignore")):
        receipt = model.unlearn(request, missing=missing)
        assert "nothing to forget" in receipt.path
        assert (receipt.rows_changed, receipt.reached) == (0, [])
        assert np.array_equal(model.coef_, given)
        assert model.odometer_ == account
    model.unlearn(Removal(labels=graph.test_nodes[:1]))
    assert not np.array_equal(model.coef_, given)


def test_the_length_of_rows_survives_the_loss_of_the_longest():
    generator = np.random.default_rng(0)
    rows = generator.standard_normal((2000, 3))
    rows[0] = 1e12
    head = LogisticHead(np.arange(2000), rows.copy(), np.zeros(2000, np.int64), 1, 0.1)
    head.resume(np.ones((3, 1)), np.zeros((3, 1)))
    head.drop(np.array([0]))
    bounds = np.full(3, 1e-3)
    true = np.linalg.norm(bounds) + np.linalg.norm(rows[1:]) * np.abs(bounds).sum() / 4
    assert head.embedding_error(bounds) >= true


@pytest.mark.parametrize("scale", [{"alpha": 1e-320}, {"alpha": 1e307}, {"noise_std": 1e-300, "alpha": 1e9}])
def test_numbers_that_are_none_do_not_pass(graph, scale):
    with pytest.raises(CertificateError, match="noise_std"):
        CertifiedClassifier(**scale).fit(graph)


@pytest.mark.parametrize("name", ["epsilon", "delta", "rmax", "noise_std", "alpha", "step_share"])
@pytest.mark.parametrize("value", [[0.5], (0.5,), np.array([0.5])])
def test_a_sequence_of_one_number_is_no_number(graph, name, value):
    with pytest.raises(InputError, match=f"{name}: expected one number"):
        CertifiedClassifier(**{name: value}).fit(graph)


def test_an_epsilon_that_hides_nothing_is_refused(graph):
    CertifiedClassifier(epsilon=32).fit(graph)
    with pytest.raises(InputError, match="at most 32"):
        CertifiedClassifier(epsilon=33.0).fit(graph)


def test_a_forecast_of_ages_is_a_number(graph):
    model = CertifiedClassifier(noise_std=1e90, step_share=1.0, weights=[1e-3, 0.0, 1e-3]).fit(graph)
    model.unlearn(Removal(nodes=graph.train_nodes[:20]))
    assert model.odometer_.forecast is None or model.odometer_.forecast > 10**6


def test_tails_of_the_noise_are_as_they_should_be():

    draws = np.abs(system_normal((400_000,)))
    assert kstest(system_normal((50_000,)), "norm").pvalue > 1e-9
    assert (draws > 3.0).mean() == pytest.approx(2.7e-3, rel=0.2)


def test_noise_reaches_as_far_as_epsilon_needs(monkeypatch):
    zeros = np.zeros(3, np.uint64)
    monkeypatch.setattr("oubli.guarantees.noise.os.urandom", lambda size: zeros.tobytes()[:size])
    assert abs(system_normal((1,))[0]) > 11.0
    ones = np.full(3, 2**64 - 1, np.uint64)
    monkeypatch.setattr("oubli.guarantees.noise.os.urandom", lambda size: ones.tobytes()[:size])
    assert 0 <= abs(system_normal((1,))[0]) < 1e-15


def test_every_graph_at_the_edge_of_what_there_is(graph):
    bare = {"labels": graph.labels, "train": graph.train_nodes}
    graphs = [
        Graph.from_edges(graph.edges, **bare),
        Graph.from_edges(graph.edges, features=np.zeros((200, 3), np.float32), **bare),
        Graph.from_edges(np.empty((0, 2), int), features=graph.features, **bare),
    ]
    for odd in graphs:
        for options in ({}, {"rmax": 1e-2}, {"hops": 0}, {"hops": 0, "rmax": 1e-2}, {"mechanism": "objective"}):
            model = CertifiedClassifier(**options).fit(odd)
            model.unlearn(Removal(nodes=[5], labels=graph.train_nodes[-1:]))
            assert model.odometer_.residual <= model.odometer_.budget
            assert model.predict().shape == (199,)
            assert verify(model).identical if options == {"rmax": 1e-2} else True


def test_all_but_one_node_a_class(graph):
    model = CertifiedClassifier().fit(graph)
    label = dict(zip(graph.node_ids.tolist(), graph.labels.tolist(), strict=True))
    kept = {label[node]: node for node in graph.train_nodes.tolist()}
    receipt = model.unlearn(Removal(nodes=np.setdiff1d(graph.node_ids, list(kept.values()))))
    assert receipt.remaining["training_nodes"] == model.classes_.size == len(kept)
    assert verify(model).identical
