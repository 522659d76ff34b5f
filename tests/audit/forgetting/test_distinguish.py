"""Advantages and epsilons are those that are there, within intervals that hold, and luck is not taken for either."""

import numpy as np
import pytest
from scipy.stats import norm

from oubli.audit.forgetting.control import distinguish
from oubli.audit.forgetting.methods import advantage_bound
from oubli.errors import InputError


def test_the_advantage_of_two_normals_is_their_total_variation():
    generator = np.random.default_rng(0)
    shift = 1.5
    truth = 2 * norm.cdf(shift / 2) - 1
    held = 0
    for _ in range(50):
        one, other = generator.standard_normal((2, 400)) + np.array([[shift], [0]])
        noise = generator.standard_normal((2, 400))
        found = distinguish({"noise": tuple(noise), "signal": (one, other)})
        assert found.statistic == "signal"
        held += found.low <= truth <= found.high
    # The threshold is chosen on the other half, so that the advantage is at most a little below the best one.
    assert held >= 46


def test_nothing_to_tell_is_not_told():
    generator = np.random.default_rng(1)
    beyond = 0
    for _ in range(100):
        draws = {str(k): tuple(generator.standard_normal((2, 60))) for k in range(5)}
        found = distinguish(draws)
        beyond += found.low > 0 or found.epsilon > 0
    # Five statistics in two directions are tried, and none of that costs confidence.
    assert beyond <= 6


def test_the_direction_is_found():
    values = np.linspace(0, 1, 40)
    for one, other in ((values, values + 2), (values + 2, values)):
        found = distinguish({"statistic": (one, other)})
        assert found.advantage == 1
        assert found.epsilon > 1


@pytest.mark.parametrize(("epsilon", "delta"), [(0.5, 0.0), (1.0, 1e-2), (3.0, 0.0)])
def test_randomised_response_has_all_of_the_bound(epsilon, delta):
    # The truth with probability (e^eps + delta) / (1 + e^eps): as far apart as (epsilon, delta) allows.
    truth = (np.exp(epsilon) + delta) / (1 + np.exp(epsilon))
    generator = np.random.default_rng(2)
    one, other = (generator.random((2, 20_000)) < np.array([[truth], [1 - truth]])).astype(float)
    found = distinguish({"answer": (one, other)}, delta)
    bound = advantage_bound(epsilon, delta)
    assert found.low <= bound <= found.high
    assert found.advantage == pytest.approx(bound, abs=0.02)
    assert 0.8 * epsilon < found.epsilon <= epsilon


def test_too_few_draws_are_refused():
    with pytest.raises(InputError, match="at least 4"):
        distinguish({"statistic": (np.zeros(3), np.zeros(3))})
    with pytest.raises(InputError, match="draws"):
        distinguish({})
