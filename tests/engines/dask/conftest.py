"""Real clusters: two worker processes for a module, or a scheduler and workers of their own."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import time

import pytest

from oubli.engines.dask.cluster import Cluster


@pytest.fixture(scope="module")
def scheduler():
    """The address of a scheduler with two workers, which lasts for a module."""
    cluster = Cluster(2)
    yield cluster.address
    cluster.close()


class OwnCluster:
    """A scheduler and workers in processes of their own, to be killed."""

    def __init__(self, folder):
        file = folder / "scheduler.json"
        self.processes = []
        self.scheduler = self.start("dask_scheduler", "--port", "0", "--host", "127.0.0.1", "--scheduler-file", file)
        until = time.monotonic() + 30
        while not (file.exists() and file.read_text().endswith("}")):
            assert time.monotonic() < until, "no scheduler came up"
            time.sleep(0.05)
        self.address = json.loads(file.read_text())["address"]

    def start(self, name, *options):
        """Start a process of Dask's."""
        command = [sys.executable, "-m", f"distributed.cli.{name}", *map(str, options), "--no-dashboard"]
        environment = os.environ | {"NUMBA_NUM_THREADS": "1"}
        process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment, start_new_session=True
        )
        self.processes.append(process)
        return process

    def add_worker(self):
        """Start a worker without a nanny, so that nobody starts it again."""
        return self.start("dask_worker", self.address, "--nthreads", "1", "--no-nanny")

    def stop(self):
        """Kill what is left."""
        for process in self.processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, 9)
            process.wait()


@pytest.fixture
def own_cluster(tmp_path):
    """A scheduler in a process of its own; no workers yet."""
    cluster = OwnCluster(tmp_path)
    yield cluster
    cluster.stop()
