"""Intervals hold what they promise to hold, and an attack is beyond the nulls only by more than luck."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from oubli.audit.gradients.scoring import METRICS
from oubli.audit.gradients.scoring.gains import best_null, estimate, gain_over_nulls
from oubli.audit.intervals import FEWEST_PAIRS, mean_interval, share_gain, share_interval, studentised_interval

_grid = (np.arange(100_000) + 0.5) / 100_000
TRUE_NULL = float(norm.cdf((0.3 - _grid) / 0.2).mean())


def test_wilson_is_that_of_the_table():
    # Newcombe 1998, Statistics in Medicine 17, table I: 81 of 263, and 0 of 20.
    found = share_interval([True] * 81 + [False] * 182)
    assert (round(found.low, 4), round(found.high, 4)) == (0.2553, 0.3662)
    none = share_interval([False] * 20)
    assert (round(none.low, 4), round(none.high, 4)) == (0.0, 0.1611)


def test_paired_difference_holds_the_truth_about_as_often_as_it_says():
    random = np.random.default_rng(0)
    held = 0
    for _ in range(300):
        # Pairs that depend on each other: both by a shared difficulty.
        difficulty = random.random(40)
        attack, null = difficulty < 0.8, difficulty + 0.2 * random.standard_normal(40) < 0.3
        found = share_gain(attack.tolist(), null.tolist())
        held += found.low <= 0.8 - TRUE_NULL <= found.high
    assert 0.91 <= held / 300 <= 0.995


@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=40))
def test_paired_difference_is_inside_its_interval_and_turns_with_its_sides(pairs):
    one, two = zip(*pairs, strict=True)
    found, turned = share_gain(one, two), share_gain(two, one)
    assert -1 - 1e-12 <= found.low <= found.value <= found.high <= 1 + 1e-12
    assert found.low == pytest.approx(-turned.high)
    assert found.high == pytest.approx(-turned.low)


def test_mean_intervals_hold_the_mean_about_as_often_as_they_say():
    random = np.random.default_rng(0)
    held = 0
    for trial in range(200):
        found = mean_interval(random.exponential(size=40), seed=trial)
        held += found.low <= 1 <= found.high
    assert 0.87 <= held / 200 <= 0.99


@pytest.mark.parametrize(
    ("size", "draw"), [(6, "standard_normal"), (10, "standard_normal"), (10, "standard_exponential")]
)
def test_studentised_intervals_of_few_values_hold_the_mean_as_often_as_they_say(size, draw):
    random = np.random.default_rng(0)
    truth, held = float(draw == "standard_exponential"), 0
    for trial in range(300):
        found = studentised_interval(getattr(random, draw)(size), seed=trial)
        held += found.low <= truth <= found.high
    assert 0.9 <= held / 300 <= 0.985


def test_studentised_intervals_of_very_few_or_equal_values():
    assert studentised_interval([3.0]).low is None
    same = studentised_interval([0.5] * 7)
    assert (same.low, same.high) == (0.5, 0.5)
    # Student's, of two values: 12.7 standard errors each way.
    assert studentised_interval([0.0, 1.0]).high == pytest.approx(0.5 + 12.706 * 0.5, abs=1e-3)
    stepped = studentised_interval([0.0, 0.0, 0.0, 0.0, 0.02, 0.02])
    assert np.isfinite([stepped.low, stepped.high]).all()
    assert stepped.low <= stepped.value <= stepped.high


def test_mean_intervals_of_few_or_equal_values():
    assert mean_interval([3.0]).low is None
    same = mean_interval([0.5] * 7)
    assert (same.value, same.low, same.high) == (0.5, 0.5, 0.5)
    lopsided = mean_interval([0.0] * 9 + [1e9])
    assert lopsided.low <= lopsided.value <= lopsided.high
    assert mean_interval([1.0, 2.0, 4.0], seed=1) == mean_interval([1.0, 2.0, 4.0], seed=1)


def test_shares_and_means_by_metric():
    assert estimate([1.0, 0.0], METRICS["label"]).value == 0.5
    assert estimate([1.0, 0.0], METRICS["label"]).low > 0
    assert estimate([0.25, 0.75], METRICS["feature_mse"]).value == 0.5


def test_the_best_null_is_by_the_direction_of_the_metric():
    nulls = {"high": np.array([0.9, 0.8]), "low": np.array([0.1, 0.2])}
    assert best_null(nulls, METRICS["edge_auc"]) == "high"
    assert best_null(nulls, METRICS["feature_mse"]) == "low"
    assert best_null({}, METRICS["label"]) is None


@pytest.mark.parametrize(("name", "sign"), [("feature_mse", -1), ("edge_auc", 1)])
def test_a_gain_is_positive_where_the_attacker_is_better(name, sign):
    random = np.random.default_rng(0)
    null = random.random(20)
    better, worse = null + sign * (0.2 + 0.1 * random.random(20)), null - sign * (0.2 + 0.1 * random.random(20))
    won, lost = (gain_over_nulls(values, {"null": null}, name) for values in (better, worse))
    assert won.beyond_null
    assert won.estimate.low > 0
    assert not lost.beyond_null
    assert lost.estimate.high < 0


def test_luck_and_small_numbers_are_not_beyond_the_null():
    random = np.random.default_rng(1)
    lucky = 0
    for trial in range(100):
        one, two = random.random(30), random.random(30)
        lucky += gain_over_nulls(one, {"null": two}, "edge_auc", trial).beyond_null
    assert lucky <= 10
    few = FEWEST_PAIRS - 1
    assert not gain_over_nulls(np.ones(few), {"null": np.zeros(few)}, "isomorphic").beyond_null
    assert gain_over_nulls(np.ones(few + 1), {"null": np.zeros(few + 1)}, "isomorphic").beyond_null
    assert not gain_over_nulls(np.ones(30), {"null": np.ones(30)}, "isomorphic").beyond_null


def test_the_gain_is_over_the_best_of_several_nulls():
    found = gain_over_nulls(
        np.full(8, 0.7), {"weak": np.full(8, 0.2), "strong": np.linspace(0.5, 0.8, 8)}, "composition"
    )
    assert found.null == "strong"
    assert found.null_value == pytest.approx(0.65)
    assert found.estimate.value == pytest.approx(0.05)


def test_times_and_claims_are_not_compared():
    for name in ("seconds", "determined"):
        assert gain_over_nulls(np.ones(9), {"null": np.zeros(9)}, name) is None
    assert gain_over_nulls(np.ones(9), {}, "label") is None
