"""Several who have a model open: one may change it when nobody else has it, and nobody waits for ever."""

from __future__ import annotations

import gc
import os
import shutil
import subprocess
import sys
import weakref

import numpy as np
import pytest
from tests.engines.mapped.models import assert_tidy, manifest, store
from tests.exactness.raw import random_raw

from oubli import Removal, load_model
from oubli.errors import InputError, UnsweptError
from oubli.models import SGCRidge

HOLDER = """
import sys
from oubli import Removal, load_model
model = load_model(sys.argv[1])
if sys.argv[2] == "writer":
    model.unlearn(Removal(nodes=model.graph_.node_ids[-2:]))
print(model.digest(), flush=True)
sys.stdin.readline()
print(model.digest(), flush=True)
"""


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr("oubli.guarantees.placing.PATIENCE", 0.2)
    monkeypatch.setattr("oubli.guarantees.stores.PATIENCE", 0.2)


@pytest.fixture(scope="module")
def raw():
    return random_raw(13)


@pytest.fixture
def folder(raw, tmp_path):
    model = SGCRidge(engine="mmap", scratch=str(tmp_path / "scratch")).fit(raw.build())
    model.save(tmp_path / "model")
    return tmp_path / "model"


class Holder:
    """Another process that has a model open."""

    def __init__(self, folder, role):
        command = [sys.executable, "-c", HOLDER, str(folder), role]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.first = self.process.stdout.readline().strip()

    def end(self):
        out, _ = self.process.communicate("\n", timeout=60)
        return out.strip()

    def kill(self):
        self.process.kill()
        self.process.communicate()


def test_two_who_read_and_one_who_would_write(folder, raw):
    one, other = load_model(folder), load_model(folder)
    old, removal = one.digest(), Removal(nodes=raw.ids[:3])
    for model, rest in ((one, other), (other, one), (one, other)):
        with pytest.raises(InputError, match="in use by another command or model object; close it"):
            model.unlearn(removal)
        assert rest.digest() == model.digest() == old
    with pytest.raises(InputError, match="in use"):
        other.save(folder)
    del one, model, rest
    gc.collect()
    other.unlearn(removal)
    with pytest.raises(InputError, match="being changed by another command"):
        load_model(folder)
    other.save(folder)
    assert load_model(folder).digest() == other.digest()


def test_a_removal_while_another_process_reads(folder, raw):
    holder = Holder(folder, "reader")
    try:
        model = load_model(folder)
        assert model.digest() == holder.first
        with pytest.raises(InputError, match="in use"):
            model.unlearn(Removal(nodes=raw.ids[:3]))
        del model
        gc.collect()
        assert holder.end() == holder.first
    finally:
        holder.kill()
    model = load_model(folder)
    model.unlearn(Removal(nodes=raw.ids[:3]))
    model.save(folder)


def test_reading_while_another_process_writes(folder, raw):
    old = load_model(folder).digest()
    gc.collect()
    holder = Holder(folder, "writer")
    try:
        assert holder.first != old
        assert (store(folder) / "journal").exists()
        with pytest.raises(InputError, match="being changed by another command; wait"):
            load_model(folder)
        with pytest.raises(InputError, match="in use"):
            SGCRidge(engine="memory").fit(raw.build()).save(folder)
        assert (store(folder) / "journal").exists(), "what is under way elsewhere is left alone"
    finally:
        holder.kill()
    assert load_model(folder).digest() == old
    assert_tidy(folder)


def test_a_fork_may_read_and_not_write(folder, raw, tmp_path):
    """It has the same pages, and at its end must not take the files of its parent with it."""
    unsaved = SGCRidge(engine="mmap", scratch=str(tmp_path / "scratch")).fit(raw.build())
    model = load_model(folder)
    old = model.digest()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            for one in (model, unsaved):
                assert one.digest() == old
                for change in (
                    lambda one=one: one.unlearn(Removal(nodes=raw.ids[:2])),
                    lambda: unsaved.save(tmp_path / "its"),
                ):
                    with pytest.raises(InputError, match="forked from, which shares its pages; save it there"):
                        change()
            # What runs at the end of a process.
            weakref.finalize._exitfunc()
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert model.digest() == old
    assert unsaved.digest() == old
    assert len(list((tmp_path / "scratch").iterdir())) == 1
    unsaved.save(tmp_path / "other")
    assert load_model(tmp_path / "other").digest() == old


def test_a_folder_that_was_made_anew_meanwhile(folder, raw, tmp_path):
    model = load_model(folder)
    shutil.rmtree(folder)
    other = SGCRidge(engine="mmap", scratch=str(tmp_path / "scratch")).fit(random_raw(14).build())
    other.save(folder)
    with pytest.raises(InputError, match="deleted or replaced"):
        model.unlearn(Removal(nodes=raw.ids[:2]))
    model = None
    assert load_model(folder).digest() == other.digest()


def test_what_follows_the_commit_fails_and_the_model_goes_on(folder, raw, tmp_path, monkeypatch):
    """The new state is in force then: its files are kept, and its journal leads back to it."""
    fresh = SGCRidge(engine="mmap", scratch=str(tmp_path / "scratch")).fit(raw.build())
    model, twin = load_model(folder), SGCRidge().fit(raw.build())
    first, second = Removal(nodes=raw.ids[:3]), Removal(edges=raw.edges[-3:], labels=raw.train[-2:])

    def broken(*arguments):
        raise OSError(5, "Input/output error")

    for one in (model, fresh, twin):
        one.unlearn(first)
    calls = []

    def second_time(*arguments):
        calls.append(1)
        if len(calls) > 1:
            broken()

    for one, place, name, broken_there in (
        (model, folder, "oubli.engines.mapped.store.sweep", broken),
        (fresh, tmp_path / "new", "oubli.guarantees.folder.sweep", second_time),
    ):
        with monkeypatch.context() as patched:
            patched.setattr(name, broken_there)
            with pytest.raises(UnsweptError, match="in force"):
                one.save(place)
    kept = twin.digest()
    twin.unlearn(second)
    for one in (model, fresh):
        assert one.digest() == kept
        one.unlearn(second, missing="ignore")
        assert one.digest() == twin.digest()
    one = model = fresh = None
    gc.collect()
    for place in (folder, tmp_path / "new"):
        loaded = load_model(place)
        assert loaded.digest() == kept
        assert_tidy(place)
        loaded.unlearn(second, missing="ignore")
        loaded.save(place)
        assert loaded.digest() == twin.digest()


def test_unsaved_arrays_are_where_the_manifest_says(folder):
    told = manifest(folder)["store"]["files"]
    assert {"ids", "neighbours", "messages", "totals_1"} <= told.keys()
    for entry in told.values():
        array = np.load(store(folder) / entry["file"])
        assert [array.dtype.str, list(array.shape)] == [entry["dtype"], entry["shape"]]
