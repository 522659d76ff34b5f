"""`oubli audit gradients` from outside: results beside nulls, one line for bad input, going on after an interrupt."""

import json
import subprocess
import sys

import numpy as np
import pytest
from tests.audit.gradients.attempts import Head, Structure, small_form, trees
from tests.audit.gradients.attempts import Path as PathNull
from tests.cli.command import assert_refused, run, snapshot

from oubli.audit.gradients import ModelForm
from oubli.audit.gradients.attacks import ATTACKS, NULLS
from oubli.audit.gradients.form import ACTIVATIONS, LAYERS, POOLINGS
from oubli.cli.audit import gradients as command

QUICK = ("--victims", 6, "--hidden", "8,8", "--no-accuracy")


def named(kind, wanted):
    return type(kind.__name__, (kind,), {"name": wanted})


@pytest.fixture
def attacks(monkeypatch):
    """Simple attacks in the places of those that take their time."""
    monkeypatch.setitem(ATTACKS, "lifting", named(Head, "lifting"))
    monkeypatch.setitem(ATTACKS, "recursion-oracle", named(Structure, "recursion-oracle"))
    for name in NULLS:
        monkeypatch.setitem(ATTACKS, name, named(PathNull, name))


@pytest.fixture
def data(tmp_path):
    return write_collection(tmp_path / "trees.npz", trees())


def write_collection(path, collection):
    starts = np.cumsum([0, *(graph.num_nodes for graph in collection)])
    pairs = np.vstack([graph.edges + start for graph, start in zip(collection, starts, strict=False)])
    np.savez(
        path,
        graph_ptr=starts,
        edge_index=pairs.reshape(-1, 2).T,
        node_labels=np.concatenate([graph.types for graph in collection]),
        graph_labels=np.array([graph.label for graph in collection]),
    )
    return path


def gradients(data, out, *more):
    return run("audit", "gradients", "--data", data, "-o", out, *QUICK, *more)


def test_the_table_has_nulls_and_the_threat_model(attacks, data, tmp_path):
    done = gradients(data, tmp_path / "out", "--attack", "lifting,recursion-oracle,nulls")
    assert done.code == 0, done.err
    lines = done.out.splitlines()
    assert lines[0].startswith("Attacker: an honest-but-curious server")
    head = next(line for line in lines if line.startswith("lifting "))
    assert "1.00 (" in head
    for name in NULLS:
        assert any(line.startswith(f"{name} (null)") for line in lines)
    assert "the best null" in done.out
    for name in ("results.json", "rows.csv", "summary.csv"):
        assert (tmp_path / "out" / name).is_file()
        assert str(tmp_path / "out" / name) in done.out
    assert (tmp_path / "out" / "report.html").is_file() or 'pip install "oubli[report]"' in done.out


def test_json_is_what_the_file_says(attacks, data, tmp_path):
    done = gradients(data, tmp_path / "out", "--json", "--hidden", "4", "--head", "5,3", "--pooling", "sum")
    results = json.loads((tmp_path / "out" / "results.json").read_text())
    assert done.json["summary"] == results["summary"]
    assert done.json["threat_model"] == results["threat_model"]
    assert results["settings"]["form"]["hidden"] == [4]
    assert results["settings"]["form"]["head"] == [5, 3]
    assert results["settings"]["form"]["pooling"] == "sum"
    assert results["settings"]["victims"] == 6


def test_a_small_budget_is_told(attacks, data, tmp_path):
    done = gradients(data, tmp_path / "out", "--budget", 0.01)
    assert "0.01 of their published iterations" in done.out


def test_what_is_not_supported_is_told_in_the_table(monkeypatch, attacks, data, tmp_path):
    class Refusing(Structure):
        name = "graphdlg"

        def check(self, transcript):
            from oubli.errors import InputError

            raise InputError("graphdlg: supported for cubes")

    monkeypatch.setitem(ATTACKS, "graphdlg", Refusing)
    done = gradients(data, tmp_path / "out", "--attack", "lifting,graphdlg")
    assert done.code == 0
    assert "graphdlg: not supported (graphdlg: supported for cubes)" in done.out
    assert_refused(gradients(data, tmp_path / "all", "--attack", "graphdlg"), "supported for cubes")


def test_an_interrupt_keeps_what_is_done(monkeypatch, attacks, data, tmp_path):
    class Interrupted(Head):
        name = "lifting"
        left = 1

        def reconstruct(self, transcripts, seed=0):
            if not Interrupted.left:
                raise KeyboardInterrupt
            Interrupted.left -= 1
            return super().reconstruct(transcripts, seed)

    monkeypatch.setitem(ATTACKS, "lifting", Interrupted)
    assert_refused(gradients(data, tmp_path / "out"), "kept in", "run the same command to go on", code=130)
    begun = (tmp_path / "out" / "rows.jsonl").read_bytes()
    assert begun
    Interrupted.left = 1  # enough for what is missing, not for all
    assert gradients(data, tmp_path / "out").code == 0
    assert (tmp_path / "out" / "rows.jsonl").read_bytes().startswith(begun)


def test_another_audit_in_the_folder_is_refused(attacks, data, tmp_path):
    assert gradients(data, tmp_path / "out").code == 0
    before = snapshot(tmp_path / "out")
    assert_refused(gradients(data, tmp_path / "out", "--seed", 5), "other settings", "seed", "name another folder")
    assert snapshot(tmp_path / "out") == before
    assert gradients(data, tmp_path / "out").code == 0
    assert snapshot(tmp_path / "out") == before


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--attack", "magic"), ["'magic' is not supported", "lifting, graphdlg"]),
        (("--attack", "lifting,,dlg"), ["--attack", "empty name"]),
        (("--victims", 0), ["victims", "at least 1"]),
        (("--max-degree", 1), ["max degree: 1", "has"]),
        (("--max-nodes", 2), ["none of the 12 graphs"]),
        (("--hidden", "8,x"), ["--hidden", "'8,x'"]),
        (("--hidden", "none"), ["needs a graph layer"]),
        (("--hidden", "0"), ["--hidden", "above 0"]),
        (("--head", ","), ["--head"]),
        (("--budget", -1), ["budget"]),
        (("--activation", "cube"), ["--activation", "tanh"]),
        (("--trained", -2), ["trained"]),
    ],
)
def test_options_that_cannot_be_are_one_line(attacks, data, tmp_path, options, words):
    assert_refused(gradients(data, tmp_path / "out", *options), *words)
    assert not (tmp_path / "out").exists()


def test_a_device_that_is_not_there_is_refused(attacks, data, tmp_path):
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("there is one")
    assert_refused(gradients(data, tmp_path / "out", "--device", "cuda"), "'cuda' is not available", "use cpu")


def test_data_that_cannot_be_attacked_is_refused(attacks, data, tmp_path):
    assert_refused(gradients("no-such-set", tmp_path / "out"), "no-such-set", "is unknown")
    one = tmp_path / "one.npz"
    np.savez(one, edge_index=np.array([[0], [1]]), num_nodes=np.int64(2))
    assert_refused(gradients(one, tmp_path / "out"), "one", "graph_ptr is missing")
    empty = tmp_path / "empty.npz"
    np.savez(
        empty,
        graph_ptr=np.arange(0, 13, 3),
        edge_index=np.zeros((2, 0), np.int64),
        node_labels=np.zeros(12, np.int64),
        graph_labels=np.array([0, 1, 0, 1]),
    )
    assert_refused(gradients(empty, tmp_path / "out"), "no graph has an edge")
    assert_refused(gradients(data, data), "is a file", "folder")
    assert not (tmp_path / "out").exists()


def test_a_missing_extra_is_named(data, tmp_path):
    code = (
        "import sys\nsys.modules['{missing}'] = None\nfrom oubli.cli import main\n"
        "sys.exit(main(['audit', 'gradients', '--data', {data!r}, '-o', {out!r}]))"
    )
    for missing, extra in (("torch", "attacks"), ("networkx", "networkx")):
        filled = code.format(missing=missing, data=str(data), out=str(tmp_path / "out"))
        done = subprocess.run([sys.executable, "-c", filled], capture_output=True, text=True, check=False, timeout=120)
        assert done.returncode == 2, done.stderr
        assert done.stderr.count("\n") == 1
        assert f'pip install "oubli[{extra}]"' in done.stderr


def test_choices_told_are_those_of_the_models():
    assert set(command.ACTIVATIONS) == set(ACTIVATIONS)
    assert set(command.POOLINGS) == set(POOLINGS)
    assert set(command.LAYERS) == set(LAYERS)
    defaults = {parameter.name: parameter.default for parameter in command.audit_gradients.params}
    form = ModelForm(2, 2)
    for name in ("activation", "bias", "pooling", "layer"):
        assert defaults[name] == getattr(form, name)
    assert defaults["hidden"] == ",".join(map(str, form.hidden))
    told = next(parameter.help for parameter in command.audit_gradients.params if parameter.name == "attacks")
    assert all(name in told for name in ATTACKS if name not in NULLS)
    assert small_form().layer in LAYERS


def test_audit_alone_shows_its_commands():
    done = run("audit")
    assert done.code == 0
    assert "gradients" in done.out
