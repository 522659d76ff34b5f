"""A disk that fills: an error, and everything as it was."""

import errno
import os
import resource
import shutil

import pytest
from tests.cli.command import assert_refused, copy_folder, run, snapshot, spawn

from oubli.guarantees import Receipt


def _limited(size):
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@pytest.mark.parametrize("size", [100, 2000])
def test_files_that_may_not_grow(model, size):
    before = snapshot(model)
    done = spawn("unlearn", model, "--node", "3", preexec_fn=_limited(size))
    assert_refused(done, str(model), "no room")
    assert snapshot(model) == before
    assert run("unlearn", model, "--node", "3").code == 0


def test_a_receipt_that_does_not_fit_stops_the_request(model, tmp_path):
    before = snapshot(model)
    done = spawn("unlearn", model, "--node", "3", "--receipt", tmp_path / "receipt.json", preexec_fn=_limited(100))
    assert_refused(done, "receipt.json")
    assert snapshot(model) == before
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["model"]


def test_a_disk_that_is_full(fitted, graph_file, small_disk):
    model = copy_folder(fitted, small_disk / "model")
    (small_disk / "ballast").touch()
    free = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize
    before = snapshot(model)
    for left in (0, 4096, 20_000):
        (small_disk / "ballast").write_bytes(b"x" * max(0, free - left))
        assert_refused(run("unlearn", model, "--node", "3"), "no room")
        assert_refused(run("unlearn", model, "--node", "3", "--receipt", small_disk / "receipt.json"))
        assert_refused(run("fit", graph_file, "-o", model), "no room")
        assert_refused(run("fit", graph_file, "-o", small_disk / "new"), "no room")
        assert_refused(run("predict", model, "--scores", "-o", small_disk / "all.json"), "full")
        assert snapshot(model) == before
        assert run("info", model).code == 0
    (small_disk / "ballast").unlink()
    assert run("unlearn", model, "--node", "3").code == 0


def test_a_disk_that_fails_when_all_is_written(model, tmp_path, monkeypatch):
    before, digest = snapshot(model), run("info", model, "--json").json["digest"]

    def broken(folder):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(shutil, "rmtree", broken)
    receipt = tmp_path / "receipt.json"
    done = run("unlearn", model, "--node", "3", "--receipt", receipt)
    assert_refused(done, str(model), "in force", "may still be there", "oubli info", code=1)
    assert Receipt.from_json(receipt.read_text()).removed["nodes"] == 1
    assert before.items() <= (snapshot(model) | {"manifest.json": before["manifest.json"]}).items()
    monkeypatch.undo()
    assert run("info", model, "--json").json["digest"] != digest
    assert len(list(model.iterdir())) == 3
    assert run("verify", model).code == 0


def test_a_folder_that_cannot_be_made(graph_file):
    if not os.path.isdir("/proc/self"):
        pytest.skip("there is no /proc here")
    assert_refused(run("fit", graph_file, "-o", "/proc/self/model"), "cannot write")
