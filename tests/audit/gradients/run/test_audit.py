"""An audit from outside: nulls beside every score, the same results after a kill, and nothing that flatters."""

import csv
import json
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.audit.gradients.attempts import Head, Seldom, Structure, small_form, trees
from tests.audit.gradients.attempts import Path as PathNull

from oubli.audit.gradients import Attack, Defence, Reconstruction, invert_head
from oubli.audit.gradients.attacks import ATTACKS, NULLS, build_attack, build_attacks
from oubli.audit.gradients.run.audit import GradientAudit
from oubli.audit.gradients.run.trial import Observations
from oubli.audit.gradients.run.victims import divide, group_victims, random_graphs
from oubli.errors import InputError
from oubli.graph.collection import GraphCollection, LabelledGraph


def audit(*attacks, **settings):
    defaults = {"victims": 7, "nulls": [PathNull()], "accuracy": False, "examples": 2}
    return GradientAudit(trees(), small_form(), list(attacks) or [Head()], **defaults | settings)


class Disguised(Structure):
    """An attack that only bears the name of an oracle."""

    kind = "attack"


def without_times(results):
    summary = [line for line in results["summary"] if line["metric"] != "seconds"]
    rows = [{**row, "seconds": None} for row in results["rows"]]
    examples = json.loads(json.dumps(results["examples"]))
    for example in examples:
        for guess in example["guesses"]:
            guess["scores"]["seconds"] = None
    return {**results, "summary": summary, "rows": rows, "examples": examples, "seconds": None}


def line_of(results, attack, metric, defence="none"):
    named = {"attack": attack, "metric": metric, "defence": defence}
    return next((line for line in results["summary"] if named.items() <= line.items()), None)


def test_every_figure_has_a_null_an_interval_and_the_threat_model(tmp_path):
    results = audit(Head(), Structure(), victims=10).run(tmp_path)
    assert results["format"] == "oubli.audit.gradients/1"
    assert "honest-but-curious" in results["threat_model"]
    label = line_of(results, "head", "label")
    assert label["value"] == 1
    assert 0 < label["low"] < label["high"] == 1
    assert (label["null"], label["victims"]) == ("path", 10)
    assert label["gain"] == pytest.approx(1 - label["null_value"])
    embedding = line_of(results, "head", "embedding_error")
    assert embedding["value"] < 1e-12
    assert embedding["null"] is None
    assert line_of(results, "head", "isomorphic") is None
    structure = line_of(results, "structure-oracle", "edge_auc")
    assert structure["value"] == 1
    assert structure["beyond_null"]
    assert structure["kind"] == "oracle"
    assert line_of(results, "path", "edge_auc")["null"] is None
    assert {row["attack"] for row in results["rows"]} == {"head", "structure-oracle", "path"}
    assert len(results["rows"]) == 30


def test_files_say_the_same_as_what_is_returned(tmp_path):
    results = audit(Head()).run(tmp_path)
    assert json.loads((tmp_path / "results.json").read_text()) == json.loads(json.dumps(results))
    rows = list(csv.DictReader((tmp_path / "rows.csv").read_text().splitlines()))
    assert [int(row["victim"]) for row in rows] == [row["victim"] for row in results["rows"]]
    assert {row["ranks"] for row in rows if row["attack"] == "head"} == {'{"V1": 1}'}
    summary = list(csv.DictReader((tmp_path / "summary.csv").read_text().splitlines()))
    assert [line["metric"] for line in summary] == [line["metric"] for line in results["summary"]]


def test_examples_keep_truth_and_guesses(tmp_path):
    results = audit(Structure()).run(tmp_path)
    assert len(results["examples"]) == 2
    for example in results["examples"]:
        guesses = {guess["attack"]: guess for guess in example["guesses"]}
        assert guesses["structure-oracle"]["edges"] == example["edges"]
        assert guesses["structure-oracle"]["node_types"] == [0] * len(example["node_types"])
        assert set(guesses) == {"structure-oracle", "path"}
        assert guesses["path"]["scores"]["label"] == (guesses["path"]["label"] == example["label"])


class Stopped(BaseException):
    pass


@pytest.mark.parametrize(("stop_at", "half_line"), [(1, False), (5, True), (12, True), (20, False)])
def test_one_that_was_stopped_ends_with_the_same_results(tmp_path, stop_at, half_line):
    settings = {"defences": [Defence(), Defence("pairs", num_graphs=2)]}

    def attacks():
        return Head(), Structure()

    whole = audit(*attacks(), **settings).run(tmp_path / "whole")

    def stop(done, total, text):
        if done >= stop_at:
            raise Stopped

    with pytest.raises(Stopped):
        audit(*attacks(), **settings).run(tmp_path / "stopped", stop)
    assert not (tmp_path / "stopped" / "results.json").exists()
    if half_line:
        # A chunk of which one line is whole, and one is not.
        journal = tmp_path / "stopped" / "rows.jsonl"
        line = next(line for line in journal.read_text().splitlines() if '"row"' in line)
        started = json.dumps({**json.loads(line), "last": False})
        with journal.open("a") as file:
            file.write(f"{started}\n{line[:50]}")
    resumed = audit(*attacks(), **settings).run(tmp_path / "stopped")
    assert json.dumps(without_times(resumed)) == json.dumps(without_times(whole))


KILLED = """
import os, signal
from tests.audit.gradients.run.test_audit import audit
real, seen = os.fsync, []
def fsync(handle):
    seen.append(handle)
    if len(seen) == {limit}:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(handle)
os.fsync = fsync
audit().run({folder!r})
"""


def test_one_that_was_killed_goes_on(tmp_path):
    root = Path(__file__).resolve().parents[4]
    code = KILLED.format(limit=6, folder=str(tmp_path / "killed"))
    done = subprocess.run([sys.executable, "-c", code], cwd=root, check=False, capture_output=True, timeout=120)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert not (tmp_path / "killed" / "results.json").exists()
    resumed = audit().run(tmp_path / "killed")
    assert without_times(resumed) == without_times(audit().run(tmp_path / "whole"))


def test_one_that_is_done_does_nothing_again(tmp_path):
    class Broken(Head):
        def reconstruct(self, transcripts, seed=0):
            raise AssertionError("attacked again")

    audit(Head()).run(tmp_path)
    before = (tmp_path / "results.json").read_bytes(), (tmp_path / "rows.jsonl").read_bytes()
    seen = []
    audit(Broken()).run(tmp_path, lambda *told: seen.append(told))
    assert ((tmp_path / "results.json").read_bytes(), (tmp_path / "rows.jsonl").read_bytes()) == before
    assert seen[-1][:2] == (14, 14)


def test_attacks_and_defences_can_be_added_and_settings_not_changed(tmp_path):
    audit(Head()).run(tmp_path)
    more = audit(Head(), Structure(), defences=[Defence(), Defence("pairs", num_graphs=2)]).run(tmp_path)
    fresh = audit(Head(), Structure(), defences=[Defence(), Defence("pairs", num_graphs=2)]).run(tmp_path / "new")
    assert without_times(more) == without_times(fresh)
    before = (tmp_path / "rows.jsonl").read_bytes()
    other = Head()
    other.temperature = 3.0
    for changed, word in (
        (audit(seed=1), "seed"),
        (audit(victims=6), "victims"),
        (audit(node_order="dataset"), "node_order"),
        (audit(weights=small_form().draw(9)), "weights_sha256"),
        (audit(other), "attack head"),
        (audit(defences=[Defence("pairs", num_graphs=3)]), "defence pairs"),
    ):
        with pytest.raises(InputError, match=f"other settings .*{word}"):
            changed.run(tmp_path)
    assert (tmp_path / "rows.jsonl").read_bytes() == before


def test_damage_is_refused(tmp_path):
    audit().run(tmp_path)
    journal = tmp_path / "rows.jsonl"
    lines = journal.read_text().splitlines(keepends=True)
    journal.write_text("".join([lines[0], "nonsense\n", *lines[2:]]))
    with pytest.raises(InputError, match="line 2: damaged"):
        audit().run(tmp_path)
    (tmp_path / "settings.json").write_text("{")
    with pytest.raises(InputError, match=r"settings\.json: damaged"):
        audit().run(tmp_path)
    (tmp_path / "settings.json").unlink()
    with pytest.raises(InputError, match="not known what of"):
        audit().run(tmp_path)
    with pytest.raises(InputError, match="cannot be written"):
        audit().run(journal)


def test_giving_up_counts(tmp_path):
    """Left out, the victims that an attack gives up on would make it look better than it is."""
    results = audit(Seldom(), victims=12).run(tmp_path)
    rows = [row for row in results["rows"] if row["attack"] == "seldom"]
    silent = [row for row in rows if row["label"] is None]
    assert 0 < len(silent) < 12
    assert {row["note"] for row in silent} == {"seldom: no odd sizes"}
    line = line_of(results, "seldom", "label")
    assert line["victims"] == 12
    assert line["value"] == pytest.approx(1 - len(silent) / 12)


def test_giving_up_is_never_a_gain(tmp_path):
    """No features at all have a smaller error than wrong ones; that is not the merit of an attack."""

    class Silent(Head):
        name = "silent"

        def reconstruct(self, transcripts, seed=0):
            guesses = [Reconstruction(features=np.eye(4)[[0] * t.num_nodes[0]]) for t in transcripts]
            return guesses[:1] + [Reconstruction() for _ in guesses[1:]]

    class Worse(PathNull):
        def guess(self, size, random):
            return Reconstruction(features=np.eye(4)[random.integers(4, size=size)] + 1)

    results = audit(Silent(), nulls=[Worse()], victims=12).run(tmp_path)
    line = line_of(results, "silent", "feature_mse")
    assert line["value"] < line_of(results, "path", "feature_mse")["value"]
    assert line["null"] == "nothing"
    assert not line["beyond_null"]


def test_what_is_not_supported_is_told_and_all_of_it_is_refused(tmp_path):
    pairs = Defence("pairs", num_graphs=2)
    results = audit(Structure(), Head(), defences=[Defence(), pairs]).run(tmp_path)
    (told,) = results["unsupported"]
    assert (told["defence"], told["attack"], told["metric"]) == ("pairs", "structure-oracle", "not supported")
    assert "not for several" in told["note"]
    assert "not for several" in (tmp_path / "summary.csv").read_text()
    assert line_of(results, "structure-oracle", "edge_auc", "pairs") is None
    again = audit(Structure(), Head(), defences=[Defence(), pairs]).run(tmp_path)
    assert again == results
    with pytest.raises(InputError, match="not for several"):
        audit(Structure(), defences=[pairs])


def test_groups_take_victims_in_their_order():
    collection = trees()
    groups = group_victims(collection, [3, 1, 5, 7, 2], 2, 0, "dataset")
    assert [group.positions for group in groups] == [(3, 1), (5, 7)]
    assert groups[0].graphs == (collection[3], collection[1])


def test_left_over_victims_are_told(tmp_path):
    results = audit(defences=[Defence("pairs", num_graphs=2)]).run(tmp_path)
    assert results["defences"][0]["note"] == "3 groups of 2 victims, 1 left over"
    rows = [row for row in results["rows"] if row["attack"] == "head"]
    assert [len(row["victims"]) for row in rows] == [2, 2, 2]
    assert rows[0]["victim"] == rows[0]["victims"][0]


def test_victims_and_auxiliary_graphs_are_different_graphs():
    collection = trees(30)
    halves = divide(collection, 50, seed=3)
    victims = {id(collection[int(position)]) for position in halves.victims}
    assert victims
    assert not victims & {id(graph) for graph in halves.auxiliary}
    assert len(halves.auxiliary) == 15
    assert divide(collection, 50, seed=3).victims.tolist() == halves.victims.tolist()
    assert divide(collection, 50, seed=4).victims.tolist() != halves.victims.tolist()
    assert divide(collection, 50, 3, "none").auxiliary == ()


def test_victims_are_connected_and_not_too_small_or_large():
    features = np.eye(4)
    apart = LabelledGraph([(0, 1), (2, 3)], features, 0)
    tiny = LabelledGraph([(0, 1)], features[:2], 1)
    good = LabelledGraph([(0, 1), (1, 2)], features[:3], 1)
    large = LabelledGraph([(i, i + 1) for i in range(9)], features[[0] * 10], 0)
    collection = GraphCollection([apart, tiny, large, good] * 4)
    chosen = divide(collection, 16, 0, max_nodes=5).victims
    assert chosen.size
    assert all(collection[int(position)] is good for position in chosen)
    with pytest.raises(InputError, match="connected"):
        divide(GraphCollection([apart] * 6), 5, 0)


def test_random_auxiliary_graphs_have_sizes_and_density_and_nothing_else():
    collection = trees(200)
    drawn = random_graphs(collection, 0)
    assert [graph.num_nodes for graph in drawn] == [graph.num_nodes for graph in collection]
    edges = sum(graph.num_edges for graph in drawn) / sum(graph.num_edges for graph in collection)
    assert edges == pytest.approx(1, abs=0.15)
    assert all(graph.types is not None for graph in drawn)


def test_nodes_are_shuffled_unless_asked_not_to(tmp_path):
    """The order of a file tells edges: with paths in order a null without any gradient would be perfect."""
    path = np.array([(i, i + 1) for i in range(8)])
    features = np.eye(4)[np.zeros(9, int)]
    collection = GraphCollection([LabelledGraph(path, features, i % 2) for i in range(40)])
    found = {}
    for order in ("shuffled", "dataset"):
        run = GradientAudit(
            collection, small_form(), [Head()], node_order=order, nulls=[PathNull()], accuracy=False, victims=20
        )
        found[order] = line_of(run.run(tmp_path / order), "path", "edge_auc")["value"]
    assert found["dataset"] == 1
    assert found["shuffled"] < 0.7


class Peeking(Attack):
    """Keeps what it was given."""

    name = "peeking"

    def __init__(self):
        self._prepared, self._seen = [], []

    def prepare(self, transcripts, seed=0):
        self._prepared = list(transcripts)

    def reconstruct(self, transcripts, seed=0):
        self._seen += [(transcript, seed) for transcript in transcripts]
        return [Reconstruction(labels=(invert_head(transcript).label,)) for transcript in transcripts]


def test_attacks_see_transcripts_alone_and_only_oracles_the_structure(tmp_path):
    plain, oracle = Peeking(), Peeking()
    oracle.name, oracle.kind = "peeking-oracle", "oracle"
    audit(plain, oracle, auxiliary="none").run(tmp_path)
    assert len(plain._prepared) == len(plain._seen) == 7
    assert all(transcript.structure is None for transcript, _ in plain._seen)
    assert all(transcript.structure is not None for transcript, _ in oracle._seen)
    assert {transcript.auxiliary for transcript, _ in plain._seen} == {()}
    assert len({seed for _, seed in plain._seen}) == 7


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"auxiliary": "all"}, "client, random, none"),
        ({"node_order": "sorted"}, "shuffled, dataset"),
        ({"victims": 0}, "at least 1"),
        ({"max_nodes": 2}, "at most 2"),
        ({"max_degree": 1}, "max degree: 1"),
        ({"device": "cuda:7"}, "use cpu"),
        ({"precision": "half"}, "float64, float32"),
        ({"budget": 0}, "budget"),
        ({"budget": float("nan")}, "budget"),
        ({"seed": -1}, "seed: an integer of 0 or more"),
        ({"trained": -1}, "trained"),
        ({"nulls": []}, "a null at the least"),
        ({"defences": []}, "a defence"),
        ({"defences": [Defence("many", num_graphs=99)]}, "not enough"),
    ],
)
def test_settings_that_cannot_be_are_refused(settings, words):
    with pytest.raises(InputError, match=words):
        audit(**settings)


def test_collections_that_do_not_fit_are_refused():
    empty = GraphCollection([LabelledGraph([], np.eye(4), 0)] * 4)
    with pytest.raises(InputError, match="no graph has an edge"):
        GradientAudit(empty, small_form(), [Head()], nulls=[PathNull()])
    with pytest.raises(InputError, match="4 feature columns, and the model form 3"):
        GradientAudit(trees(), small_form().__class__(3, 2), [Head()], nulls=[PathNull()])
    with pytest.raises(InputError, match=r"'everything' is not supported; supported: lifting, .*nulls"):
        audit("everything")


def test_names_of_attacks_are_those_of_the_registry(monkeypatch):
    for name in NULLS:
        monkeypatch.setitem(ATTACKS, name, PathNull)
    monkeypatch.setitem(ATTACKS, "lifting", Head)
    assert list(build_attacks(["lifting", "nulls", Structure()])) == ["lifting", *NULLS, "structure-oracle"]


def test_the_budget_scales_iterations(monkeypatch):
    class Iterating(Head):
        def __init__(self, iterations=300):
            self.iterations = iterations

    monkeypatch.setitem(ATTACKS, "dlg", Iterating)
    monkeypatch.setitem(ATTACKS, "lifting", Head)
    assert build_attack("dlg").iterations == 300
    assert build_attack("dlg", 0.1).iterations == 30
    assert build_attack("dlg", 1e-9).iterations == 1
    assert isinstance(build_attack("lifting", 0.1), Head)


def test_defences_have_their_epsilon_and_accuracy(tmp_path):
    results = audit(defences=["none", "noise:1"], accuracy=True, victims=4).run(tmp_path)
    none, noise = results["defences"]
    assert none["epsilon"] is None
    assert noise["epsilon"] > 0
    assert "rounds of training" in noise["note"]
    for defence in (none, noise):
        assert 0 <= defence["accuracy_low"] <= defence["accuracy"] <= defence["accuracy_high"] <= 1


def test_weights_can_be_trained_first(tmp_path):
    drawn, trained = (audit(trained=epochs, victims=4) for epochs in (0, 2))
    assert not np.array_equal(drawn._case.weights["W1"], trained._case.weights["W1"])
    assert line_of(trained.run(tmp_path), "head", "label")["value"] == 1


def test_the_structure_is_for_oracles_whatever_an_attack_is_called():
    planned = audit(Head())
    seen = Observations.of(planned._case, Defence(), planned._groups(Defence())[:1], 0)
    assert seen.transcript_for(Structure(), 0).structure is not None
    assert seen.transcript_for(Disguised(), 0).structure is None
