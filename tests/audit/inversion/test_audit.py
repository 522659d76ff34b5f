import json

import numpy as np
import pytest
from tests.audit.forgetting.planted import planted

import oubli
from oubli import Removal
from oubli.audit.forgetting.families import Families
from oubli.audit.inversion.attack import Attack
from oubli.audit.inversion.audit import InversionAudit
from oubli.audit.inversion.trial import Trial
from oubli.audit.inversion.wording import METRICS
from oubli.audit.inversion.world import draw_world
from oubli.errors import InputError
from oubli.graph import generate_graph
from oubli.models import SGCRidge

GRAPH = generate_graph(300, seed=1)
GROUPS_SWAPPED = (("removed", "never"), ("never", "removed"))
ATTACKS = ("posterior-cosine", "posterior-euclidean", "group", "difference-confidence", "difference-shift")


def audit_of(methods, attacks=ATTACKS, seeds=2, **settings) -> InversionAudit:
    """Return an audit, of planted methods where some are given."""
    audit = InversionAudit(GRAPH, ["exact"], attacks, seeds, **settings)
    audit.methods = {method.name: method for method in methods} or audit.methods
    return audit


def without_seconds(results):
    """Return results but for clocks."""
    if isinstance(results, dict):
        return {name: without_seconds(value) for name, value in results.items() if "seconds" not in name}
    return [without_seconds(value) for value in results] if isinstance(results, list) else results


def gains(results, metric: str) -> dict[tuple[str, str], tuple[float, bool]]:
    lines = (line for line in results["summary"] if line["metric"] == metric)
    return {(line["method"], line["attack"]): (line["gain"], line["above_floor"]) for line in lines}


@pytest.mark.parametrize(
    "settings", [{}, {"ratio": 0.2}, {"halves": "random", "first_seed": 5}], ids=["usual", "many", "random"]
)
def test_exact_unlearning_leaves_the_bytes_of_retraining_so_the_gain_is_zero(tmp_path, settings):
    results = audit_of([], **settings).run(tmp_path)
    assert results["methods"][0]["bytes_equal"] == results["methods"][0]["seeds"] == 2
    assert {line["gain"] for line in results["summary"]} == {0.0}
    for row in results["rows"]:
        assert all(row[f"floor_{metric['name']}"] == row[metric["name"]] for metric in METRICS)


def test_weights_that_stay_are_found_above_the_floor_and_forgetting_is_not(tmp_path):
    stale, good = planted("stale", forgets=False), planted("good", forgets=True)
    results = audit_of([stale, good], ["posterior-cosine"], seeds=12, ratio=0.2).run(tmp_path)
    assert [line["bytes_equal"] for line in results["methods"]] == [0, 12]
    for metric in ("auc_matched", "auc_removed"):
        found = gains(results, metric)
        gain, above = found["stale", "posterior-cosine"]
        assert above
        assert gain > 0.02
        assert found["good", "posterior-cosine"] == (0.0, False)
        # What asks no model finds the same in all of them.
        assert {found[method, null][0] for method in ("stale", "good") for null in ("features", "neighbours")} == {0.0}


def test_training_again_from_the_same_seed_is_the_floor_itself_and_stale_weights_are_not(tmp_path):
    results = InversionAudit(GRAPH, ["stale", "retrain"], ["difference-shift"], seeds=1).run(tmp_path)
    assert {line["name"]: line["bytes_equal"] for line in results["methods"]} == {"stale": 0, "retrain": 1}
    # The floor of both was trained once.
    floors = [[line["floor"] for line in results["summary"] if line["method"] == name] for name in ("stale", "retrain")]
    assert floors[0] == floors[1]
    assert {line["gain"] for line in results["summary"] if line["method"] == "retrain"} == {0.0}
    assert results["methods"][0]["seconds_retrain"] == results["methods"][1]["seconds_retrain"]


def fitted_and_unlearned(seed: int, taken: str, kept_out: str, unlearn) -> tuple[str, bytes]:
    """Fit on the half without `kept_out`, unlearn `taken`, and return the digest and the answers."""
    side = draw_world(GRAPH, seed).victim
    ids = side.graph.node_ids
    half = oubli.Graph.from_edges(
        np.concatenate([side.graph.edges, ids[side.groups["never"]]]),
        features=side.features,
        labels=side.graph.labels,
        node_ids=ids,
        train=side.graph.train_nodes,
        val=side.graph.val_nodes,
        test=side.graph.test_nodes,
    )
    model = SGCRidge().fit(half.without(Removal(edges=ids[side.groups[kept_out]])))
    unlearn(model, Removal(edges=ids[side.groups[taken]]))
    return model.weights_digest(), model.decision_function().tobytes()


@pytest.mark.parametrize("seed", range(4))
def test_which_edges_were_unlearned_and_which_never_learned_can_be_exchanged(seed):
    """The matched control, exactly: both worlds end in the same bytes, so nobody can tell them apart."""

    swapped = [fitted_and_unlearned(seed, *groups, SGCRidge.unlearn) for groups in GROUPS_SWAPPED]
    assert swapped[0] == swapped[1]
    # Weights that stay tell which were learned.
    stale = [fitted_and_unlearned(seed, *groups, lambda model, removal: None) for groups in GROUPS_SWAPPED]
    assert stale[0][0] != stale[1][0]
    assert stale[0][1] != stale[1][1]


def test_an_interrupted_audit_goes_on_to_the_same_results(tmp_path):
    methods = [planted("stale", forgets=False), planted("good", forgets=True)]
    whole = audit_of(methods, ["group"], seeds=3).run(tmp_path / "whole")

    def stop(done: int, total: int, text: str) -> None:
        assert total == 6
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        audit_of(methods, ["group"], seeds=3).run(tmp_path / "halted", stop)
    assert len((tmp_path / "halted" / "rows.jsonl").read_text().splitlines()) == 3
    assert not (tmp_path / "halted" / "results.json").exists()
    again = audit_of(methods, ["group"], seeds=3).run(tmp_path / "halted")
    assert without_seconds(again) == without_seconds(whole)
    assert without_seconds(json.loads((tmp_path / "halted" / "results.json").read_text())) == without_seconds(whole)


def test_a_method_may_be_added_later_and_another_ratio_may_not(tmp_path):
    stale, good = planted("stale", forgets=False), planted("good", forgets=True)
    audit_of([stale], ["group"]).run(tmp_path / "grown")
    told = []
    grown = audit_of([stale, good], ["group"]).run(tmp_path / "grown", lambda done, total, text: told.append(text))
    assert told == ["seed 0, good", "seed 1, good", "done"]
    assert without_seconds(grown) == without_seconds(audit_of([stale, good], ["group"]).run(tmp_path / "at once"))
    for settings in ({"ratio": 0.1}, {"attacks": ["difference-shift"]}, {"halves": "random"}):
        with pytest.raises(InputError, match=f"other settings .*{next(iter(settings))}"):
            audit_of([stale], **{"attacks": ["group"]} | settings).run(tmp_path / "grown")


def test_results_hold_what_the_report_needs(tmp_path):
    stale = planted("stale", forgets=False)
    results = audit_of([stale], ["difference-shift"], data="made").run(tmp_path)
    assert results["format"] == "oubli.audit.inversion/1"
    assert results["settings"] | {"edges": 0} == {
        "data": "made",
        "seeds": 2,
        "first_seed": 0,
        "ratio": 0.05,
        "halves": "metis",
        "draws": 0,
        "nodes": 300,
        "edges": 0,
        "attacks": ["difference-shift", "features", "neighbours"],
    }
    assert [(a["name"], a["kind"], a["needs_before"]) for a in results["attacks"]] == [
        ("difference-shift", "attack", True),
        ("features", "null", False),
        ("neighbours", "null", False),
    ]
    names = [metric["name"] for metric in results["metrics"]]
    assert names == ["auc_matched", "auc_removed", "auc_retained", "auc_all", "tpr_matched"]
    assert len(results["rows"]) == 2 * 3
    assert len(results["summary"]) == 3 * len(names)
    assert {(curve["attack"], curve["group"]) for curve in results["curves"]} == {
        (attack["name"], group) for attack in results["attacks"] for group in ("removed", "matched")
    }
    assert results["control"] == []
    assert "before the removal" in results["threat_model"]


class Recorder(Attack):
    """An attack that keeps what it was given, and answers as it is told."""

    name, describe = "recorder", "keeps transcripts"

    def __init__(self, answer=np.arange) -> None:
        self.answer, self.given = answer, []

    def score(self, transcript, seed):
        self.given.append((transcript, seed))
        return self.answer(len(transcript.pairs))


def test_attackers_get_the_answers_of_the_method_and_those_of_the_floor_with_the_same_seed():
    recorder = Recorder()
    world = draw_world(GRAPH, 0)
    Trial(world, {"recorder": recorder}, Families()).judge(planted("stale", forgets=False))
    (own, seed), (floor, same_seed) = recorder.given
    assert seed == same_seed
    for place in (lambda t: t.seen, lambda t: t.shadow.seen):
        assert place(own).posteriors.tobytes() == place(own).before.tobytes() == place(floor).before.tobytes()
        assert place(own).posteriors.tobytes() != place(floor).posteriors.tobytes()
    assert own.pairs.tolist() == floor.pairs.tolist()


def test_attackers_are_asked_once_where_answers_are_the_same_bytes():
    recorder = Recorder()
    trial = Trial(draw_world(GRAPH, 0), {"recorder": recorder}, Families())
    judged = trial.judge(planted("good", forgets=True))
    assert len(recorder.given) == 1
    assert judged["rows"][0]["auc_matched"] == judged["rows"][0]["floor_auc_matched"]


@pytest.mark.parametrize("answer", [lambda count: np.zeros(3), lambda count: np.full(count, np.nan)])
def test_scores_that_are_none_are_refused_by_name(answer):
    trial = Trial(draw_world(GRAPH, 0), {"recorder": Recorder(answer)}, Families())
    with pytest.raises(InputError, match=r"recorder: expected .* finite scores"):
        trial.judge(planted("good", forgets=True))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"ratio": 0.0}, "ratio: expected a number above 0"),
        ({"ratio": 0.3}, "at most 0.25"),
        ({"ratio": True}, "ratio"),
        ({"halves": "thirds"}, "supported: metis, random"),
        ({"draws": -1}, "draws"),
        ({"seeds": 0}, "seeds"),
        ({"first_seed": -1}, "first_seed"),
        ({"attacks": []}, "attacks: name at least one"),
        ({"attacks": ["guessing"]}, "'guessing' is not supported"),
        ({"methods": ["magic"]}, "'magic' is not supported"),
    ],
)
def test_settings_that_do_not_do_are_refused(settings, message):
    with pytest.raises(InputError, match=message):
        InversionAudit(GRAPH, **{"methods": ["exact"], "attacks": ["group"]} | settings)


@pytest.mark.slow
def test_exact_unlearning_on_cora_leaks_no_more_than_retraining_to_any_attack(tmp_path, data_root):
    graph = oubli.load_dataset("cora", root=data_root)
    results = InversionAudit(graph, ["exact"], seeds=2, data="cora").run(tmp_path)
    assert results["methods"][0]["bytes_equal"] == 2
    assert {line["gain"] for line in results["summary"]} == {0.0}
    # Homophily, not memory: edges that nothing remembers are told from pairs without one.
    found = {(line["attack"], line["metric"]): line["floor"] for line in results["summary"]}
    assert found["posterior-cosine", "auc_removed"] > 0.7
