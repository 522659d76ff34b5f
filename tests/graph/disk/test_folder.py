"""Graph folders: what is written is opened, and what is not whole is told."""

from __future__ import annotations

import json

import numpy as np
import pytest
from tests.exactness.raw import random_raw
from tests.exactness.reference import assert_same_graph

from oubli.errors import InputError
from oubli.graph.disk import is_graph_folder, open_graph, write_graph
from oubli.models import SGCRidge


@pytest.mark.parametrize("strings", [False, True])
@pytest.mark.parametrize("sparse", [False, True])
def test_what_is_written_is_opened(tmp_path, strings, sparse):
    graph = random_raw(3, strings=strings, sparse=sparse).build()
    write_graph(graph, tmp_path / "graph")
    assert is_graph_folder(tmp_path / "graph")
    opened = open_graph(tmp_path / "graph")
    assert_same_graph(opened, graph)
    with pytest.raises(InputError, match="name a new folder"):
        write_graph(graph, tmp_path / "graph")


@pytest.fixture
def folder(tmp_path):
    write_graph(random_raw(3).build(), tmp_path / "graph")
    return tmp_path / "graph"


def rewrite(folder, name, array):
    """Put another array in the place of one, and let the manifest have its size."""
    np.save(folder / f"{name}.npy", array)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][name]["bytes"] = (folder / f"{name}.npy").stat().st_size
    (folder / "manifest.json").write_text(json.dumps(manifest))


@pytest.mark.parametrize("name", ["ids", "start", "count", "neighbours", "features", "label_codes", "split_codes"])
def test_missing_cut_off_or_of_another_kind(folder, name):
    file = folder / f"{name}.npy"
    content, array = file.read_bytes(), np.load(file)
    file.write_bytes(content[:-1])
    with pytest.raises(InputError, match="cut off or changed"):
        open_graph(folder)
    file.unlink()
    with pytest.raises(InputError, match="no whole graph"):
        open_graph(folder)
    for other in (array.astype(np.complex64), array[:-1], np.array("one")):
        rewrite(folder, name, other)
        with pytest.raises(InputError, match=r"not what a graph|cut off"):
            open_graph(folder)


@pytest.mark.parametrize("name", ["../../escaped", "passwd", "alive"])
def test_a_manifest_that_names_something_else_is_refused(folder, name):
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"][name] = manifest["files"]["ids"]
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(InputError, match="which no graph has"):
        open_graph(folder)


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"format": 1, "kind": "graph", "files": []}'])
def test_a_manifest_that_is_none(folder, content):
    (folder / "manifest.json").write_text(content)
    with pytest.raises(InputError, match=r"oubli import"):
        open_graph(folder)


def test_a_changed_byte_is_found_when_a_model_takes_the_graph(folder, tmp_path):
    content = bytearray((folder / "features.npy").read_bytes())
    content[-3] ^= 1
    (folder / "features.npy").write_bytes(content)
    with pytest.raises(InputError, match="does not match its checksum"):
        SGCRidge(engine="mmap", scratch=str(tmp_path / "scratch")).fit(open_graph(folder))
    assert not any((tmp_path / "scratch").iterdir())


def test_opened_files_are_never_changed(folder):
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    opened = open_graph(folder)
    opened.table.dense[:] = 0
    opened.adjacency.neighbours[:] = 0
    assert before == {file.name: file.read_bytes() for file in folder.iterdir()}
