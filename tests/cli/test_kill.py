"""Killed in the middle: the next command finds the old or the new state whole, and clears away the rest."""

import json
import os
import random
import signal
import subprocess
import sys
import time

import pytest
from tests.cli.command import command_line, copy_folder, run, snapshot
from tests.cli.killing import PRELUDE

from oubli import Removal, load_model
from oubli.errors import InputError
from oubli.graph import generate_graph, write_npz

REQUEST = ("--node", "3", "--node", "11")

# Forks before every change of the disk in turn, and kills the fork there. One thread layer survives a fork.
KILLER = (
    PRELUDE
    + """
source, place, *command = sys.argv[1:]
found, limit = [], 0
while True:
    limit += 1
    model = os.path.join(place, str(limit))
    shutil.copytree(source, model)
    child = os.fork()
    if child == 0:
        at_change(limit, "open")
        os._exit(quiet(command[0], model, *command[1:])[0])
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    left = sorted(os.listdir(model))
    code, out = quiet("info", model, "--json")
    digest = json.loads(out)["digest"] if code == 0 else None
    found.append({"status": status, "left": left, "digest": digest, "after": sorted(os.listdir(model))})
    if status != -signal.SIGKILL:
        break
print(json.dumps(found))
"""
)


@pytest.fixture(scope="module")
def digests(fitted):
    model = load_model(fitted)
    old = model.digest()
    model.unlearn(Removal(nodes=[3, 11]))
    return old, model.digest()


def test_at_every_change_of_the_disk(fitted, tmp_path, digests):
    command = [sys.executable, "-c", KILLER, str(fitted), str(tmp_path), "unlearn", *REQUEST]
    environment = os.environ | {"NUMBA_THREADING_LAYER": "workqueue", "NUMBA_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, timeout=300)
    found = json.loads(done.stdout)
    *killed, last = found
    assert len(killed) > 20
    assert last["status"] == 0
    assert {entry["status"] for entry in killed} == {-signal.SIGKILL}
    seen = [entry["digest"] for entry in found]
    change = seen.index(digests[1])
    assert 0 < change < len(killed), "kills came before and after the change"
    assert seen == [digests[0]] * change + [digests[1]] * (len(found) - change)
    assert any(len(entry["left"]) > 3 for entry in killed), "some kill left something behind"
    for entry in found:
        names = [name.partition("-")[0] for name in entry["after"]]
        assert names == ["lock", "manifest.json", "state"]


def test_real_commands_at_random_moments(fitted, tmp_path, digests):
    random.seed(5)
    for draw in range(4):
        model = copy_folder(fitted, tmp_path / f"{draw}")
        process = subprocess.Popen(
            command_line("unlearn", model, *REQUEST), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        before, deadline = set(os.listdir(model)), time.monotonic() + 60
        # Start-up takes most of the time: wait until it writes.
        while process.poll() is None and set(os.listdir(model)) == before and time.monotonic() < deadline:
            time.sleep(0.0005)
        time.sleep(random.uniform(0, 0.03))
        process.kill()
        process.wait()
        told = run("info", model, "--json")
        assert told.code == 0, told.err
        assert told.json["digest"] in digests
        assert len(list(model.iterdir())) == 3
        again = run("unlearn", model, *REQUEST, "--missing", "ignore")
        assert again.code == 0
        assert load_model(model).digest() == digests[1]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupt_says_so_in_one_line(fitted, tmp_path, number):
    model, request = copy_folder(fitted, tmp_path / "model"), tmp_path / "request"
    before = snapshot(model)
    os.mkfifo(request)
    process = subprocess.Popen(
        command_line("unlearn", model, "--nodes", request),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A shell that starts the tests in the background has them, and what they start, ignore interrupts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    # Opening waits for the command to open the other side: then it is reading its request.
    with request.open("w"):
        process.send_signal(number)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert err.startswith("oubli: interrupted")
    assert err.count("\n") == 1
    assert snapshot(model) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_fit_that_is_interrupted_leaves_no_files(tmp_path, number):
    write_npz(generate_graph(num_nodes=20_000, num_features=256, seed=1), tmp_path / "graph.npz")
    place = tmp_path / "models"
    place.mkdir()
    process = subprocess.Popen(
        command_line("fit", tmp_path / "graph.npz", "-o", place / "model", "--engine", "mmap", "--hops", 8),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 60
    while not list(place.glob("store-*/totals_*")) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.001)
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, ""), err
    assert list(place.iterdir()) == []


def test_requests_at_once_are_honoured_or_refused(fitted, tmp_path):
    model = copy_folder(fitted, tmp_path / "model")
    asked = [3, 11, 17]
    processes = [
        subprocess.Popen(
            command_line("unlearn", model, "--node", node), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for node in asked
    ]
    ended = [(process.communicate(timeout=120), process.returncode) for process in processes]
    honoured = [node for node, (_, code) in zip(asked, ended, strict=True) if code == 0]
    assert honoured
    for (_, err), code in ended:
        if code:
            assert code == 2
            assert "another command changed the model" in err
    expected = load_model(fitted)
    expected.unlearn(Removal(nodes=honoured))
    assert load_model(model).digest() == expected.digest()


def test_a_model_that_changed_meanwhile_is_not_overwritten(model):
    one, other = load_model(model), load_model(model)
    one.unlearn(Removal(nodes=[3]))
    one.save(model)
    other.unlearn(Removal(nodes=[11]))
    with pytest.raises(InputError, match="another command changed the model"):
        other.save(model)
    assert load_model(model).digest() == one.digest()
