"""What tests of all floors share."""

import os

# Before anything imports flwr or ray: the tests report to nobody.
os.environ["FLWR_TELEMETRY_ENABLED"] = "0"
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest


@pytest.fixture(scope="session")
def data_root():
    """The folder of real data sets; tests that need it skip where there is none."""
    named = os.environ.get("OUBLI_DATA")
    root = Path(named) if named else Path(__file__).resolve().parent.parent.parent / "shared" / "data"
    if not root.is_dir():
        pytest.skip(f"no real data: {root} is not there (OUBLI_DATA names another folder)")
    return root


@pytest.fixture(scope="session")
def assert_same_graph():
    """Assert that two graphs look the same from outside."""

    def dense(features):
        return features.toarray() if hasattr(features, "toarray") else features

    def check(one, two):
        assert one.node_ids.tolist() == two.node_ids.tolist()
        assert one.edges.tolist() == two.edges.tolist()
        assert one.labels.tolist() == two.labels.tolist()
        assert one.classes.tolist() == two.classes.tolist()
        np.testing.assert_array_equal(dense(one.features), dense(two.features))
        for split in ("train_nodes", "val_nodes", "test_nodes"):
            assert getattr(one, split).tolist() == getattr(two, split).tolist()

    return check


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 1 MB; mounting one takes rights that not everyone has."""
    place = tmp_path / "disk"
    place.mkdir()
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("mounting a small disk needs root")
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", place], capture_output=True, check=False
    ).returncode:
        pytest.skip("this machine does not allow mounting")
    yield place
    subprocess.run(["umount", place], check=True)
