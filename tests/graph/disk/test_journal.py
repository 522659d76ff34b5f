"""An undo journal: leads back to the former rows, whatever a kill or a power cut left of it."""

from __future__ import annotations

import resource

import numpy as np
import pytest

from oubli.errors import CapacityError, InputError
from oubli.graph.disk import journal as module
from oubli.graph.disk.journal import UndoJournal, journal_state, undo


def some_arrays():
    generator = np.random.default_rng(1)
    return {
        "rows": generator.integers(0, 2**30, (50, 3)).astype(np.int32),
        "flags": generator.random(40) < 0.5,
        "names": generator.integers(0, 9, 30).astype("U5"),
    }


def changed(path):
    """Return arrays that changed in three steps under a journal, as they were and as they are."""
    arrays = some_arrays()
    former = {name: array.copy() for name, array in arrays.items()}
    journal = UndoJournal(path, "state-1")
    journal.note("rows", arrays["rows"], np.array([3, 7, 4]))
    journal.note_run("flags", arrays["flags"], 5, 12)
    journal.sync()
    arrays["rows"][[3, 7, 4]] = -1
    arrays["flags"][5:12] ^= True
    journal.note("names", arrays["names"], np.array([0, 29]))
    journal.note("rows", arrays["rows"], np.array([], np.int64))
    journal.sync()
    arrays["names"][[0, 29]] = "later"
    # Of rows that changed before, it is the first record that counts.
    journal.note("rows", arrays["rows"], np.array([7, 8]))
    journal.sync()
    arrays["rows"][[7, 8]] = -2
    journal.close()
    return former, arrays


def assert_equal(arrays, former):
    for name, array in former.items():
        np.testing.assert_array_equal(arrays[name], array)


def test_undoing_leads_back(tmp_path):
    former, arrays = changed(tmp_path / "journal")
    assert journal_state(tmp_path / "journal") == "state-1"
    for _ in range(2):
        undo(tmp_path / "journal", arrays)
        assert_equal(arrays, former)


def test_a_tail_that_never_came_to_the_disk_is_passed_over(tmp_path):
    """Between two syncs a power cut may leave any piece of what was written, or none."""
    generator, file = np.random.default_rng(2), tmp_path / "journal"
    arrays = some_arrays()
    former = {name: array.copy() for name, array in arrays.items()}
    journal = UndoJournal(file, "state-1")
    journal.note("rows", arrays["rows"], np.arange(20))
    journal.sync()
    synced = file.stat().st_size
    for name, array in arrays.items():
        journal.note(name, array, np.arange(30))
    journal.close()
    whole = file.read_bytes()
    for draw in range(200):
        left = bytearray(whole[: generator.integers(synced, len(whole) + 1)])
        for _ in range(draw % 4):
            first, last = np.sort(generator.integers(synced, len(whole) + 1, 2)).tolist()
            left[first:last] = bytes(len(left[first:last]))
        file.write_bytes(left)
        torn = {name: array.copy() for name, array in former.items()}
        torn["rows"][:20] = -1
        undo(file, torn)
        assert_equal(torn, former)


def test_a_head_that_never_came_to_the_disk_is_of_no_state(tmp_path):
    file = tmp_path / "journal"
    UndoJournal(file, "state-1").close()
    whole = file.read_bytes()
    for length in range(len(whole) - 2):
        file.write_bytes(whole[:length])
        assert journal_state(file) == ""


def test_damage_to_what_counts_is_an_error_and_changes_nothing(tmp_path):
    """Every flipped bit of a record that was synced is told, or does no harm."""
    file = tmp_path / "journal"
    former, arrays = changed(file)
    whole = file.read_bytes()
    told = 0
    for at in range(0, len(whole) - 60, 3):
        damaged = bytearray(whole)
        damaged[at] ^= 1 << at % 8
        file.write_bytes(damaged)
        undone = {name: array.copy() for name, array in arrays.items()}
        try:
            state = journal_state(file)
            assert state == "state-1", at
            undo(file, undone)
        except InputError:
            told += 1
            assert_equal(undone, arrays)
        else:
            assert_equal(undone, former)
    assert told > 100


@pytest.mark.parametrize("arrays", [{}, {"rows": np.zeros((50, 3), np.int64)}, {"rows": np.zeros((5, 3), np.int32)}])
def test_arrays_that_do_not_fit_are_refused(tmp_path, arrays):
    changed(tmp_path / "journal")
    others = {name: array for name, array in some_arrays().items() if name != "rows"}
    with pytest.raises(InputError, match="damaged"):
        undo(tmp_path / "journal", others | arrays)


def test_rows_in_many_parts(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "PART", 36)
    former, arrays = changed(tmp_path / "small")
    undo(tmp_path / "small", arrays)
    assert_equal(arrays, former)
    rows, places = former["rows"], np.random.default_rng(4).permutation(50)
    journal = UndoJournal(tmp_path / "journal", "state-1")
    journal.note("rows", rows, places)
    journal.sync()
    journal.close()
    arrays = {"rows": np.full_like(rows, -1)}
    undo(tmp_path / "journal", arrays)
    assert_equal(arrays, {"rows": rows})
    assert (tmp_path / "journal").read_bytes().count(b'"array"') == 17


def test_no_room_for_one_of_many_parts(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "PART", 36)
    journal = UndoJournal(tmp_path / "journal", "state-1")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1500, limits[1]))
    try:
        with pytest.raises(CapacityError, match="journal: the disk is full"):
            journal.note("rows", some_arrays()["rows"], np.arange(50))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    journal.close()


def test_a_journal_is_not_written_over(tmp_path):
    UndoJournal(tmp_path / "journal", "state-1").close()
    with pytest.raises(InputError, match="cannot be written"):
        UndoJournal(tmp_path / "journal", "state-2")
    assert journal_state(tmp_path / "journal") == "state-1"
