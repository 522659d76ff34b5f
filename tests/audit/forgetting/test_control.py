"""Exact methods leave equal bytes, certified ones stay within their bound, and variants that do not are caught."""

from dataclasses import replace

import numpy as np
import pytest

from oubli import Removal
from oubli.audit.forgetting.control import Distinguished, Game, play
from oubli.audit.forgetting.methods import parse_method
from oubli.graph import Graph, generate_graph
from oubli.models import CertifiedClassifier, SGCRidge


def make_game():
    drawn = generate_graph(120, seed=3)
    order = np.random.default_rng(0).permutation(drawn.node_ids)
    graph = Graph.from_edges(
        drawn.edges, features=drawn.features, labels=drawn.labels, train=order[:80], val=order[80:95], test=order[95:]
    )
    edges = graph.edges[::9]
    return Game(graph, Removal(edges=edges), np.unique(edges), edges)


class KeepsItsWeights(SGCRidge):
    """Gives up the data and keeps what it learned from it."""

    def unlearn(self, removal, **options):
        kept = self.weights_digest()
        receipt = super().unlearn(removal, **options)
        self.kept = kept
        return receipt

    def weights_digest(self):
        return vars(self).get("kept") or super().weights_digest()


class Whispers(CertifiedClassifier):
    """Adds a thousandth of the noise that it accounts for."""

    def _draw(self, shape):
        return 1e-3 * super()._draw(shape)


def test_exact_leaves_nothing_to_tell():
    line = play(make_game(), parse_method("exact"), 10, seed=0)
    assert line["bytes_equal"]
    assert (line["advantage"], line["advantage_high"], line["epsilon_low"]) == (0.0, 0.0, 0.0)
    assert line["within"]


def test_bytes_that_differ_are_told_every_time():
    broken = replace(parse_method("exact"), make=lambda seed: KeepsItsWeights())
    line = play(make_game(), broken, 10, seed=0)
    assert line["bytes_equal"] is False
    assert line["advantage"] == 1.0
    assert not line["within"]


@pytest.mark.parametrize("name", ["certified", "certified:0.25", "cgu"])
@pytest.mark.filterwarnings("ignore:delta:UserWarning")
def test_certified_stays_within_its_bound(name):
    told = []
    line = play(make_game(), parse_method(name), 8, seed=0, told=lambda done, total: told.append((done, total)))
    assert line["advantage_low"] <= line["bound"]
    assert line["within"]
    assert line["draws"] == 40
    assert told[-1] == (40, 40)


@pytest.mark.parametrize("kind", [CertifiedClassifier, Whispers])
@pytest.mark.filterwarnings("ignore:delta:UserWarning")
def test_too_little_noise_is_caught(kind):
    # The weights are kept, and the residual takes three quarters of the budget: the game is worth playing.
    settings = {"epsilon": 0.25, "noise_std": 10.0, "step_share": 1.0}
    method = replace(parse_method("certified:0.25"), make=lambda seed: kind(**settings))
    line = play(make_game(), method, 10, seed=0)
    if kind is CertifiedClassifier:
        assert line["within"]
        return
    assert line["advantage_low"] > line["bound"]
    assert not line["within"]
    assert line["epsilon_low"] > line["epsilon_claimed"]


@pytest.mark.filterwarnings("ignore:delta:UserWarning")
def test_an_epsilon_above_the_claim_is_not_within_it(monkeypatch):
    # Of rare events the advantage is small, whatever epsilon is.
    rare = Distinguished("any", advantage=0.2, low=0.1, high=0.3, epsilon=1.5, draws=40)
    monkeypatch.setattr("oubli.audit.forgetting.control.game.distinguish", lambda *given: rare)
    line = play(make_game(), parse_method("certified"), 4, seed=0)
    assert line["advantage_low"] < line["bound"]
    assert line["within"] is False
