"""A small disk."""

import os
import shutil
import subprocess

import pytest


@pytest.fixture
def mount(tmp_path):
    """Mount a small file system in memory, or do what else `mount` does; it takes rights that not everyone has."""
    place = tmp_path / "disk"
    place.mkdir()
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("mounting a small disk needs root")

    def mounted(size):
        if subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}k", "tmpfs", place], capture_output=True, check=False
        ).returncode:
            pytest.skip("this machine does not allow mounting")
        return place

    yield mounted
    subprocess.run(["umount", "-l", place], check=False, capture_output=True)
