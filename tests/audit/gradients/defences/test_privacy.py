"""Epsilon against other bounds, and against what an attacker can do."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from oubli.audit.gradients import Defence
from oubli.audit.gradients.defences import ClipAndNoise, Float16, epsilon, parse_defence
from oubli.errors import InputError
from oubli.guarantees.gaussian import shift_delta


def renyi_epsilon(shift, delta):
    """Return the bound of Mironov, "Renyi differential privacy" (2017), proposition 3, over many orders."""
    orders = 1 + np.logspace(-8, 6, 4000)
    return (orders * shift**2 / 2 + math.log(1 / delta) / (orders - 1)).min()


@settings(max_examples=200, deadline=None)
@given(st.floats(1e-4, 100), st.integers(1, 10_000), st.floats(1e-12, 0.5))
def test_epsilon_is_the_smallest_that_holds(sigma, rounds, delta):
    found, shift = epsilon(ClipAndNoise(sigma=sigma), rounds, delta), 2 * math.sqrt(rounds) / sigma
    assert shift_delta(found, shift) <= delta
    assert found == 0 or shift_delta(found * (1 - 1e-6), shift) > delta
    assert found <= renyi_epsilon(shift, delta)


@pytest.mark.parametrize(
    ("sigma", "rounds", "expected", "renyi"),
    [
        (2.0, 1, 4.3771780957, 4.7285070672),
        (1.0, 1, 9.9972561464, 10.7255096964),
        (1.0, 20, 77.3300905792, 81.1163084553),
        (4.0, 20, 11.4800228092, 12.3016914800),
    ],
)
def test_values_of_another_accountant(sigma, rounds, expected, renyi):
    # dp-accounting 0.6.0, Gaussian events of multiplier sigma / 2, delta 1e-5: get_epsilon_gaussian, which its PLD
    # accountant agrees with to 1e-7, and its accountant of Renyi divergences, which is looser.
    found = epsilon(ClipAndNoise(sigma=sigma), rounds, 1e-5)
    assert found == pytest.approx(expected, rel=1e-9)
    assert found <= renyi


def test_a_guarantee_that_a_likelihood_ratio_reaches():
    # Two clients whose updates are opposite and long: the best test of the messages, at its best threshold.
    defence, rounds, delta = ClipAndNoise(sigma=3.0, clip=0.7), 4, 0.01
    up = {"W1": torch.tensor([30.0, 40.0], dtype=torch.float64)}
    down = {"W1": -up["W1"]}
    generator, direction = torch.Generator().manual_seed(0), torch.tensor([0.6, 0.8], dtype=torch.float64)

    def evidence(update):
        return sum(float(defence.share(update, generator)["W1"] @ direction) for _ in range(rounds))

    seen = np.array([[evidence(up), evidence(down)] for _ in range(4000)])
    deviation = defence.sigma * defence.clip * math.sqrt(rounds)
    np.testing.assert_allclose(seen.mean(0), [rounds * 0.7, -rounds * 0.7], atol=4 * deviation / 4000**0.5)
    np.testing.assert_allclose(seen.std(0), deviation, rtol=0.05)
    # With exactly this mean and deviation, the trade-off at the likelihood ratio's threshold is delta.
    found = epsilon(defence, rounds, delta)
    threshold = found * deviation**2 / (2 * rounds * 0.7)
    reached = norm.sf(threshold, rounds * 0.7, deviation) - math.exp(found) * norm.sf(
        threshold, -rounds * 0.7, deviation
    )
    assert reached == pytest.approx(delta, rel=1e-6)


def test_more_rounds_cost_more_and_more_noise_costs_less():
    many = [epsilon(ClipAndNoise(sigma=1.0), rounds) for rounds in (1, 10, 100)]
    loud = [epsilon(ClipAndNoise(sigma=sigma), 10) for sigma in (1e-4, 1e-2, 1, 100)]
    assert many == sorted(many)
    assert loud == sorted(loud, reverse=True)
    assert epsilon(ClipAndNoise(sigma=1.0, clip=9.0)) == many[0]


def test_what_has_no_noise_has_no_guarantee():
    for defence in (Defence(), Float16(), parse_defence("batch:8+top-k:0.01")):
        assert epsilon(defence) == math.inf


def test_what_surrounds_the_noise_leaves_its_guarantee():
    alone = epsilon(ClipAndNoise(sigma=0.5), 3)
    for text in ("noise:0.5+float16", "top-k:0.1+noise:0.5", "secure-aggregation:4+noise:0.5", "noise:0.5+noise:0.1"):
        assert epsilon(parse_defence(text), 3) == alone


@pytest.mark.parametrize(
    ("arguments", "said"),
    [({"rounds": 0}, "rounds: expected one"), ({"delta": 0.0}, "delta: expected"), ({"delta": 1.0}, "delta: expected")],
)
def test_values_out_of_range(arguments, said):
    with pytest.raises(InputError, match=said):
        epsilon(ClipAndNoise(sigma=1.0), **arguments)
