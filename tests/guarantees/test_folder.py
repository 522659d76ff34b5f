"""A model's folder: whole at every moment, and nothing in it but the present state."""

from __future__ import annotations

import errno
import json
import os
import shutil
import stat

import numpy as np
import pytest

from oubli.errors import CapacityError, InputError, UnsweptError
from oubli.guarantees.folder import LOCK, MANIFEST, read_folder, write_folder

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
@pytest.mark.parametrize("call", ["fsync", "replace", "rmdir"])
@pytest.mark.parametrize("occasion", range(1, 20))
def test_a_failure_at_any_moment_leaves_the_old_or_the_new_state_whole(tmp_path, monkeypatch, failure, call, occasion):
    """The system's own calls fail, one after the other, before or after they did their work."""
    folder = tmp_path / "model"
    old = write_folder(folder, *OLD)
    real, count = getattr(os, call), 0

    def failing(*args, **options):
        nonlocal count
        count += 1
        if count == (occasion + 1) // 2:
            if occasion % 2:
                real(*args, **options)
            raise failure
        return real(*args, **options)

    monkeypatch.setattr(os, call, failing)
    failed, in_force = True, None
    try:
        write_folder(folder, *NEW)
        failed = False
    except UnsweptError as error:
        in_force = error.state
    except (InputError, MemoryError):
        in_force = old
    except KeyboardInterrupt:
        pass
    monkeypatch.undo()
    assert failed == (count >= (occasion + 1) // 2)
    name, description, _ = read_folder(folder)
    number = description["number"]
    assert in_force in (None, name), "what is told is what is"
    assert_holds(folder, OLD if number == 1 else NEW)
    assert failed or number == 2
    assert len(states(folder)) == 1
    assert not list(folder.glob("*.new"))
    write_folder(folder, *NEW)
    assert_holds(folder, NEW)


def test_what_follows_the_rename_is_not_told_as_not_written(tmp_path, monkeypatch):
    old = write_folder(tmp_path, *OLD)

    def broken(folder):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "rmtree", broken)
    with pytest.raises(UnsweptError, match=r"in force.*removed, may still be there.*oubli info") as told:
        write_folder(tmp_path, *NEW, expected=old)
    assert not isinstance(told.value, InputError | CapacityError)
    assert sorted(states(tmp_path)) == sorted([old, told.value.state])
    assert_holds(tmp_path, NEW)
    assert len(states(tmp_path)) == 2, "what cannot be swept does not keep anyone from reading"
    monkeypatch.undo()
    assert read_folder(tmp_path)[0] == told.value.state
    assert states(tmp_path) == [told.value.state]
    write_folder(tmp_path, *OLD, expected=told.value.state)


def test_power_cuts_find_each_step_on_the_disk(tmp_path, monkeypatch):
    """Of the entries of a folder, what was flushed stays; so each step is flushed before the one that builds on it."""
    folder = tmp_path / "a" / "model"
    steps = []

    def noting(name, real):
        def noted(*args, **options):
            done = real(*args, **options)
            if name != "fsync":
                steps.append((name, args[0]))
            elif stat.S_ISDIR(os.fstat(args[0]).st_mode):
                (place,) = (
                    p for p in [tmp_path, *tmp_path.rglob("*")] if os.path.samestat(p.stat(), os.fstat(args[0]))
                )
                steps.append(("flush", place))
            return done

        return noted

    for module, call in ((os, "fsync"), (os, "replace"), (shutil, "rmtree")):
        monkeypatch.setattr(module, call, noting(call, getattr(module, call)))
    old = folder / write_folder(folder, *OLD)
    rename = ("replace", folder / f"{MANIFEST}.new")
    assert set(steps[:2]) == {("flush", tmp_path), ("flush", tmp_path / "a")}
    assert steps[2:] == [("flush", old), ("flush", folder), rename, ("flush", folder)]
    steps.clear()
    new = folder / write_folder(folder, *NEW)
    deletion = [("rmtree", old), ("flush", folder)]
    assert steps[:4] == [("flush", new), ("flush", folder), rename, ("flush", folder)]
    assert steps[-3:] == [("flush", folder), *deletion]
    steps.clear()
    old.mkdir()
    read_folder(folder)
    assert steps == [("flush", folder), *deletion], "the manifest has to be there for good before others are deleted"
    steps.clear()
    read_folder(folder)
    assert steps == []


@pytest.mark.parametrize("umask", [0o000, 0o022])
def test_only_the_owner_may_read_a_model(tmp_path, umask):
    former = os.umask(umask)
    try:
        write_folder(tmp_path / "model", *OLD)
        write_folder(tmp_path / "model", *NEW)
    finally:
        os.umask(former)
    for entry in [tmp_path / "model", *(tmp_path / "model").rglob("*")]:
        assert stat.S_IMODE(entry.stat().st_mode) == (0o700 if entry.is_dir() else 0o600), entry


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
            with pytest.raises(InputError, match=r"damaged or changed|cannot be read|not a model"):
                read_folder(tmp_path)
        for size in (0, 1, len(content) // 2, len(content) - 1):
            if file.name == MANIFEST and size == len(content):
                continue
            file.write_bytes(content[:size])
            with pytest.raises(InputError, match=r"damaged or changed|cannot be read"):
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


FOREIGN = ['{"name": "my chrome extension"}', '{"format": 1}', "[]", "{", "", "\xff"]


@pytest.mark.parametrize("content", FOREIGN)
def test_a_manifest_of_something_else_is_not_overwritten(tmp_path, content):
    (tmp_path / MANIFEST).write_text(content, encoding="latin-1")
    with pytest.raises(InputError, match=r"manifest\.json: not of a model.*delete the file"):
        write_folder(tmp_path, *OLD)
    assert [entry.name for entry in tmp_path.iterdir()] == [MANIFEST]
    assert (tmp_path / MANIFEST).read_text(encoding="latin-1") == content


def test_a_damaged_manifest_of_ours_is_replaced(tmp_path):
    write_folder(tmp_path, *OLD)
    whole = (tmp_path / MANIFEST).read_text()
    for damaged in (whole.replace('"number": 1', '"number": 7'), whole.replace('"format": 1', '"format": 2')):
        (tmp_path / MANIFEST).write_text(damaged)
        (tmp_path / f"{MANIFEST}.new").write_text("left by a kill")
        (tmp_path / f"{MANIFEST}.new").chmod(0o644)
        with pytest.raises(InputError):
            read_folder(tmp_path)
        state = write_folder(tmp_path, *OLD)
        assert_holds(tmp_path, OLD)
        assert sorted(entry.name for entry in tmp_path.iterdir()) == [LOCK, MANIFEST, state]
        assert stat.S_IMODE((tmp_path / MANIFEST).stat().st_mode) == 0o600


def test_another_writer_meanwhile(tmp_path):
    mine = write_folder(tmp_path, *OLD)
    theirs = write_folder(tmp_path, *NEW, expected=mine)
    with pytest.raises(InputError, match="meanwhile"):
        write_folder(tmp_path, *OLD, expected=mine)
    assert_holds(tmp_path, NEW)
    write_folder(tmp_path, *OLD, expected=theirs)
    assert_holds(tmp_path, OLD)
