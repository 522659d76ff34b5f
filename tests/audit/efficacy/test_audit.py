"""The audit of efficacy from outside: exact is exact, what does not forget is found out, nothing is left unsaid."""

import json
from dataclasses import replace
from functools import partial

import pytest
from tests.audit.efficacy.variants import AnswersNothing, Diverges, ForgetsHalf, KeepsWeights

from oubli.audit.efficacy import TESTS, EfficacyAudit, trial
from oubli.audit.efficacy.replay import Replay
from oubli.errors import InputError
from oubli.graph import Graph, generate_graph

GRAPH = generate_graph(200, seed=1)
TIMES = ("seconds", "seconds_unlearn", "seconds_retrain", "speedup")


def audit(*methods, tests=("all",), seeds=1, **settings):
    return EfficacyAudit(GRAPH, methods or ("exact",), tests, seeds=seeds, data="generated", **settings)


def broken(model, tests, seeds=1):
    """Return the audit of a model that passes itself off as an exact one."""
    found = audit(tests=tests, seeds=seeds)
    found.methods["exact"] = replace(found.methods["exact"], make=lambda seed: model())
    return found


def small_network(method, seed):
    return method.make(seed).set_params(hidden=16, epochs=40)


def without_times(part):
    if isinstance(part, dict):
        return {
            name: without_times(value)
            for name, value in part.items()
            if name not in TIMES and part.get("metric") not in TIMES
        }
    return [without_times(value) for value in part] if isinstance(part, list) else part


def rows_of(results, method="exact"):
    return {row["test"]: row for row in results["rows"] if row["method"] == method}


def test_exact_unlearning_has_the_bytes_of_retraining_in_every_test(tmp_path):
    results = audit().run(tmp_path)
    rows = rows_of(results)
    assert list(rows) == list(TESTS)
    for row in rows.values():
        assert (row["status"], row["bytes_equal"], row["agreement"], row["accuracy_gap"]) == ("done", True, 1, 0)
    harmed = rows["adversarial-edges"]
    assert harmed["accuracy_before"] < harmed["accuracy_after"] - 0.2
    assert harmed["accuracy_clean"] == harmed["accuracy_after"]
    assert rows["replay"]["recall_before"] > rows["replay"]["recall_after"] + 0.3
    assert results["methods"][0]["bytes_equal"] == 1
    assert results["methods"][0]["note"] == ""


def test_results_say_what_was_done(tmp_path):
    results = audit(tests=["replay", "half-removed"], seeds=2).run(tmp_path)
    assert results["format"] == "oubli.audit.efficacy/1"
    assert results["settings"]["split"] == "drawn"
    assert [test["name"] for test in results["tests"]] == ["replay", "half-removed"]
    assert all(test["describe"] and test["measures"] for test in results["tests"])
    lines = {(line["test"], line["metric"]): line for line in results["summary"]}
    for metric in (
        "accuracy_clean",
        "accuracy_before",
        "accuracy_after",
        "accuracy_retrained",
        "agreement",
        *TIMES[1:],
    ):
        assert lines["half-removed", metric]["seeds"] == 2
    assert ("half-removed", "recall_after") not in lines
    recall = lines["replay", "recall_before"]
    assert recall["low"] <= recall["value"] <= recall["high"]
    assert json.loads((tmp_path / "results.json").read_text()) == json.loads(json.dumps(results))


def test_a_mark_that_is_hardly_learned_is_pointed_out(tmp_path):
    found = audit(tests=["replay"])
    found.tests["replay"] = Replay(share=0.02)
    (told,) = found.run(tmp_path)["outcomes"]
    assert "the mark was hardly learned" in told["note"]


def test_a_model_that_keeps_its_weights_is_found_out(tmp_path):
    results = broken(KeepsWeights, ["adversarial-edges", "replay"]).run(tmp_path)
    rows = rows_of(results)
    assert rows["adversarial-edges"]["accuracy_gap"] < 0
    assert rows["replay"]["recall_after"] == rows["replay"]["recall_before"] > 0.3
    assert rows["replay"]["recall_retrained"] < 0.1
    assert not any(row["bytes_equal"] for row in rows.values())
    assert "the claim does not hold" in results["methods"][0]["note"]


def test_a_model_that_forgets_half_is_found_out(tmp_path):
    row = rows_of(broken(ForgetsHalf, ["replay"]).run(tmp_path))["replay"]
    assert not row["bytes_equal"]
    assert row["recall_gap"] > 0


def test_networks_that_retrain_pass_and_those_that_keep_their_weights_fail(tmp_path, monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.setattr(trial, "ROUNDS", 1)
    larger = generate_graph(300, seed=1)
    networks = EfficacyAudit(larger, ["retrain", "stale"], ["adversarial-edges", "replay"], seeds=1)
    for name, method in networks.methods.items():
        networks.methods[name] = replace(method, make=partial(small_network, method))
    results = networks.run(tmp_path)
    again, stale = rows_of(results, "retrain"), rows_of(results, "stale")
    for name in again:
        assert again[name]["bytes_equal"]
        assert not stale[name]["bytes_equal"]
        assert again[name]["accuracy_before"] == stale[name]["accuracy_before"]
        assert again[name]["accuracy_gap"] == 0
    assert stale["replay"]["recall_gap"] > 0.3 > again["replay"]["recall_gap"] == 0
    assert stale["adversarial-edges"]["accuracy_gap"] < 0


def test_certified_models_come_back_near_to_retraining(tmp_path):
    results = audit("certified", tests=["adversarial-edges", "replay"]).run(tmp_path)
    rows = rows_of(results, "certified")
    assert all(row["agreement"] > 0.8 and not row["bytes_equal"] for row in rows.values())
    assert rows["replay"]["recall_after"] < 0.2 < 0.7 < rows["replay"]["recall_before"]
    assert [line["note"] for line in results["outcomes"]] == ["", ""]


def test_what_a_method_cannot_remove_is_said(tmp_path):
    results = audit("ceu", "exact", tests=["half-removed"]).run(tmp_path)
    (told,) = [line for line in results["outcomes"] if line["method"] == "ceu"]
    assert (told["status"], told["reason"]) == ("not supported", "ceu removes edges only, not labels")
    assert {line["method"] for line in results["summary"]} == {"exact"}


@pytest.mark.parametrize(
    ("model", "said"), [(Diverges, "InputError: the series diverges"), (AnswersNothing, "are not finite")]
)
def test_a_method_that_fails_is_on_record_with_the_reason(tmp_path, model, said):
    results = broken(model, ["half-removed", "half-features"]).run(tmp_path)
    told = {line["test"]: line for line in results["outcomes"]}
    assert said in told["half-removed"]["reason"]
    assert (told["half-removed"]["status"], told["half-removed"]["failed"]) == ("failed", 1)
    row = rows_of(results)["half-removed"]
    assert row["accuracy_retrained"] > 0.5
    assert "accuracy_after" not in row
    assert ("half-removed" in json.dumps(results["methods"])) == (model is Diverges)


class Stopped(BaseException):
    pass


@pytest.mark.parametrize("stop_at", [0, 1])
def test_one_that_was_stopped_ends_with_the_same_results(tmp_path, stop_at):
    def stop(done, total, text):
        if done >= stop_at:
            raise Stopped

    settings = {"tests": ["adversarial-edges", "half-nodes"], "seeds": 2}
    whole = audit(**settings).run(tmp_path / "whole")
    with pytest.raises(Stopped):
        audit(**settings).run(tmp_path / "stopped", stop)
    assert not (tmp_path / "stopped" / "results.json").exists()
    resumed = audit(**settings).run(tmp_path / "stopped")
    assert without_times(resumed) == without_times(whole)


@pytest.mark.parametrize("other", [{"split": "given"}, {"tests": ["half-nodes"]}])
def test_other_settings_need_another_folder(tmp_path, other):
    audit(tests=["half-removed"]).run(tmp_path)
    with pytest.raises(InputError, match="holds an audit with other settings"):
        audit(**{"tests": ["half-removed"]} | other).run(tmp_path)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"methods": ["sisa"]}, "methods: 'sisa' is not supported"),
        ({"tests": ["none"]}, "tests: 'none' is not supported"),
        ({"seeds": 0}, "seeds"),
        ({"split": "public"}, 'split: expected "drawn" or "given"'),
        ({"graph": Graph.from_edges(GRAPH.edges, labels=GRAPH.labels)}, "graph: has no features"),
    ],
)
def test_bad_input_is_refused_before_anything_is_fitted(settings, said):
    with pytest.raises(InputError, match=said):
        EfficacyAudit(**{"graph": GRAPH, "methods": ["exact"]} | settings)


def test_a_test_that_a_graph_does_not_allow_is_told_and_the_others_go_on(tmp_path):
    audit = EfficacyAudit(
        generate_graph(12, num_classes=2, average_degree=3, seed=1), ["exact"], ["replay", "half-removed"], seeds=1
    )
    rows = {row["test"]: row for row in audit.run(tmp_path)["rows"]}
    assert rows["replay"]["status"] == "not supported"
    assert rows["replay"]["reason"].startswith("not possible here: replay")
    assert rows["half-removed"]["status"] == "done"
