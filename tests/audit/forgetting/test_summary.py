"""Gains are paired by seed, many attacks do not make luck a leak, and curves lie in their bands."""

import numpy as np
import pytest
from scipy.stats import ttest_rel

from oubli.audit.forgetting.summary import GRID, detectable, mean_curves, summarise

KINDS = {"one": "attack", "two": "attack", "blind": "null"}


def records(values, floors):
    return [
        {
            "method": "m",
            "seed": seed,
            "rows": [{"attack": name, "auc": own[name], "floor_auc": floor[name]} for name in own],
        }
        for seed, (own, floor) in enumerate(zip(values, floors, strict=True))
    ]


def drawn(seeds, shifts, seed=0):
    generator = np.random.default_rng(seed)
    base = 0.7 + 0.1 * generator.standard_normal(seeds)
    floors = [{name: base[i] for name in shifts} for i in range(seeds)]
    values = [
        {name: base[i] + shift + 0.01 * generator.standard_normal() for name, shift in shifts.items()}
        for i in range(seeds)
    ]
    return values, floors


def test_a_small_gain_is_seen_through_the_spread_of_seeds():
    lines = {
        line["attack"]: line
        for line in summarise(records(*drawn(10, {"one": 0.03, "two": -0.03, "blind": 0})), ["auc"], KINDS)
    }
    assert lines["one"]["above_floor"]
    assert not lines["one"]["below_floor"]
    assert lines["two"]["below_floor"]
    assert not lines["two"]["above_floor"]
    assert lines["one"]["gain"] == pytest.approx(lines["one"]["value"] - lines["one"]["floor"])
    assert lines["one"]["detectable"] < 0.03
    assert lines["blind"]["p_adjusted"] is None


def test_p_values_are_those_of_a_paired_test_adjusted_for_all_attacks():
    values, floors = drawn(8, {"one": 0.01, "two": 0.005})
    lines = summarise(records(values, floors), ["auc"], KINDS)
    for line in lines:
        own, floor = ([row[line["attack"]] for row in side] for side in (values, floors))
        assert line["p"] == pytest.approx(ttest_rel(own, floor).pvalue)
    small, large = sorted(line["p"] for line in lines)
    assert sorted(line["p_adjusted"] for line in lines) == pytest.approx(
        [min(1, 2 * small), min(1, max(2 * small, large))]
    )


def test_exactly_nothing_has_no_doubt():
    values, floors = [{"one": 0.9, "two": 0.6}] * 7, [{"one": 0.9, "two": 0.5}] * 7
    lines = {line["attack"]: line for line in summarise(records(values, floors), ["auc"], KINDS)}
    assert (lines["one"]["gain"], lines["one"]["p"], lines["one"]["above_floor"]) == (0.0, 1.0, False)
    assert (lines["two"]["p"], lines["two"]["above_floor"]) == (2 / 2**7, True)


def test_few_seeds_are_not_enough_and_missing_figures_are_left_out():
    lines = summarise(records(*drawn(5, {"one": 0.2})), ["auc", "tpr"], KINDS)
    assert [line["metric"] for line in lines] == ["auc"]
    assert not lines[0]["above_floor"]


def test_the_detectable_gain_is_found_four_times_in_five():
    generator = np.random.default_rng(0)
    size = detectable(np.random.default_rng(1).standard_normal(4000)) * np.sqrt(4000 / 10)
    found = [ttest_rel(generator.standard_normal(10) + size, np.zeros(10)).pvalue < 0.05 for _ in range(1000)]
    # The quantiles of few seeds are wider than those of many.
    assert 0.7 < np.mean(found) < 0.85
    assert detectable(np.ones(1)) is None


def test_curves_are_means_within_their_bands():
    rows = [
        {"attack": "one", "curves": {"g": (GRID**p).tolist()}, "floor_curves": {"g": GRID.tolist()}} for p in (0.4, 0.6)
    ]
    (curve,) = mean_curves([{"method": "m", "rows": [row]} for row in rows], ["g", "h"], KINDS)
    assert curve["rate"] == pytest.approx(np.mean([GRID**0.4, GRID**0.6], axis=0), abs=1e-4)
    assert all(low <= rate <= high for low, rate, high in zip(curve["low"], curve["rate"], curve["high"], strict=True))
    assert curve["floor_rate"] == curve["floor_low"] == curve["floor_high"]


def test_steps_of_one_size_are_as_sure_as_so_many_signs():
    # Differences of equal steps of a rate differ in the last bits: a t test would be sure beyond all measure.
    floors = [{"one": step / 50, "two": 0.5, "blind": 0.5} for step in range(1, 8)]
    values = [{"one": step / 50, "two": 0.5, "blind": 0.5} for step in range(2, 9)]
    lines = {line["attack"]: line for line in summarise(records(values, floors), ["auc"], KINDS)}
    assert lines["one"]["p"] == 2 / 2**7
    assert lines["one"]["above_floor"]
    assert lines["two"]["p"] == 1


def test_flags_are_raised_by_chance_in_one_of_twenty():
    generator = np.random.default_rng(2)
    gains = generator.standard_normal((200, 6))
    kinds = {str(place): "attack" for place in range(200)}
    values = [{name: gains[int(name), seed] for name in kinds} for seed in range(6)]
    floors = [dict.fromkeys(kinds, 0.0) for _ in range(6)]
    lines = summarise(records(values, floors), ["auc"], kinds)
    flags = sum(line["above_floor"] or line["below_floor"] for line in lines)
    assert flags <= 16
