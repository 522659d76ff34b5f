"""Models of graphs in folders, wherever the folder is named from and whatever happened to the graph since."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from oubli import Graph, Removal, load_model, verify
from oubli.engines.mapped import Store
from oubli.engines.mapped.store import OWNER
from oubli.errors import InputError
from oubli.graph import generate_graph
from oubli.graph.disk import open_graph, write_graph
from oubli.models import LCFNet, SGCRidge

ENGINES = ("memory", "mmap", "dask")
REMOVALS = {
    "nodes": lambda graph: Removal(nodes=graph.node_ids[[2, 7]]),
    "edges": lambda graph: Removal(edges=graph.edges[:3]),
    "features": lambda graph: Removal(features=graph.node_ids[[2]]),
    "labels": lambda graph: Removal(labels=graph.train_nodes[:1]),
}


@pytest.fixture
def folder(tmp_path):
    write_graph(generate_graph(num_nodes=60, num_features=6, seed=3), tmp_path / "graph")
    return tmp_path / "graph"


def make(engine, scratch):
    return SGCRidge(engine=engine, scratch=str(scratch), workers=1 if engine == "dask" else None)


@pytest.mark.parametrize("kind", REMOVALS)
def test_what_was_removed_from_a_graph_is_not_read_from_its_folder_again(folder, tmp_path, kind):
    whole, opened = open_graph(folder), open_graph(folder)
    opened.apply(opened.resolve(REMOVALS[kind](opened)))
    digests = {engine: make(engine, tmp_path).fit(opened).digest() for engine in ENGINES}
    assert len(set(digests.values())) == 1
    assert digests["memory"] != SGCRidge().fit(whole).digest()


def test_a_model_on_workers_is_fitted_again_on_what_it_has_left(folder, tmp_path):
    model = make("dask", tmp_path).fit(open_graph(folder))
    model.unlearn(Removal(features=model.graph_.node_ids[[2]], labels=model.graph_.train_nodes[:1]))
    digest = model.digest()
    assert model.fit(model.graph_).digest() == digest


@pytest.mark.parametrize("name", ["features", "neighbours"])
@pytest.mark.parametrize("make_model", [lambda scratch, e=e: make(e, scratch) for e in ENGINES] + [lambda s: LCFNet()])
def test_a_damaged_folder_is_refused_by_all(folder, tmp_path, name, make_model):
    with open(folder / f"{name}.npy", "r+b") as file:
        file.seek(140)
        file.write(b"\xff\xff\xff\x7f")
    with pytest.raises(InputError, match=rf"{name}\.npy: does not match its checksum"):
        make_model(tmp_path).fit(open_graph(folder))


def oubli(place, *arguments):
    """Run a command in a folder, as a user types it there."""
    command = [sys.executable, "-m", "oubli", *map(str, arguments)]
    return subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=120, check=False)


def test_a_mapped_model_is_named_as_one_likes(folder, tmp_path):
    assert oubli(tmp_path, "fit", "graph", "-o", "model", "--engine", "mmap").returncode == 0
    os.symlink("model", tmp_path / "link")
    edges = open_graph(folder).edges
    for edge, name in zip(edges.tolist(), ["model", "./link", "graph/../model"], strict=False):
        done = oubli(tmp_path, "unlearn", name, "--edge", ",".join(map(str, edge)))
        assert done.returncode == 0, done.stderr
    model = load_model(tmp_path / "link")
    assert model.graph_.num_edges == len(edges) - 3
    assert verify(model).identical


def test_a_store_outlives_a_change_of_folder(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    model = SGCRidge(engine="mmap", scratch=".").fit(open_graph("graph"))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    model.unlearn(Removal(edges=model.graph_.edges[:1]))
    model.save("model")
    assert load_model("model").digest() == model.digest()


def test_a_model_without_features_is_undone_too(tmp_path):
    graph = Graph.from_edges([(0, 1), (1, 2)], labels=[0, 1, 0], train=[0, 1, 2])
    model = SGCRidge(engine="mmap", scratch=str(tmp_path)).fit(graph)
    model.save(tmp_path / "model")
    digest = model.digest()
    model.unlearn(Removal(nodes=[2]))
    del model
    assert load_model(tmp_path / "model").digest() == digest


def test_a_store_whose_process_died_goes_with_the_next(tmp_path):
    code = (
        f"import os; from pathlib import Path; from oubli.engines.mapped import Store\n"
        f"Store.create(Path({str(tmp_path)!r})).empty('secret', (5,), 'i8'); os._exit(9)"
    )
    subprocess.run([sys.executable, "-c", code], check=False)
    (orphan,) = tmp_path.glob("store-*")
    mine = Store.create(tmp_path)
    assert not orphan.exists()
    other = Store.create(tmp_path)
    assert (mine.folder / OWNER).exists()
    assert {mine.folder, other.folder} == set(tmp_path.glob("store-*"))


def test_a_graph_folder_is_no_model(folder):
    with pytest.raises(InputError, match=r"holds a graph and not a model; fit one with `oubli fit"):
        load_model(folder)
