import json
import re

import numpy as np
import pytest

from oubli.audit.forgetting.methods import Method
from oubli.audit.forgetting.summary import summarise
from oubli.audit.membership.audit import MembershipAudit
from oubli.errors import InputError
from oubli.graph import generate_graph, load_dataset
from oubli.guarantees.digest import canonical_digest

GRAPH = generate_graph(500, num_classes=3, seed=1)


class LookupTable:
    """A model that knows the labels it was taught by heart, and guesses of all other nodes."""

    def __init__(self, seed, forgets=True, memory=5.0):
        self.seed, self.forgets, self.memory = seed, forgets, memory

    def fit(self, graph):
        self.graph_, self.classes_ = graph.compacted(), graph.classes
        self.scores = np.random.default_rng(self.seed).normal(size=(graph.num_nodes, graph.classes.size))
        taught = self.graph_.split_slots("train")
        self.scores[taught, self.graph_.label_codes[taught]] += self.memory
        return self

    def unlearn(self, removal):
        smaller = self.graph_.without(removal)
        if self.forgets:
            self.fit(smaller)
        self.graph_ = smaller

    def decision_function(self, nodes=None):
        return self.scores[self.graph_.slots(nodes)]

    def predict(self, nodes=None):
        return self.classes_[self.decision_function(nodes).argmax(axis=1)]

    def weights_digest(self):
        return canonical_digest([("scores", self.scores)])


def lookup(name, **settings):
    return Method(name, "test", "lookup table", "lookup", lambda seed: LookupTable(seed, **settings))


def lines_of(method, seeds=6):
    audit = MembershipAudit(GRAPH, ["exact"], shadows=8)
    records = [{"seed": seed, "method": method.name, **audit.attempt(seed, method)} for seed in range(seeds)]
    kinds = {name: attack.kind for name, attack in audit.attacks.items()}
    metrics = ("auc_matched", "tpr_matched", "auc_retained")
    return records, {(line["attack"], line["metric"]): line for line in summarise(records, metrics, kinds)}


ASKING_AFTER = ("lira", "lira-offline", "calibrated-loss", "loss", "entropy")


def test_a_memory_is_found_and_stale_weights_are_caught():
    records, lines = lines_of(lookup("stale", forgets=False))
    assert not any(record["standing"]["bytes_equal"] for record in records)
    for attack in ASKING_AFTER:
        assert lines[attack, "auc_retained"]["value"] > 0.9
        assert lines[attack, "auc_matched"]["gain"] > 0.35
        assert lines[attack, "auc_matched"]["above_floor"]
    # Nothing changed, so the difference has nothing to say, though of a retrained model it has.
    assert lines["difference-loss", "auc_matched"]["value"] == 0.5
    assert lines["difference-loss", "auc_matched"]["floor"] > 0.9


def test_what_forgets_gains_nothing_though_its_memory_is_found():
    records, lines = lines_of(lookup("retrained"))
    assert all(record["standing"]["bytes_equal"] for record in records)
    assert {line["gain"] for line in lines.values()} == {0.0}
    for attack in ASKING_AFTER:
        assert lines[attack, "auc_retained"]["value"] > 0.9
        assert lines[attack, "auc_matched"]["value"] == pytest.approx(0.5, abs=0.12)


def test_a_model_without_memory_gives_no_label_away():
    _, lines = lines_of(lookup("stale", forgets=False, memory=0.0))
    for attack in ASKING_AFTER:
        for metric in ("auc_retained", "auc_matched"):
            assert lines[attack, metric]["value"] == pytest.approx(0.5, abs=0.12)
            assert not lines[attack, metric]["above_floor"]


@pytest.fixture(scope="module")
def exact(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exact")
    return folder, MembershipAudit(GRAPH, ["exact"], seeds=2, shadows=4, data="generated").run(folder)


def test_exact_unlearning_leaves_the_bytes_of_retraining_and_gains_exactly_nothing(exact):
    _, results = exact
    (method,) = results["methods"]
    assert (method["bytes_equal"], method["seeds"], method["bound"], method["note"]) == (2, 2, 0.0, "")
    assert method["accuracy"] == method["accuracy_retrained"]
    assert {(line["gain"], line["gain_low"], line["gain_high"]) for line in results["summary"]} == {(0.0, 0.0, 0.0)}
    for curve in results["curves"]:
        assert curve["rate"] == curve["floor_rate"]


def test_results_say_all_that_a_report_needs(exact):
    folder, results = exact
    assert json.loads((folder / "results.json").read_text()) == results
    assert results["format"] == "oubli.audit.membership/1"
    assert results["settings"]["shadows"] == 4
    assert results["settings"]["unlearned"] == 17
    assert "after it unlearned 17 labels" in results["threat_model"]
    names = [attack["name"] for attack in results["attacks"]]
    assert [line["attack"] for line in results["summary"]] == [name for name in names for _ in results["metrics"]]
    assert [metric["name"] for metric in results["metrics"]] == [
        "auc_matched",
        "tpr_matched",
        "auc_retained",
        "tpr_retained",
    ]
    assert {curve["group"] for curve in results["curves"]} == {"matched", "retained"}
    assert {curve["kind"] for curve in results["curves"]} == {"attack", "null"}
    (control,) = results["control"]
    assert (control["bytes_equal"], control["advantage"], control["within"]) == (True, 0.0, True)
    assert len(results["rows"]) == 2 * len(names)


def without_clocks(results):
    return json.loads(re.sub(r'"seconds[a-z_]*": [0-9.e-]+', '"seconds": 0', json.dumps(results)))


def test_the_same_settings_give_the_same_results_and_a_stopped_audit_goes_on(exact, tmp_path):
    folder, results = exact
    (tmp_path / "settings.json").write_bytes((folder / "settings.json").read_bytes())
    rows = (folder / "rows.jsonl").read_bytes()
    # The control, the first seed, and part of the second.
    second = rows.index(b"\n", rows.index(b"\n") + 1) + 1
    (tmp_path / "rows.jsonl").write_bytes(rows[: second + 40])
    steps = []
    audit = MembershipAudit(GRAPH, ["exact"], seeds=2, shadows=4, data="generated")
    again = audit.run(tmp_path, lambda *step: steps.append(step))
    assert without_clocks(again) == without_clocks(results)
    assert steps == [(2, 3, "seed 1, exact"), (3, 3, "done")]


@pytest.mark.parametrize("changed", [{"ratio": 0.2}, {"shadows": 6}, {"attacks": ["loss"]}])
def test_a_folder_of_other_settings_is_refused(exact, changed):
    folder, _ = exact
    settings = {"attacks": ["all"], "shadows": 4} | changed
    with pytest.raises(InputError, match=f"holds an audit with other settings .*{next(iter(changed))}"):
        MembershipAudit(GRAPH, ["exact"], seeds=2, **settings).run(folder)


def test_noise_of_certified_models_differs_and_their_gain_is_near_zero(tmp_path):
    results = MembershipAudit(GRAPH, ["certified"], ["loss"], seeds=2, shadows=4, draws=0).run(tmp_path)
    (method,) = results["methods"]
    assert (method["claim"], method["bytes_equal"]) == ("certified", 0)
    assert abs(next(line["gain"] for line in results["summary"] if line["metric"] == "auc_matched")) < 0.1


def gains(results, attack, metric="auc_matched"):
    return {
        line["method"]: line["gain"]
        for line in results["summary"]
        if (line["attack"], line["metric"]) == (attack, metric)
    }


def test_a_network_that_keeps_its_weights_is_caught_and_one_that_trains_again_is_not(tmp_path):
    # Many noisy features and few edges: the network learns its training labels by heart.
    graph = generate_graph(
        200, num_classes=3, num_features=60, feature_noise=4.0, average_degree=2, homophily=0.6, seed=1
    )
    attacks = ["lira", "loss"]
    results = MembershipAudit(graph, ["stale", "retrain"], attacks, seeds=2, shadows=4, ratio=0.3).run(tmp_path)
    for attack in attacks:
        found = gains(results, attack)
        assert found["retrain"] == 0
        assert found["stale"] > 0.15
    assert [method["bytes_equal"] for method in results["methods"]] == [0, 2]


@pytest.mark.slow
def test_on_cora_stale_weights_give_labels_away_and_exact_unlearning_does_not(data_root, tmp_path):
    graph = load_dataset("cora", root=data_root)
    results = MembershipAudit(graph, ["exact", "stale"], seeds=2).run(tmp_path)
    assert gains(results, "lira")["exact"] == 0
    assert gains(results, "lira")["stale"] > 0.1
    # The attack works on the exact model, too: it is the removal that leaves nothing to find.
    (retained,) = (
        line["value"]
        for line in results["summary"]
        if (line["method"], line["attack"], line["metric"]) == ("exact", "lira", "auc_retained")
    )
    assert retained > 0.65


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"methods": []}, "methods: name at least one"),
        ({"methods": ["ceu"]}, "ceu removes edges only, not labels"),
        ({"attacks": ["group"]}, "'group' is not supported"),
        ({"ratio": 1.0}, "ratio: expected"),
        ({"shadows": 3}, "shadows: expected"),
        ({"seeds": 0}, "seeds: expected"),
        ({"graph": generate_graph(15, average_degree=2, seed=0)}, "15 nodes have a label"),
    ],
)
def test_bad_settings_are_refused_before_anything_is_run(settings, said):
    with pytest.raises(InputError, match=said):
        MembershipAudit(**({"graph": GRAPH, "methods": ["exact"]} | settings))


def test_few_labels_that_never_were_members_are_said_to_be_few():
    assert "fewer than 100" in MembershipAudit(generate_graph(200, seed=1), ["exact"]).threat_model()
    assert "fewer than 100" not in MembershipAudit(GRAPH, ["exact"]).threat_model()


def test_a_method_that_cannot_remove_labels_is_told_beside_those_that_can(tmp_path):
    results = MembershipAudit(GRAPH, ["ceu", "exact"], ["loss"], seeds=1, shadows=4, draws=0).run(tmp_path)
    assert [method["name"] for method in results["methods"]] == ["exact"]
    assert results["unsupported"] == [{"method": "ceu", "note": "ceu removes edges only, not labels"}]
