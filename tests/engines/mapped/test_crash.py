"""A process that dies in the middle of a removal, and a power cut: the state before or the one after, nothing else."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
from tests.cli.killing import PRELUDE
from tests.engines.mapped.models import InPanels, assert_tidy, manifest, store
from tests.exactness.raw import random_raw

from oubli import Removal, load_model
from oubli.engines.mapped import Store
from oubli.models import SGCRidge

# Kills a fork before every change of the disk in turn, the flushes of mapped pages among them, and once more, at every
# change in turn, while what the first kill left is put right.
KILLER = (
    PRELUDE
    + """
import tests.engines.mapped.models
from oubli import Removal, load_model
from oubli.errors import OubliError
from oubli.graph.disk import arrays
source, place, requests, twice = sys.argv[1:]
asked = [Removal(**request) for request in json.loads(requests)]

def flushes():
    os.flush_array = arrays.flush_array
    import oubli.engines.mapped.store as store
    import oubli.graph.disk.journal as journal
    for module in (store, journal):
        module.flush_array = lambda array: os.flush_array(array)

def change(folder):
    model = load_model(folder)
    for removal in asked:
        model.unlearn(removal, missing="ignore")
    model.save(folder)

def killed(limit, folder, work):
    child = os.fork()
    if child == 0:
        flushes()
        at_change(limit, "open", "write", "fdatasync", "posix_fallocate", "flush_array")
        code = 1
        try:
            work(folder)
            code = 0
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

def look(folder):
    model = load_model(folder)
    return model.digest()

# Forks then have what is compiled.
shutil.copytree(source, os.path.join(place, "0"))
change(os.path.join(place, "0"))
found, limit = [], 0
while True:
    limit += 1
    folder = os.path.join(place, str(limit))
    shutil.copytree(source, folder)
    status = killed(limit, folder, change)
    again, recovering = 0, limit % 8 == 0 and status != 0 and twice == "twice"
    while recovering and killed(again + 1, folder, load_model) == -signal.SIGKILL:
        again += 1
    left = [name for _, _, names in os.walk(folder) for name in names]
    entry = {"status": status, "journal": "journal" in left, "digest": look(folder), "again": again}
    found.append(entry | {"folder": folder})
    if status != -signal.SIGKILL:
        break
print(json.dumps(found))
"""
)


@pytest.fixture(scope="module")
def raw():
    return random_raw(11, num_nodes=90, strings=True)


def saved(kind, raw, tmp_path, **options):
    (tmp_path / "scratch").mkdir(exist_ok=True)
    model = kind(engine="mmap", scratch=str(tmp_path / "scratch"), **options).fit(raw.build())
    model.save(tmp_path / "model")
    return tmp_path / "model", model.digest()


def removals(raw):
    ids, edges = raw.ids.tolist(), raw.edges.tolist()
    return [
        {"nodes": ids[3:6], "features": ids[10:12], "labels": raw.train[:1].tolist(), "edges": [edges[-1]]},
        # Of the hub: the last hop is computed whole, in new files.
        {"nodes": ids[:1]},
    ]


@pytest.mark.parametrize(
    ("kind", "requests"), [(SGCRidge, slice(0, 2)), (InPanels, slice(0, 1))], ids=["whole hops", "panels"]
)
def test_killed_at_every_change_of_the_disk(kind, requests, raw, tmp_path):
    asked = removals(raw)[requests]
    folder, old = saved(kind, raw, tmp_path, alpha=(0.1, 1.0))
    after = SGCRidge(alpha=(0.1, 1.0)).fit(raw.build())
    for request in asked:
        after.unlearn(Removal(**request), missing="ignore")
    (tmp_path / "killed").mkdir()
    command = [sys.executable, "-c", KILLER, folder, tmp_path / "killed", json.dumps(asked), "twice"]
    environment = os.environ | {"NUMBA_THREADING_LAYER": "workqueue", "NUMBA_NUM_THREADS": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=250)
    assert done.returncode == 0, done.stderr
    *killed, last = found = json.loads(done.stdout)
    assert last["status"] == 0
    assert {entry["status"] for entry in killed} == {-signal.SIGKILL}
    assert len(killed) > 60
    assert sum(entry["journal"] for entry in killed) > 20, "many kills left a journal"
    assert sum(entry["again"] for entry in killed) > 20, "and many came while it was undone"
    seen = [entry["digest"] for entry in found]
    turn = seen.index(after.digest())
    assert 0 < turn < len(killed), "kills came before and after the change"
    assert seen == [old] * turn + [after.digest()] * (len(found) - turn)
    for entry in found:
        assert_tidy(tmp_path / "killed" / os.path.basename(entry["folder"]))


PAGE = 64
"""Bytes that come to the disk together, or not: fewer than on any disk, so that small files have many."""


def torn(now: bytes, former: bytes, generator: np.random.Generator) -> bytes:
    """Return a file of which some pages never came to the disk."""
    pages = [
        now[at : at + PAGE] if generator.random() < 0.5 else former[at : at + PAGE] for at in range(0, len(now), PAGE)
    ]
    return b"".join(pages)


def cut_at_every_sync(folder, asked, monkeypatch, tmp_path, generator):
    """Unlearn, and yield a copy of the folder as power cuts may leave it, before and after each sync of the journal."""
    former = {file.relative_to(folder): file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    copies = []

    def copy():
        """Of pages not flushed any may be on the disk; of the journal, what was synced and any of the rest."""
        target = tmp_path / f"cut-{len(copies)}"
        shutil.copytree(folder, target)
        for file in target.rglob("*.npy"):
            known = former.get(file.relative_to(target))
            if known is not None and known != file.read_bytes():
                file.write_bytes(torn(file.read_bytes(), known, generator))
            elif known is None:
                file.write_bytes(torn(file.read_bytes(), bytes(file.stat().st_size), generator))
        copies.append(target)

    def watched(name):
        real = getattr(Store, name)

        def before(self, *args, **options):
            copy()
            real(self, *args, **options)
            copy()

        monkeypatch.setattr(Store, name, before)

    model = load_model(folder)
    for name in ("before", "flush"):
        watched(name)
    for request in asked:
        model.unlearn(Removal(**request), missing="ignore")
    copy()
    model._store().flush()
    monkeypatch.undo()
    return copies, model


@pytest.mark.parametrize("kind", [SGCRidge, InPanels])
@pytest.mark.parametrize("operator", ["random_walk", "symmetric"])
def test_a_power_cut_with_pages_of_before_and_after(kind, operator, raw, tmp_path, monkeypatch):
    folder, old = saved(kind, raw, tmp_path, operator=operator)
    generator = np.random.default_rng(3)
    copies, _ = cut_at_every_sync(folder, removals(raw), monkeypatch, tmp_path, generator)
    assert len(copies) > 20
    changed = 0
    for target in copies:
        names = manifest(target)["store"]["files"]
        changed += any(
            (store(target) / entry["file"]).read_bytes() != (store(folder) / entry["file"]).read_bytes()
            for entry in names.values()
        )
        assert load_model(target).digest() == old
        assert_tidy(target)
    assert changed > 10


def test_a_journal_whose_last_record_is_cut_off_leads_back(raw, tmp_path):
    folder, old = saved(SGCRidge, raw, tmp_path)
    model = load_model(folder)
    model.unlearn(Removal(**removals(raw)[0]), missing="ignore")
    journal = store(folder) / "journal"
    whole = journal.read_bytes()
    for cut in (1, 3, 40):
        target = tmp_path / f"copy-{cut}"
        shutil.copytree(folder, target)
        (store(target) / "journal").write_bytes(whole + whole[-200:-cut])
        assert load_model(target).digest() == old
        assert_tidy(target)


def test_a_damaged_journal_is_told_and_left(raw, tmp_path):
    folder, _ = saved(SGCRidge, raw, tmp_path)
    model = load_model(folder)
    model.unlearn(Removal(**removals(raw)[0]), missing="ignore")
    del model
    journal = store(folder) / "journal"
    damaged = bytearray(journal.read_bytes())
    damaged[len(damaged) // 3] ^= 1
    journal.write_bytes(damaged)
    for _ in range(2):
        with pytest.raises(Exception, match="journal of a removal is damaged; restore the model from a backup"):
            load_model(folder)
        assert journal.read_bytes() == damaged
