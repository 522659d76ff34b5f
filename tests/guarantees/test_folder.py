"""A model's folder: whole at every moment, and nothing in it but the present state."""

from __future__ import annotations

import errno
import json
import os

import numpy as np
import pytest

from oubli.errors import CapacityError, InputError
from oubli.guarantees.folder import MANIFEST, read_folder, write_folder

OLD = ({"number": 1}, {"rows": np.arange(6).reshape(2, 3), "names": np.array(["a", "b"])})
NEW = ({"number": 2}, {"rows": np.arange(8.0), "more": np.zeros((0, 3), np.int16)})


def assert_holds(folder, expected):
    _, description, arrays = read_folder(folder)
    assert description == expected[0]
    assert arrays.keys() == expected[1].keys()
    for name, array in expected[1].items():
        assert arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(arrays[name], array)


def states(folder):
    return [entry.name for entry in folder.iterdir() if entry.is_dir()]


def test_what_is_written_is_read(tmp_path):
    first = write_folder(tmp_path / "model", *OLD)
    assert_holds(tmp_path / "model", OLD)
    second = write_folder(tmp_path / "model", *NEW)
    assert_holds(tmp_path / "model", NEW)
    assert first != second
    assert states(tmp_path / "model") == [second]
    assert read_folder(tmp_path / "model")[0] == second


FAILURES = [OSError(errno.EIO, "input/output error"), KeyboardInterrupt(), MemoryError()]


@pytest.mark.parametrize("failure", FAILURES, ids=repr)
@pytest.mark.parametrize("call", ["fsync", "rename"])
@pytest.mark.parametrize("occasion", range(1, 8))
def test_a_failure_at_any_moment_leaves_the_old_or_the_new_state_whole(tmp_path, monkeypatch, failure, call, occasion):
    """The system's own calls fail, one after the other, before or after they did their work."""
    folder = tmp_path / "model"
    write_folder(folder, *OLD)
    module, name = (os, "fsync") if call == "fsync" else (type(folder), "rename")
    real, count = getattr(module, name), 0

    def failing(*args):
        nonlocal count
        count += 1
        if count == (occasion + 1) // 2:
            if occasion % 2:
                real(*args)
            raise failure
        return real(*args)

    monkeypatch.setattr(module, name, failing)
    try:
        write_folder(folder, *NEW)
        failed = False
    except (InputError, KeyboardInterrupt, MemoryError):
        failed = True
    monkeypatch.undo()
    assert failed == (count >= (occasion + 1) // 2)
    number = read_folder(folder)[1]["number"]
    assert_holds(folder, OLD if number == 1 else NEW)
    assert failed or number == 2
    assert len(states(folder)) == 1
    assert not list(folder.glob("*.new"))
    write_folder(folder, *NEW)
    assert_holds(folder, NEW)


class Unwritable:
    """Raises when it is made an array."""

    def __array__(self, *args, **kwargs):
        raise RuntimeError("no")


def test_an_error_midway_leaves_the_old_state(tmp_path):
    write_folder(tmp_path, *OLD)
    with pytest.raises(RuntimeError):
        write_folder(tmp_path, {"number": 3}, {"rows": np.arange(4), "bad": Unwritable()})
    with pytest.raises(TypeError):
        write_folder(tmp_path, {"number": object()}, {"rows": np.arange(4)})
    assert_holds(tmp_path, OLD)
    assert len(states(tmp_path)) == 1


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk(tmp_path, monkeypatch, number):
    write_folder(tmp_path, *OLD)

    def full(handle):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CapacityError, match="as it was before"):
        write_folder(tmp_path, *NEW)
    monkeypatch.undo()
    assert_holds(tmp_path, OLD)


def every_file(folder):
    return sorted(entry for entry in folder.rglob("*") if entry.is_file() and entry.name != "lock")


def test_any_changed_or_missing_byte_is_noticed(tmp_path):
    write_folder(tmp_path, *OLD)
    files = every_file(tmp_path)
    assert len(files) == 3
    for file in files:
        content = file.read_bytes()
        places = range(0, len(content), max(1, len(content) // 40))
        for at in places:
            damaged = bytearray(content)
            damaged[at] ^= 1
            if file.name == MANIFEST and _same_values(content, damaged):
                continue
            file.write_bytes(damaged)
            with pytest.raises(InputError, match=r"tampered|cannot be read|not a model"):
                read_folder(tmp_path)
        for size in (0, 1, len(content) // 2, len(content) - 1):
            if file.name == MANIFEST and size == len(content):
                continue
            file.write_bytes(content[:size])
            with pytest.raises(InputError, match=r"truncated|cannot be read"):
                read_folder(tmp_path)
        file.write_bytes(content + b"x")
        with pytest.raises(InputError):
            read_folder(tmp_path)
        file.unlink()
        with pytest.raises(InputError, match=r"missing|no model"):
            read_folder(tmp_path)
        file.write_bytes(content)
    assert_holds(tmp_path, OLD)


def _same_values(content, damaged):
    """Tell whether a flipped bit of the manifest changed no more than blanks."""
    try:
        return json.loads(bytes(damaged)) == json.loads(content)
    except (UnicodeDecodeError, json.JSONDecodeError):
        return False


def test_an_array_swapped_for_another_is_noticed(tmp_path):
    write_folder(tmp_path, {}, {"a": np.arange(3), "b": np.arange(3) + 1})
    (state,) = (tmp_path / name for name in states(tmp_path))
    (state / "a.npy").write_bytes((state / "b.npy").read_bytes())
    with pytest.raises(InputError, match="digest"):
        read_folder(tmp_path)


def test_what_a_kill_left_behind_is_swept(tmp_path):
    present = write_folder(tmp_path, *OLD)
    for left in ("state-0123456789abcdef", "state-fedcba9876543210"):
        (tmp_path / left).mkdir()
        (tmp_path / left / "secret.npy").write_bytes(b"removed person")
    (tmp_path / f"{MANIFEST}.new").write_text("{")
    assert_holds(tmp_path, OLD)
    assert states(tmp_path) == [present]
    assert b"removed person" not in b"".join(file.read_bytes() for file in every_file(tmp_path))
    (tmp_path / "state-0123456789abcdef").mkdir()
    write_folder(tmp_path, *NEW)
    assert len(states(tmp_path)) == 1


def test_other_peoples_files_are_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("years")
    with pytest.raises(InputError, match="other files"):
        write_folder(tmp_path, *OLD)
    assert (tmp_path / "thesis.tex").read_text() == "years"
    assert len(list(tmp_path.iterdir())) == 1
    file = tmp_path / "thesis.tex"
    with pytest.raises(InputError, match="is a file"):
        write_folder(file, *OLD)
    with pytest.raises(InputError, match="no model"):
        read_folder(tmp_path)
    with pytest.raises(InputError):
        read_folder(tmp_path / "nowhere")


def test_another_writer_meanwhile(tmp_path):
    mine = write_folder(tmp_path, *OLD)
    theirs = write_folder(tmp_path, *NEW, expected=mine)
    with pytest.raises(InputError, match="meanwhile"):
        write_folder(tmp_path, *OLD, expected=mine)
    assert_holds(tmp_path, NEW)
    write_folder(tmp_path, *OLD, expected=theirs)
    assert_holds(tmp_path, OLD)
