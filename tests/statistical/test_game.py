"""The distinguishing game: who sees the weights guesses whether a node was forgotten or never there."""

from __future__ import annotations

import numpy as np
import pytest

from oubli import Removal
from oubli.audit.forgetting.control import lower_epsilon
from oubli.graph import Graph
from oubli.models import CertifiedClassifier

RUNS = 3000
CONFIDENCE = 0.999
DELTA = 1e-2


class Played(CertifiedClassifier):
    """Draws its noise from a generator that the test owns."""

    generator: np.random.Generator
    factor = 1.0

    def _draw(self, shape):
        return self.factor * self.generator.standard_normal(shape)


class TenTimesTooQuiet(Played):
    """Adds a tenth of the noise that it accounts for."""

    factor = 0.1


def make_graph():
    generator = np.random.default_rng(5)
    labels = np.arange(16) % 2
    features = generator.standard_normal((16, 2)) + 0.5 * labels[:, None]
    edges = [(i, (i + 1) % 16) for i in range(16)]
    return Graph.from_edges(edges, features=features, labels=labels, train=np.arange(16) < 12, test=np.arange(16) >= 12)


def play(kind, mechanism, runs):
    """Return what the best linear statistic says of weights after a removal, and of weights of a fresh fit."""
    graph, request = make_graph(), Removal(nodes=[3])
    remaining = graph.without(request)
    estimator = {"mechanism": mechanism, "delta": DELTA, "alpha": 1.0, "noise_std": 0.45, "step_share": 1.0}
    generator = np.random.default_rng(11)
    given_out = {"removed": [], "never": []}
    spent = []
    for _ in range(runs):
        model = kind(**estimator)
        model.generator = generator
        model.fit(graph)
        receipt = model.unlearn(request)
        spent.append(1 - receipt.guarantee.budget)
        given_out["removed"].append(model.coef_.ravel())
        fresh = kind(**estimator)
        fresh.generator = generator
        given_out["never"].append(fresh.fit(remaining).coef_.ravel())
    removed, never = np.array(given_out["removed"]), np.array(given_out["never"])
    # The direction is learnt from the halves that choose the threshold as well.
    towards = removed[: runs // 2].mean(axis=0) - never[: runs // 2].mean(axis=0)
    return removed @ towards, never @ towards, float(np.median(spent))


@pytest.mark.parametrize("mechanism", ["output", "objective"])
def test_nobody_tells_better_than_claimed(mechanism):
    removed, never, spent = play(Played, mechanism, RUNS)
    # The weights were kept, and the residual takes a good part of the budget: the game is worth playing.
    assert 0.3 < spent <= 1.0
    assert lower_epsilon(removed, never, DELTA, CONFIDENCE) <= 1.0


@pytest.mark.parametrize("mechanism", ["output", "objective"])
def test_a_tenth_of_the_noise_is_caught(mechanism):
    removed, never, _ = play(TenTimesTooQuiet, mechanism, RUNS)
    assert lower_epsilon(removed, never, DELTA, CONFIDENCE) > 1.0


def test_the_bound_finds_what_is_there_and_no_more():
    generator = np.random.default_rng(0)
    for epsilon in (0.5, 2.0):
        # Randomised response: the truth with probability e^eps / (1 + e^eps).
        truth = np.exp(epsilon) / (1 + np.exp(epsilon))
        one, other = (generator.random((2, 20_000)) < np.array([[truth], [1 - truth]])).astype(float)
        noise = 1e-6 * generator.random((2, 20_000))
        found = lower_epsilon(one + noise[0], other + noise[1], 0.0, CONFIDENCE)
        assert 0.7 * epsilon < found <= epsilon
    same = generator.standard_normal((2, 4000))
    assert lower_epsilon(same[0], same[1], 0.0, CONFIDENCE) < 0.3
