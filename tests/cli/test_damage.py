"""A model folder that was cut, lost a file, or was changed: refused, and left as it is."""

import hashlib
import json

import numpy as np
import pytest
from tests.cli.command import assert_refused, run, snapshot, state_folder


def _files(model):
    return sorted(file for file in state_folder(model).iterdir())


def _refused_by_all(model, *words):
    before = snapshot(model)
    for given in (["info"], ["verify"], ["predict"], ["unlearn", "--node", "3"]):
        assert_refused(run(given[0], model, *given[1:]), *words)
    assert snapshot(model) == before


@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "longer", "bit"])
def test_every_file_in_turn(model, damage):
    names = [file.name for file in _files(model)]
    assert len(names) > 10
    for name in names:
        file = state_folder(model) / name
        whole = file.read_bytes()
        if damage == "missing":
            file.unlink()
        else:
            middle = len(whole) // 2
            flipped = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
            file.write_bytes({"empty": b"", "cut": whole[:-1], "longer": whole + b"\0", "bit": flipped}[damage])
        before = snapshot(model)
        assert_refused(run("unlearn", model, "--node", "3"), name, "fit again")
        assert snapshot(model) == before
        file.write_bytes(whole)
    assert run("unlearn", model, "--node", "3").code == 0


def test_every_command_refuses_a_damaged_file(model):
    _files(model)[-1].write_bytes(b"")
    _refused_by_all(model, "fit again")


def _manifest(model):
    return model / "manifest.json"


def test_manifest_cut_or_edited(model):
    whole = _manifest(model).read_text()
    for text, word in [
        ("", "cannot be read"),
        (whole[:-20], "cannot be read"),
        ("[]", "not a model"),
        (whole.replace('"format": 1', '"format": 2'), "not a model"),
        (whole.replace('"alpha": ', '"beta": '), "own digest"),
        (whole.replace('"hops": 2', '"hops": 3'), "own digest"),
        (whole.replace('"state": "state-', '"state": "../state-'), "own digest"),
    ]:
        assert text != whole
        _manifest(model).write_text(text)
        _refused_by_all(model, "manifest.json", word)
    _manifest(model).write_bytes(b"\xff\xfe\x00")
    _refused_by_all(model, "manifest.json")
    _manifest(model).unlink()
    _refused_by_all(model, "no model here")


def _forge(model, change):
    """Change a manifest and give it the digest it ought to have: what someone could do who knows the format."""
    manifest = json.loads(_manifest(model).read_text())
    del manifest["sha256"]
    change(manifest)
    text = json.dumps(manifest, sort_keys=True)
    _manifest(model).write_text(json.dumps(manifest | {"sha256": hashlib.sha256(text.encode()).hexdigest()}))


@pytest.mark.parametrize(
    "change",
    [
        lambda m: m["files"].pop("weights.npy"),
        lambda m: m["files"].pop("graph.edge_index.npy"),
        lambda m: m["description"]["model"]["params"].update(hops=3),
        lambda m: m["description"]["model"]["params"].update(unheard_of=3),
        lambda m: m["description"]["model"].update({"class": "Forest"}),
        lambda m: m["description"].pop("choices"),
        lambda m: m.pop("description"),
        lambda m: m.pop("files"),
        lambda m: m.pop("state"),
        lambda m: m.update(state=3),
        lambda m: m["files"].update({"weights.npy": 5}),
        lambda m: m["files"]["weights.npy"].pop("bytes"),
        lambda m: m["files"]["weights.npy"].update(bytes="a"),
        lambda m: m["files"]["weights.npy"].update(sha256=None),
        lambda m: m["description"]["model"].pop("class"),
    ],
)
def test_a_forged_manifest_that_does_not_fit_its_files(model, change):
    _forge(model, change)
    before = snapshot(model)
    assert_refused(run("info", model), "fit again")
    assert_refused(run("unlearn", model, "--node", "3"), "fit again")
    assert snapshot(model) == before


def test_forged_weights_are_found_by_verify(model):
    file = state_folder(model) / "weights.npy"
    weights = np.load(file)
    weights[0, 0] += 1e-9
    np.save(file, weights)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    _forge(model, lambda m: m["files"]["weights.npy"].update(sha256=digest))
    assert run("info", model).code == 0
    found = run("verify", model, "--json")
    assert (found.code, found.json["identical"]) == (1, False)


def test_pickles_are_not_loaded(model):
    file = state_folder(model) / "weights.npy"
    np.save(file, np.array([print], dtype=object), allow_pickle=True)
    entry = {"sha256": hashlib.sha256(file.read_bytes()).hexdigest(), "bytes": file.stat().st_size}
    _forge(model, lambda m: m["files"].update({"weights.npy": entry}))
    _refused_by_all(model, "weights.npy", "cannot be read")


def test_fitting_again_mends_a_damaged_folder(model, graph_file):
    edited = _manifest(model).read_text().replace('"hops": 2', '"hops": 3')
    for damage in (lambda: _manifest(model).write_text(edited), lambda: _files(model)[0].unlink()):
        damage()
        assert run("fit", graph_file, "-o", model).code == 0
        assert run("info", model).code == 0
        assert len(list(model.iterdir())) == 3


def test_a_manifest_that_may_be_of_something_else_is_left(model, graph_file):
    for content in ('{"name": "my chrome extension"}', "{"):
        _manifest(model).write_text(content)
        before = snapshot(model)
        assert_refused(run("fit", graph_file, "-o", model), "manifest.json", "another folder", "delete the file")
        assert snapshot(model) == before
    _manifest(model).unlink()
    assert run("fit", graph_file, "-o", model).code == 0
    assert len(list(model.iterdir())) == 3


def test_a_model_of_an_estimator_that_is_not_here_is_not_damaged(model):
    _forge(model, lambda m: m["description"]["model"].update({"class": "MyNet"}))
    found = run("info", model)
    assert_refused(found, "no estimator is called 'MyNet' here", "import it first")
    assert "damaged" not in found.err
