"""An import that is killed, or runs out of disk, goes on where it was, and ends in the same bytes."""

import json
import os
import resource
import shutil
import signal
import warnings

import numpy as np
import pytest
from tests.graph.importing.conftest import files_below, write_source

from oubli.errors import CapacityError, InputError
from oubli.graph import import_graph, load_graph
from oubli.graph.importing import run
from oubli.graph.importing.journal import Journal

CHANGES = ("fsync", "write", "replace", "rename", "unlink", "ftruncate", "mkdir", "rmdir", "posix_fallocate")
REFUSED = 7


def in_a_child(act):
    """Run something in a process of its own, and return its exit code, or minus the signal that killed it."""
    with warnings.catch_warnings():
        # Threads of libraries that this process has loaded do nothing here, and the child runs none.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        code = 1
        try:
            act()
            code = 0
        except CapacityError:
            code = REFUSED
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def killed_at(limit, act):
    """Run something in a process that is killed before that change of the disk; tell whether it came to that."""

    seen = [0]

    def counted(real):
        def change(*given, **more):
            seen[0] += 1
            if seen[0] == limit:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*given, **more)

        return change

    def wrapped():
        for name in CHANGES:
            setattr(os, name, counted(getattr(os, name)))  # of the child alone
        act()

    code = in_a_child(wrapped)
    assert code in (0, -signal.SIGKILL)
    return code != 0


def contents(folder):
    """Return all bytes of a graph folder but those of the manifest, which tells the time it took."""
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.suffix == ".npy"}


def finished(folder):
    """Tell whether all is done but for an empty folder that the last step of cleaning up left."""
    beside = folder.with_name("graph.importing")
    if not folder.exists() or (beside / "checkpoint.json").exists():
        return False
    if beside.exists():
        beside.rmdir()
    return True


@pytest.fixture
def steps(raw, tmp_path, monkeypatch):
    """An import of several files in many steps, and what comes of it when nothing happens."""
    monkeypatch.setattr(run, "CHECKPOINT", 1500)
    sources = [write_source(kind, raw["edges"][at::3], tmp_path) for at, kind in enumerate(("npy", "text", "parquet"))]
    np.save(tmp_path / "features.npy", raw["features"])

    def act(folder=tmp_path / "graph", **options):
        chosen = {"memory": 8192, "reorder": "bfs", "features": tmp_path / "features.npy", "labels": raw["labels"]}
        return import_graph(sources, folder, train=raw["train"], **chosen | options)

    act(tmp_path / "whole")
    return act


def test_killed_anywhere_it_ends_in_the_same_bytes(steps, tmp_path):
    limit, kills = 1, 0
    while killed_at(limit, steps):
        kills += 1
        # A second kill, when it goes on.
        if not finished(tmp_path / "graph"):
            killed_at(1 + limit % 11, steps)
        if not finished(tmp_path / "graph"):
            steps()
        assert contents(tmp_path / "graph") == contents(tmp_path / "whole")
        assert files_below(tmp_path).count("graph.importing") == 0
        shutil.rmtree(tmp_path / "graph")
        limit += 7
    assert kills > 15


def test_it_goes_on_and_does_not_begin_anew(steps, tmp_path, monkeypatch):
    assert killed_at(60, steps)
    facts = Journal.__dict__["save"]
    saved = []
    monkeypatch.setattr(Journal, "save", lambda self, **given: (saved.append(given), facts(self, **given)))
    told = []
    steps(progress=lambda *step: told.append(step))
    stages = [given["stage"] for given in saved if "stage" in given]
    assert stages
    assert "ids" not in stages
    edges = [done for stage, done, _ in told if stage == "edges"]
    whole = []
    steps(tmp_path / "again", progress=lambda *step: whole.append(step))
    assert len(edges) < len([step for step in whole if step[0] == "edges"])


def test_a_loss_of_what_was_done_would_be_seen(steps, tmp_path, monkeypatch):
    """The comparison of bytes catches an import that goes on behind edges it has lost."""
    limit = 20
    checkpoint = tmp_path / "graph.importing" / "checkpoint.json"
    while killed_at(limit, steps) and "edges" not in json.loads(checkpoint.read_text()):
        limit += 1
    for path in (tmp_path / "graph.importing" / "buckets").iterdir():
        arcs = np.fromfile(path, np.int32).reshape(-1, 2)
        arcs[:] = arcs[:1]
        arcs.tofile(path)
    steps()
    assert contents(tmp_path / "graph") != contents(tmp_path / "whole")


def test_damage_of_what_was_done_is_told(steps, tmp_path):
    checkpoint = tmp_path / "graph.importing" / "checkpoint.json"
    limit = 20
    while killed_at(limit, steps) and "edges" not in json.loads(checkpoint.read_text()):
        limit += 1
    for path in (tmp_path / "graph.importing" / "buckets").iterdir():
        path.write_bytes(b"\x7f" * path.stat().st_size)
    with pytest.raises(InputError, match="damaged"):
        steps()


@pytest.mark.parametrize("kind", ["text", "gzip", "quoted", "parquet", "npy", "npz", "callable"])
def test_every_source_goes_on_from_any_place(raw, tmp_path, monkeypatch, kind):
    monkeypatch.setattr(run, "CHECKPOINT", 400)
    source = write_source(kind, raw["edges"], tmp_path)
    import_graph(source, tmp_path / "whole", memory=4096, num_nodes=60)
    for limit in (25, 60, 110):
        killed_at(limit, lambda: import_graph(source, tmp_path / "graph", memory=4096, num_nodes=60))
        if not (tmp_path / "graph").exists():
            import_graph(source, tmp_path / "graph", memory=4096, num_nodes=60)
        assert contents(tmp_path / "graph") == contents(tmp_path / "whole")
        shutil.rmtree(tmp_path / "graph")


def test_the_search_for_ids_goes_on(raw, tmp_path):
    source = write_source("text", raw["edges"] * 2**35, tmp_path)
    import_graph(source, tmp_path / "whole", memory=4096)
    for limit in range(4, 40, 6):
        killed_at(limit, lambda: import_graph(source, tmp_path / "graph", memory=4096))
        import_graph(source, tmp_path / "graph", memory=4096)
        assert contents(tmp_path / "graph") == contents(tmp_path / "whole")
        shutil.rmtree(tmp_path / "graph")


@pytest.mark.parametrize("size", [100, 1200])
def test_a_disk_that_is_full(steps, tmp_path, size):
    def limited():
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        steps()

    assert in_a_child(limited) == REFUSED
    assert not (tmp_path / "graph").exists()
    steps()
    assert contents(tmp_path / "graph") == contents(tmp_path / "whole")


def test_a_disk_that_fills(small_disk, tmp_path, monkeypatch):
    monkeypatch.setattr(run, "CHECKPOINT", 1 << 16)
    edges = np.random.default_rng(3).integers(0, 3000, (20_000, 2)).astype(np.int32)
    np.save(tmp_path / "edges.npy", edges)

    def act(folder):
        return import_graph(tmp_path / "edges.npy", folder, memory=2**18, features=np.ones((3000, 9), np.float32))

    act(tmp_path / "whole")
    ballast = small_disk / "ballast"
    for left in (0, 20_000, 250_000, 60_000):
        ballast.touch()
        free = os.statvfs(small_disk).f_bavail * os.statvfs(small_disk).f_frsize
        ballast.write_bytes(b"x" * max(0, free + ballast.stat().st_size - left))
        with pytest.raises(CapacityError, match="the disk is full"):
            act(small_disk / "graph")
        assert not (small_disk / "graph").exists()
        ballast.unlink()
    assert json.loads((small_disk / "graph.importing" / "checkpoint.json").read_text())["stage"] != "nodes"
    act(small_disk / "graph")
    assert contents(small_disk / "graph") == contents(tmp_path / "whole")


def test_other_arguments_are_refused_and_nothing_is_lost(steps, tmp_path):
    assert killed_at(60, steps)
    before = files_below(tmp_path)
    for changed in ({"reorder": None}, {"memory": 9000}, {"self_loops": "error"}, {"features": None}):
        with pytest.raises(InputError, match=rf"{next(iter(changed))}.*--restart"):
            steps(**changed)
    assert files_below(tmp_path) == before
    os.utime(tmp_path / "edges-text.txt", ns=(1, 1))
    with pytest.raises(InputError, match=r"edges.*--restart"):
        steps()
    steps(restart=True)
    assert contents(tmp_path / "graph") == contents(tmp_path / "whole")


def test_two_at_a_time_are_refused(raw, tmp_path):
    def again(*step):
        with pytest.raises(InputError, match="another import works in it"):
            import_graph(raw["edges"], tmp_path / "graph")

    import_graph(raw["edges"], tmp_path / "graph", progress=again)


def test_what_can_be_read_once_begins_anew(raw, tmp_path):
    def broken():
        yield raw["edges"][:50]
        raise RuntimeError("the stream broke")

    for _ in range(2):
        with pytest.raises(RuntimeError, match="broke"):
            import_graph(broken(), tmp_path / "graph", num_nodes=60)
    assert import_graph(iter([raw["edges"]]), tmp_path / "graph", num_nodes=60).nodes == 60
    assert load_graph(tmp_path / "graph").num_nodes == 60
