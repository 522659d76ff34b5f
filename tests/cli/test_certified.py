"""A certified model by the command line: fitted, told of, forgetting, verified, refused."""

import json

import numpy as np
import pytest
from tests.cli.command import assert_refused, copy_folder, run, snapshot

from oubli import Removal, load_model
from oubli.guarantees import Certified, Receipt
from oubli.guarantees.folder import read_folder, write_folder
from oubli.models import CertifiedClassifier


@pytest.fixture(scope="module")
def certified_once(graph_file, tmp_path_factory):
    folder = tmp_path_factory.mktemp("certified") / "model"
    done = run("fit", graph_file, "-o", folder, "--model", "certified", "--delta", "0.001")
    assert (done.code, done.err) == (0, "")
    return folder


@pytest.fixture
def certified(certified_once, tmp_path):
    return copy_folder(certified_once, tmp_path / "model")


def tamper(folder, **changes):
    """Change arrays of a saved model, digests and all."""
    _, description, arrays = read_folder(folder)
    write_folder(folder, description, arrays | {name: change(arrays[name]) for name, change in changes.items()})


def test_every_option_arrives(graph_file, tmp_path):
    given = "--epsilon 2 --delta 0.001 --weights 0.5,0,1 --rmax 0.001 --noise-std 0.3 --alpha 0.05 --normalize none"
    more = "--mechanism objective --operator 0.7 --projection none --step-share 0.25 --hops 2 --teleport 0.2"
    done = run("fit", graph_file, "-o", tmp_path / "m", "--model", "certified", *f"{given} {more}".split())
    assert (done.code, done.err) == (0, "")
    expected = CertifiedClassifier(
        epsilon=2.0,
        delta=0.001,
        weights=[0.5, 0.0, 1.0],
        rmax=0.001,
        noise_std=0.3,
        alpha=0.05,
        normalize=None,
        mechanism="objective",
        operator=0.7,
        projection=None,
        step_share=0.25,
        teleport=0.2,
    )
    assert load_model(tmp_path / "m").describe() == expected.describe()


def test_a_delta_that_gives_nodes_away_is_warned_of_in_a_line(graph_file, tmp_path):
    done = run("fit", graph_file, "-o", tmp_path / "m", "--model", "certified", "--delta", "0.5")
    assert done.code == 0
    assert done.err.startswith("oubli: ")
    assert "delta: 0.5 is more than one over" in done.err
    assert done.err.count("\n") == 1


def test_info_tells_of_guarantee_and_odometer(certified):
    told, text = run("info", certified, "--json").json, run("info", certified).out
    model = load_model(certified)
    assert told["odometer"] == model.odometer_.to_dict()
    assert told["guarantee"] == model.guarantee().to_dict()
    assert (told["odometer"]["requests"], told["odometer"]["releases"]) == (0, 1)
    assert "certified, epsilon 1, delta 0.001, for each model given out" in text
    assert "0 requests so far, 0 Newton steps, 0 retrainings, 1 model given out" in text
    assert run("info", certified, "--json").json["digest"] == told["digest"]


def test_it_forgets_tells_and_is_verified(certified, graph, tmp_path):
    done = run("unlearn", certified, "--node", 5, "--label", 7, "--receipt", tmp_path / "receipt.json")
    assert (done.code, done.err) == (0, "")
    assert "Guarantee: certified, epsilon 1, delta 0.001: the weights given out are nearly as likely" in done.out
    assert "of the budget left" in done.out
    assert "bytes" not in done.out
    receipt = Receipt.from_json((tmp_path / "receipt.json").read_text())
    model = load_model(certified)
    assert isinstance(receipt.guarantee, Certified)
    assert receipt.guarantee == model.guarantee()
    assert receipt.weights_sha256 == model.weights_digest()
    assert model.graph_.num_nodes == graph.without(Removal(nodes=[5])).num_nodes
    assert run("info", certified, "--json").json["odometer"]["releases"] == 2
    held = run("verify", certified)
    assert (held.code, held.err) == (0, "")
    assert held.out.startswith("The certificate holds")
    told = run("verify", certified, "--json").json
    assert told["identical"]
    assert told["certificate"]["residual"] <= told["certificate"]["budget"]


@pytest.mark.parametrize("change", ["weights", "coef"])
def test_verify_finds_a_changed_array(certified, change):
    tamper(certified, **{change: lambda array: array + 1.0})
    done = run("verify", certified)
    assert (done.code, done.err) == (1, "")
    assert "does NOT hold" in done.out
    assert ("do not go with" in done.out) == (change == "coef")
    assert run("verify", certified, "--json").code == 1


def test_a_budget_that_was_written_in_does_not_help(certified):
    def rich(account):
        return np.frombuffer(json.dumps(json.loads(account.tobytes()) | {"budget": 1e9}).encode(), np.uint8)

    tamper(certified, weights=lambda array: array + 1.0, account=rich)
    done = run("verify", certified, "--json")
    assert done.code == 1
    assert done.json["certificate"]["budget"] < 1


def test_a_lazy_model_is_verified(graph_file, graph, tmp_path):
    words = ["--model", "certified", "--rmax", "0.01", "--noise-std", "5", "--delta", "0.001", "--weights", "ppr"]
    assert run("fit", graph_file, "-o", tmp_path / "m", *words).code == 0
    u, v = graph.edges[0].tolist()
    assert run("unlearn", tmp_path / "m", "--edge", f"{u},{v}", "--feature", 9).code == 0
    assert load_model(tmp_path / "m").odometer_.residual > 0
    assert run("verify", tmp_path / "m").code == 0
    assert run("predict", tmp_path / "m", "--node", 5).code == 0


def test_a_damaged_folder_is_said_to_be_one(certified):
    file = next(certified.rglob("coef.npy"))
    content = file.read_bytes()
    file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    for command in ("info", "verify", "predict"):
        assert_refused(run(command, certified), "damaged or changed")


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["--epsilon", "0"], ["epsilon", "positive"]),
        (["--epsilon", "100"], ["epsilon", "at most 32"]),
        (["--delta", "1"], ["delta", "between 0 and 1"]),
        (["--rmax", "-0.1"], ["rmax"]),
        (["--rmax", "nan"], ["rmax"]),
        (["--noise-std", "0"], ["noise_std"]),
        (["--noise-std", "1e-18"], ["noise_std", "the noise hides"]),
        (["--alpha", "0.1,1"], ["alpha", "one number"]),
        (["--alpha", "1e-320"], ["alpha"]),
        (["--weights", "gcn"], ["--weights", "'gcn'"]),
        (["--weights", "0,0,0"], ["weights", "zero"]),
        (["--weights", "1,1"], ["weights", "2 given for 2 hops"]),
        (["--mechanism", "input"], ["--mechanism"]),
        (["--step-share", "2"], ["step_share"]),
        (["--smooth"], ["--smooth", "certified"]),
        (["--scoring", "accuracy"], ["--scoring", "certified"]),
    ],
)
def test_values_that_it_cannot_have_are_refused(graph_file, tmp_path, given, words):
    done = run("fit", graph_file, "-o", tmp_path / "m", "--model", "certified", "--delta", "0.001", *given)
    assert_refused(done, *words)
    assert not (tmp_path / "m").exists()


def test_requests_that_cannot_be_honoured_change_nothing(certified, graph, write):
    before = snapshot(certified)
    labels = dict(zip(graph.node_ids.tolist(), graph.labels.tolist(), strict=True))
    members = [node for node in graph.train_nodes.tolist() if labels[node] == 0]
    pairs = {tuple(edge) for edge in graph.edges.tolist()}
    absent = next((0, v) for v in range(1, 200) if (0, v) not in pairs)
    whole_class = write("class.json", {"labels": members})
    assert_refused(run("unlearn", certified, "--request", whole_class), "class 0", "nothing was changed")
    assert_refused(run("unlearn", certified, "--edge", f"0,{absent[1]}"), "edge")
    assert_refused(run("unlearn", certified, "--node", 10**6), str(10**6))
    assert_refused(run("unlearn", certified), "nothing was requested")
    assert snapshot(certified) == before
    assert run("verify", certified).code == 0


def test_what_is_not_there_gives_out_no_other_model(certified):
    weights = load_model(certified).weights_digest()
    done = run("unlearn", certified, "--node", 10**6, "--missing", "ignore", "--json")
    assert done.code == 0
    assert done.json["receipt"]["weights_sha256"] == weights
    assert run("info", certified, "--json").json["odometer"]["releases"] == 1


def test_names_for_ids(named_graph, tmp_path):
    CertifiedClassifier(delta=1e-3).fit(named_graph).save(tmp_path / "m")
    name = named_graph.train_nodes[0]
    assert run("unlearn", tmp_path / "m", "--node", name).code == 0
    assert run("verify", tmp_path / "m").code == 0
    assert_refused(run("unlearn", tmp_path / "m", "--node", name), "removed before")
