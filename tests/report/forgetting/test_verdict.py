"""What is said of a method follows from bytes, bounds and gains; a few of many comparisons are no leak."""

import numpy as np
import pytest
from tests.report.forgetting.example import SEEDS, results

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")

from oubli.audit.forgetting.summary import summarise
from oubli.report.forgetting.chance import beyond_chance
from oubli.report.forgetting.results import ForgettingResults
from oubli.report.forgetting.verdict import judge


def verdicts(made):
    return {verdict.method.name: verdict for verdict in judge(ForgettingResults.of(made))}


def test_verdicts_follow_from_claims_and_figures():
    found = verdicts(results())
    assert {name: verdict.word for name, verdict in found.items()} == {
        "exact": "Nothing remains: advantage 0",
        "certified": "Within its bound",
        "gif": "Told from retraining",
        "stale": "Told from retraining",
        "ascent": "Off the floor, not proved",
    }
    assert [found[name].status for name in found] == ["safe", "safe", "leak", "leak", "unclear"]
    exact = " ".join(found["exact"].sentences)
    assert f"Bytes equal in {SEEDS} of {SEEDS} seeds" in exact
    assert "no attack on the model after the removal can tell" in exact
    assert "what the graph tells: retraining has the same" in exact
    assert "nobody's advantage is above .462. Measured: .100 [−.210, .380]" in found["certified"].sentences[0]
    assert "none of them remains when corrected" in " ".join(found["ascent"].sentences)
    assert "this run would have seen a gain in AUC of .0" in " ".join(found["ascent"].sentences)
    assert found["stale"].parts[0].startswith("Title of auc_matched: trend-mia has .")


def test_a_method_of_which_nothing_is_found_has_not_promised_anything():
    made = results()
    for line in made["summary"]:
        line |= {"above_floor": False, "below_floor": False}
    found = verdicts(made)["ascent"]
    assert (found.status, found.word) == ("unclear", "Nothing found, nothing promised")
    assert found.sentences[0] == (
        "Not one of 6 comparisons (attacks times metrics of what was removed) is off the floor."
    )


def test_who_kept_the_former_answers_is_told_apart_from_attacks_after():
    for verdict in verdicts(results()).values():
        assert any("Who kept the answers from before" in sentence for sentence in verdict.sentences)
        assert not any("difference-shift" in part for part in verdict.parts)


def test_an_exact_method_whose_bytes_differ_has_not_kept_its_promise():
    made = results()
    made["methods"][0]["bytes_equal"] = SEEDS - 1
    found = verdicts(made)["exact"]
    assert (found.status, found.word) == ("leak", "Promise not kept")
    assert f"in {SEEDS - 1} of {SEEDS} seeds only" in found.sentences[0]


def test_a_certificate_is_held_against_its_bound():
    made = results()
    made["control"][1] |= {"advantage": 0.9, "advantage_low": 0.7, "advantage_high": 1.0, "within": False}
    assert verdicts(made)["certified"].word == "Above its own bound"
    made["control"] = []
    assert verdicts(made)["certified"].status == "unknown"


def test_a_measurement_too_rough_for_a_bound_is_no_agreement():
    made = results()
    made["control"][1] |= {"advantage": 0.1, "advantage_low": -0.5, "advantage_high": 0.8}
    found = verdicts(made)["certified"]
    assert (found.status, found.word) == ("unclear", "Not above its bound, measured too roughly")
    assert "draw more" in found.sentences[0]


def test_bytes_that_differ_in_the_control_are_no_promise_kept():
    made = results()
    made["control"][0] |= {"bytes_equal": False, "advantage": 1.0, "within": False}
    found = verdicts(made)["exact"]
    assert (found.status, found.word) == ("leak", "Promise not kept")
    assert "not in the matched control" in found.sentences[0]


def test_a_method_without_a_promise_leaks_when_the_control_tells_it_apart():
    made = results()
    made["control"][-1] |= {"advantage_low": 0.2, "advantage": 0.4}
    assert verdicts(made)["ascent"].word == "Told apart in the control"


def _lines(gains):
    """Lines of one method and as many attacks as rows of gains, shape (attacks, seeds)."""
    records = [
        {
            "method": "gif",
            "seed": seed,
            "rows": [
                {"attack": str(attack), "auc_matched": 0.5 + gains[attack, seed], "floor_auc_matched": 0.5}
                for attack in range(len(gains))
            ],
        }
        for seed in range(gains.shape[1])
    ]
    attacks = {str(attack): "attack" for attack in range(len(gains))}
    described = [
        {"name": name, "describe": "", "kind": "attack", "source": "", "needs_before": False} for name in attacks
    ]
    made = results(summary=summarise(records, ["auc_matched"], attacks), attacks=described)
    return ForgettingResults.of(made).summary


def test_of_many_comparisons_without_a_leak_hardly_ever_one_remains():
    rng = np.random.default_rng(0)
    runs = [_lines(rng.normal(0, 0.02, (12, 8))) for _ in range(12)]
    off = [sum(line.off_floor for line in lines) for lines in runs]
    assert sum(count > 0 for count in off) >= 3, "by their intervals alone some are off, or the test tests nothing"
    assert sum(bool(beyond_chance(lines)) for lines in runs) <= 1


def test_a_leak_among_many_comparisons_remains():
    gains = np.random.default_rng(1).normal(0, 0.02, (12, 8))
    gains[7] += 0.08
    assert [line.attack for line in beyond_chance(_lines(gains))] == ["7"]
    same = np.zeros((3, 8))
    same[1] = 0.25
    assert [line.attack for line in beyond_chance(_lines(same))] == ["1"]
    turned = beyond_chance(_lines(-same))
    assert [(line.attack, line.below_floor) for line in turned] == [("1", True)], "guesses can be turned round"
