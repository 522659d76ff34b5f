"""Certified removal as others do it: whole propagation, and a hidden layer of which nothing is promised."""

from __future__ import annotations

import numpy as np
import pytest
from tests.exactness.raw import KINDS, draw_removal, random_raw

from oubli import Removal, load_model
from oubli.baselines import CGUClassifier, HiddenLayerClassifier
from oubli.errors import InputError
from oubli.graph import generate_graph
from oubli.guarantees import Certified, Heuristic
from oubli.models import CertifiedClassifier


class SilentCGU(CGUClassifier):
    """No noise: what is given out is what was computed."""

    def _draw(self, shape):
        return np.zeros(shape)


class SilentCertified(CertifiedClassifier):
    """The same of the model that it is compared with."""

    def _draw(self, shape):
        return np.zeros(shape)


def test_propagating_anew_leaves_what_pushing_leaves():
    raw = random_raw(3, num_nodes=90, degree=3.0)
    settings = {"delta": 1e-3, "step_share": 0.0, "hops": 2}
    whole, local = SilentCGU(**settings).fit(raw.build()), SilentCertified(**settings).fit(raw.build())
    for number, kind in enumerate(KINDS):
        removal = draw_removal(raw, kind, 3, np.random.default_rng(number))
        raw = raw.without(removal)
        first, second = whole.unlearn(removal), local.unlearn(removal)
        assert first.path.startswith("propagated whole; ")
        assert isinstance(first.guarantee, Certified)
        assert second.rows_changed <= first.rows_changed
        np.testing.assert_allclose(whole.coef_, local.coef_, atol=1e-4)


def test_a_hidden_layer_promises_nothing_and_learns_something(tmp_path):
    graph = generate_graph(num_nodes=400, num_features=16, feature_noise=1.0, seed=3)
    model = HiddenLayerClassifier(hidden=16, epochs=150, alpha=1e-3).fit(graph)
    assert model.score(graph.test_nodes) > 0.7
    before = model.coef_.copy()
    receipt = model.unlearn(Removal(nodes=graph.train_nodes[:20]))
    assert isinstance(receipt.guarantee, Heuristic)
    assert not np.array_equal(model.coef_, before)
    model.save(tmp_path / "model")
    loaded = load_model(tmp_path / "model")
    assert np.array_equal(loaded.decision_function(), model.decision_function())
    loaded.unlearn(Removal(edges=loaded.graph_.edges[:3]))
    assert np.isfinite(loaded.decision_function()).all()


def test_the_same_seed_trains_the_same_layer():
    graph = generate_graph(num_nodes=200, seed=2)
    rows = [
        HiddenLayerClassifier(hidden=8, epochs=20, seed=seed).fit(graph)._embedding.rows(graph, np.arange(5))
        for seed in (0, 0, 1)
    ]
    assert np.array_equal(rows[0], rows[1])
    assert not np.array_equal(rows[0], rows[2])


def test_what_is_propagated_anew_leaves_no_residues():
    with pytest.raises(InputError, match="rmax"):
        CGUClassifier(rmax=1e-3).fit(generate_graph(num_nodes=50, seed=1))


@pytest.mark.parametrize(("name", "value"), [("hidden", 0), ("epochs", -1), ("seed", 0.5), ("hops", -1)])
def test_a_wrong_parameter_is_named(name, value):
    with pytest.raises(InputError, match=name):
        HiddenLayerClassifier(**{name: value}).fit(generate_graph(num_nodes=50, seed=1))


def test_after_a_removal_it_is_about_as_good_as_one_fitted_on_the_rest():
    graph = generate_graph(num_nodes=600, seed=4)
    removal = Removal(nodes=graph.train_nodes[:20], edges=graph.edges[-40:])
    settings = {"delta": 1e-4, "step_share": 0.0, "mechanism": "objective"}
    model = CGUClassifier(**settings).fit(graph)
    model.unlearn(removal)
    again = CGUClassifier(**settings).fit(graph.without(removal))
    # Noise is fresh each time, so the two agree in what they know and not in bytes.
    assert again.score() > 0.8
    assert abs(model.score() - again.score()) < 0.05
    assert np.mean(model.predict() == again.predict()) > 0.9
