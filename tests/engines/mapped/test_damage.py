"""Stores that are not whole, or a manifest that names what it may not: told, and nothing outside is touched."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from tests.cli.command import snapshot
from tests.engines.mapped.models import assert_tidy, manifest, store
from tests.exactness.raw import random_raw

from oubli import Removal, load_model
from oubli.errors import InputError
from oubli.guarantees.folder import _manifest_digest
from oubli.models import SGCRidge

ARRAYS = (
    "ids",
    "alive",
    "start",
    "count",
    "neighbours",
    "features",
    "label_codes",
    "split_codes",
    "messages",
    "totals_2",
)


@pytest.fixture
def folder(tmp_path):
    SGCRidge(engine="mmap", scratch=str(tmp_path / "scratch")).fit(random_raw(15).build()).save(tmp_path / "model")
    return tmp_path / "model"


@pytest.mark.parametrize("name", ARRAYS)
def test_missing_cut_off_or_of_another_kind(folder, name):
    file = store(folder) / manifest(folder)["store"]["files"][name]["file"]
    content, array = file.read_bytes(), np.load(file)
    for size in (0, 5, len(content) // 2, len(content) - 1):
        file.write_bytes(content[:size])
        with pytest.raises(InputError, match=rf"{name}.*instead of.*damaged or changed; restore it"):
            load_model(folder)
    file.write_bytes(content + b"x")
    with pytest.raises(InputError, match="instead of"):
        load_model(folder)
    file.unlink()
    with pytest.raises(InputError, match=r"is missing: damaged or changed"):
        load_model(folder)
    # Of the same size, and yet something else.
    kind = np.dtype(f"V{array.itemsize}") if array.dtype.kind == "U" else np.dtype(f"u{array.itemsize}")
    other = array.view(np.int8) if array.dtype == np.uint8 else array.view(kind)
    np.save(file, other)
    with pytest.raises(InputError, match=r"holds|cut off|instead of"):
        load_model(folder)
    file.write_bytes(b"\x00" * len(content))
    with pytest.raises(InputError, match="cannot be opened"):
        load_model(folder)
    file.write_bytes(content)
    assert_tidy(folder)
    load_model(folder)


def rewritten(folder, change):
    """Change the manifest as someone would who sets its digest as well."""
    told = manifest(folder)
    change(told)
    told["sha256"] = _manifest_digest(told)
    (folder / "manifest.json").write_text(json.dumps(told))


def elsewhere(told):
    told["store"]["folder"] = "../precious"


def file_elsewhere(told):
    told["store"]["files"]["ids"]["file"] = "../../precious/thesis.npy"


def state_elsewhere(told):
    told["files"]["../../precious/thesis.npy"] = told["files"]["weights.npy"]


def no_files(told):
    del told["store"]["files"]


def a_number(told):
    told["store"] = 7


@pytest.mark.parametrize("change", [elsewhere, file_elsewhere, state_elsewhere, no_files, a_number])
def test_a_manifest_that_names_what_it_may_not(folder, tmp_path, change):
    precious = tmp_path / "precious"
    precious.mkdir()
    for name in ("thesis.npy", "journal", "notes"):
        (precious / name).write_bytes(b"years")
    rewritten(folder, change)
    before = snapshot(precious)
    with pytest.raises(InputError, match="names what it may not"):
        load_model(folder)
    SGCRidge().fit(random_raw(1).build()).save(folder)
    assert snapshot(precious) == before


def test_a_store_that_is_gone(folder):
    shutil.rmtree(store(folder))
    with pytest.raises(InputError, match="is missing"):
        load_model(folder)


def test_an_array_the_model_needs_is_not_named(folder):
    rewritten(folder, lambda told: told["store"]["files"].pop("totals_1"))
    with pytest.raises(InputError, match=r"do not fit together"):
        load_model(folder)


def test_the_manifest_in_force_is_on_the_disk_before_what_the_former_needs_goes(folder, tmp_path, monkeypatch):
    """As a kill left it between the rename and the deletions, nobody knows whether the rename is there for good."""
    journal = store(folder) / "journal"
    model = load_model(folder)
    model.unlearn(Removal(nodes=random_raw(15).ids[:2]))
    held = journal.read_bytes()
    model.save(folder)
    del model
    journal.write_bytes(held)
    steps = []
    fsync, unlink = os.fsync, Path.unlink

    def flushed(handle):
        fsync(handle)
        steps.extend(place for place in (folder, journal.parent) if os.path.samestat(place.stat(), os.fstat(handle)))

    def unlinked(self, *arguments, **options):
        steps.append(self.name)
        unlink(self, *arguments, **options)

    monkeypatch.setattr(os, "fsync", flushed)
    monkeypatch.setattr(Path, "unlink", unlinked)
    load_model(folder)
    assert steps == [folder, "journal", journal.parent]
