"""Graphs as files, and models made from them by the command line."""

import json

import numpy as np
import pytest
import scipy.sparse as sp
from tests.cli.command import copy_folder, run

from oubli import Graph
from oubli.graph import generate_graph, write_npz


@pytest.fixture(scope="session")
def graph():
    return generate_graph(num_nodes=200, num_classes=3, num_features=8, average_degree=6, seed=3)


@pytest.fixture(scope="session")
def graph_file(graph, tmp_path_factory):
    path = tmp_path_factory.mktemp("graph") / "people.npz"
    write_npz(graph, path)
    return path


@pytest.fixture(scope="session")
def fitted(graph_file, tmp_path_factory):
    folder = tmp_path_factory.mktemp("fitted") / "model"
    assert run("fit", graph_file, "-o", folder, "--alpha", "0.1,1,10").code == 0
    return folder


@pytest.fixture
def model(fitted, tmp_path):
    """The folder of a model with integer ids, which a test may change."""
    return copy_folder(fitted, tmp_path / "model")


@pytest.fixture(scope="session")
def named_graph(graph):
    """The same graph with strings for ids and sparse features."""
    names = [f"subject-{node:04x}" for node in graph.node_ids.tolist()]
    parts = {s: [names[n] for n in getattr(graph, f"{s}_nodes").tolist()] for s in ("train", "val", "test")}
    return Graph.from_edges(
        [(names[u], names[v]) for u, v in graph.edges.tolist()],
        features=sp.csr_array(np.maximum(graph.features, 0)),
        labels=np.array(["red", "green", "blue"])[graph.labels],
        node_ids=names,
        **parts,
    )


@pytest.fixture(scope="session")
def named_fitted(named_graph, tmp_path_factory):
    folder = tmp_path_factory.mktemp("named")
    write_npz(named_graph, folder / "named.npz")
    assert run("fit", folder / "named.npz", "-o", folder / "model").code == 0
    return folder / "model"


@pytest.fixture
def named_model(named_fitted, tmp_path):
    """The folder of a model with strings for ids, which a test may change."""
    return copy_folder(named_fitted, tmp_path / "named-model")


@pytest.fixture
def odd_model(tmp_path):
    """The folder of a model whose ids are easily mistaken: for comments, or for each other without spaces."""
    names = ["#a", "a", "a ", " b", "b", "c", "d", "#", " "]
    graph = Graph.from_edges(
        [(names[i], names[i - 1]) for i in range(len(names))],
        features=np.eye(len(names)),
        labels=[i % 2 for i in range(len(names))],
        node_ids=names,
        train=names,
    )
    write_npz(graph, tmp_path / "odd.npz")
    assert run("fit", tmp_path / "odd.npz", "-o", tmp_path / "odd").code == 0
    return tmp_path / "odd"


@pytest.fixture
def write(tmp_path):
    """Write a file and return its path."""

    def writer(name, content):
        path = tmp_path / name
        text = content if isinstance(content, str | bytes) else json.dumps(content)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return writer
