"""An interrupt ends a command in good order, wherever it comes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.cli.command import command_line

WITHIN = """
import os, signal, sys, threading, time
import numba as nb, numpy as np
from oubli.cli.terminal import Interrupts

number = int(sys.argv[1])

@nb.njit(nogil=True)
def slow(many):
    found = np.zeros(1, np.int64)
    for _ in range(many):
        found[0] = (found[0] * 5 + 1) % 1_000_003
    return found

class Last:
    def __del__(self):
        os.kill(os.getpid(), number)

def compiled():
    threading.Timer(0.05, os.kill, (os.getpid(), number)).start()
    slow(100_000_000)
    time.sleep(30)

def collected():
    one = Last()
    del one
    time.sleep(30)

slow(1)
for place in (compiled, collected):
    began = time.monotonic()
    with Interrupts() as interrupts:
        try:
            place()
        except KeyboardInterrupt:
            print(place.__name__, interrupts.asked, time.monotonic() - began < 20)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_where_python_would_lose_it(number):
    done = subprocess.run(
        [sys.executable, "-c", WITHIN, str(int(number))],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert (done.stdout, done.stderr) == ("compiled True True\ncollected True True\n", "")


@pytest.mark.parametrize("wait", [0.1, 0.7])
@pytest.mark.parametrize(
    ("number", "whole_group"), [(signal.SIGINT, True), (signal.SIGTERM, False), (signal.SIGTERM, True)]
)
def test_while_workers_start(graph_file, tmp_path, number, whole_group, wait):
    process = subprocess.Popen(
        command_line("fit", graph_file, "-o", tmp_path / "model", "--engine", "dask", "--workers", 2),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    deadline = time.monotonic() + 60
    while len(_children(process.pid)) < 2 and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(wait)
    (os.killpg if whole_group else os.kill)(process.pid, number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, ""), err
    assert err.startswith("oubli: interrupted")
    assert err.count("\n") == 1, err
    assert not (tmp_path / "model" / "manifest.json").exists()


def _children(parent):
    found = []
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            # Behind the name, which may have anything: the state, and the parent.
            if int(place.read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(int(place.parent.name))
        except OSError:
            continue
    return found
