"""Many readers, or one writer; and a reader that cannot write stays a reader."""

from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from oubli.errors import InputError
from oubli.graph.disk.lock import FolderLock

HOLDER = """
import sys
from pathlib import Path
from oubli.graph.disk.lock import FolderLock
lock = FolderLock(Path(sys.argv[1]), "lock")
getattr(lock, sys.argv[2])()
print("holds", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def two(tmp_path):
    return FolderLock(tmp_path, "lock"), FolderLock(tmp_path, "lock")


def test_readers_and_writers(two):
    one, other = two
    one.share()
    other.share()
    with pytest.raises(InputError, match="is in use by another"):
        one.claim()
    other.close()
    one.claim()


def test_who_cannot_write_goes_on_reading(tmp_path, two):
    """As flock does it, the one who asked in vain would hold nothing afterwards."""
    one, other = two
    one.share()
    other.share()
    with pytest.raises(InputError):
        one.claim(0.05)
    with pytest.raises(InputError):
        other.claim()
    third = FolderLock(tmp_path, "lock")
    other.close()
    with pytest.raises(InputError):
        third.claim()


def test_a_writer_becomes_a_reader(two):
    one, other = two
    one.claim()
    with pytest.raises(InputError, match="is being changed"):
        other.share(0.05)
    one.share()
    other.share()


def test_a_lock_nobody_has_any_more_is_given_up(two, tmp_path):
    one, _ = two
    lock = FolderLock(tmp_path, "lock")
    lock.claim()
    del lock
    one.claim()


@pytest.mark.parametrize("kind", ["share", "claim"])
def test_between_processes_and_after_a_kill(tmp_path, two, kind):
    one, _ = two
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, tmp_path, kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert holder.stdout.readline() == b"holds\n"
        with pytest.raises(InputError, match="in use"):
            one.claim()
    finally:
        holder.kill()
        holder.communicate()
    one.claim()


def test_a_folder_made_anew_is_told(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    lock = FolderLock(folder, "lock")
    lock.share()
    shutil.rmtree(folder)
    with pytest.raises(InputError, match="deleted or replaced"):
        lock.claim()
    folder.mkdir()
    FolderLock(folder, "lock").claim()
    with pytest.raises(InputError, match="deleted or replaced"):
        lock.claim()
