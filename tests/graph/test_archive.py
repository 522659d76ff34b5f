"""Graphs in .npz files: the real ones, our own there and back, and every way a file can be bad."""

import errno
import io
import os
import pickle
import zipfile

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from oubli import Graph, Removal
from oubli.errors import CapacityError, InputError, OubliError
from oubli.graph import archive as archive_module
from oubli.graph import generate_graph, read_npz, write_npz

# Nodes, edges, features, classes, and train, val, test of the first split, from the table beside the files.
REAL = {
    "cora": (2708, 5278, 1433, 7, 140, 500, 1000),
    "citeseer": (3327, 4552, 3703, 6, 120, 500, 1000),
    "pubmed-nofeat": (19717, 44324, 0, 3, 60, 500, 1000),
    "minesweeper": (10000, 39402, 7, 2, 5000, 2500, 2500),
    "chameleon-filtered": (890, 8854, 2325, 5, 409, 287, 194),
    "texas": (183, 279, 1703, 5, 87, 59, 37),
    "facebook-pages": (22470, 170823, 4714, 4, 0, 0, 0),
    "snap-facebook-combined": (4039, 88234, 0, 0, 0, 0, 0),
    "ogbn-arxiv-nofeat": (169343, 1157799, 0, 40, 90941, 29799, 48603),
}


def sizes(graph):
    splits = (graph.train_nodes.size, graph.val_nodes.size, graph.test_nodes.size)
    return (graph.num_nodes, graph.num_edges, graph.num_features, graph.classes.size, *splits)


@pytest.mark.parametrize("name", REAL)
def test_real_files_have_the_sizes_in_the_literature(data_root, name):
    path = data_root / f"{name}.npz"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    assert sizes(read_npz(path)) == REAL[name]


def test_a_real_file_against_its_arrays(data_root):
    path = data_root / "citeseer.npz"
    graph = read_npz(path, split="geom:4")
    with np.load(path, allow_pickle=False) as z:
        assert {tuple(e) for e in graph.edges.tolist()} == {tuple(e) for e in z["edge_index"].T.tolist()}
        parts = (z["feat_data"].astype(np.float32), z["feat_indices"].astype(np.int32), z["feat_indptr"])
        assert (graph.features != sp.csr_array(parts, shape=tuple(z["feat_shape"]))).nnz == 0
        bare = set(z["unlabelled_nodes"].tolist())
        expected = [-1 if i in bare else label for i, label in enumerate(z["labels"].tolist())]
        assert graph.labels.tolist() == expected
        for name, nodes in (("train", graph.train_nodes), ("val", graph.val_nodes), ("test", graph.test_nodes)):
            assert nodes.tolist() == [i for i in np.flatnonzero(z[f"geom_{name}_masks"][4]) if i not in bare]


def test_splits_by_number_and_group(data_root):
    first, fourth = (read_npz(data_root / "texas.npz", split=s) for s in (0, 3))
    assert first.train_nodes.tolist() != fourth.train_nodes.tolist()
    assert read_npz(data_root / "texas.npz", split="3").train_nodes.tolist() == fourth.train_nodes.tolist()
    assert read_npz(data_root / "texas.npz", split=None).train_nodes.size == 0
    for split in (10, -1, True, "geom:0", "x", "", 1.5):
        with pytest.raises(InputError, match=r"texas.npz: no split .*; it has 0 to 9$"):
            read_npz(data_root / "texas.npz", split=split)
    with pytest.raises(InputError, match="it has 0 and geom:0 to geom:9"):
        read_npz(data_root / "cora.npz", split="geom:10")
    with pytest.raises(InputError, match="no split 1; it has none: pass split=0"):
        read_npz(data_root / "dblp.npz", split=1)


def test_a_graph_classification_file_is_refused(data_root):
    with pytest.raises(InputError, match=r"tu-mutag.npz: a graph classification file"):
        read_npz(data_root / "tu-mutag.npz")


def named_without_labels():
    graph = Graph.from_edges([(0, 1)], labels=["x", "y"])
    return graph.without(Removal(labels=[0, 1]))


def graphs():
    rows = np.array([[0, 1.5], [0, 0], [-2, 1e-30]])
    yield "generated", generate_graph(num_nodes=80, seed=1)
    yield "sparse", Graph.from_edges([(0, 2)], features=sp.csr_array(rows), labels=[5, None, 9], val=[0])
    yield "named", Graph.from_edges([("é", "a")], features=rows, labels=["x", "", "z"], node_ids=["é", "a", ""])
    yield "gaps", Graph.from_edges([(-5, 2**40)], labels=[0, 0], node_ids=[-5, 2**40], test=[-5], train=[2**40])
    yield "unlabelled", named_without_labels()
    yield "bare", Graph.from_edges([(0, 1)])
    yield "empty", Graph.from_edges([])
    whole = generate_graph(num_nodes=50, seed=2)
    yield "smaller", whole.without(Removal(nodes=whole.node_ids[:9], labels=[20], features=[21]))
    emptied = Graph.from_edges([("a", "b")], labels=["x", "y"], node_ids=["a", "b"])
    yield "emptied", emptied.without(Removal(nodes=["a", "b"]))


GRAPHS = dict(graphs())


@pytest.mark.parametrize("name", GRAPHS)
def test_there_and_back(tmp_path, name, assert_same_graph):
    path = tmp_path / "graph.npz"
    write_npz(GRAPHS[name], path)
    back = read_npz(path)
    assert_same_graph(back, GRAPHS[name])
    if back.num_features:
        assert sp.issparse(back.features) == sp.issparse(GRAPHS[name].features)
    with np.load(path, allow_pickle=False) as z:
        assert z["num_nodes"] == GRAPHS[name].num_nodes
        assert (z["edge_index"][0] < z["edge_index"][1]).all()
    assert os.listdir(tmp_path) == ["graph.npz"]


def test_the_same_graph_is_the_same_bytes_and_holds_nothing_removed(tmp_path):
    names = ["a", "b", "secret-name"]
    graph = Graph.from_edges([("a", "secret-name"), ("a", "b")], labels=["x", "y", "secret-label"], node_ids=names)
    graph.apply(graph.resolve(Removal(nodes=["secret-name"])))
    plain = Graph.from_edges([("b", "a")], labels=["x", "y"], node_ids=["a", "b"])
    write_npz(graph, tmp_path / "one.npz")
    write_npz(plain, tmp_path / "two.npz")
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()


def damaged(**changes):
    arrays = {
        "num_nodes": np.int32(3),
        "edge_index": np.array([[0, 1], [1, 2]]),
        "features": np.ones((3, 2)),
        "labels": np.array([0, 1, 0]),
        "train_masks": np.array([[True, False, False]]),
    }
    arrays |= changes
    return {name: array for name, array in arrays.items() if array is not None}


SPARSE = sp.csr_array(np.eye(3, 4))
PARTS = {
    "features": None,
    "feat_indptr": SPARSE.indptr,
    "feat_indices": SPARSE.indices,
    "feat_data": SPARSE.data,
    "feat_shape": np.array([3, 4]),
}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"num_nodes": None}, "array num_nodes is missing .the file has: edge_index, features"),
        ({"edge_index": None}, "array edge_index is missing"),
        ({"num_nodes": np.array([3, 3])}, "num_nodes must be one integer"),
        ({"num_nodes": np.int32(-1)}, "num_nodes must be one integer"),
        ({"edge_index": np.array([[0, 1, 2]])}, r"edge_index must be integers of shape \(2, edges\)"),
        ({"edge_index": np.array([[0.0], [1.0]])}, "edge_index must be integers"),
        ({"edge_index": np.array([[0], [3]])}, "edge_index names a node outside 0 .. 2"),
        ({"edge_index": np.array([[-1], [1]])}, "edge_index names a node outside 0 .. 2"),
        ({"edge_index": np.array([[1], [1]])}, "self-loop"),
        ({"features": np.ones((2, 2))}, "2 rows for 3 nodes"),
        ({"features": np.array([[1, np.nan]] * 3)}, "row 0, column 1 is NaN"),
        ({"labels": np.array([0, 1])}, "labels must have one entry a node"),
        ({"unlabelled_nodes": np.array([3])}, "unlabelled_nodes must be integers in 0 .. 2"),
        ({"label_names": np.array(["a"])}, "label_names must give a name for every label; it has 1"),
        ({"node_ids": np.array([1, 2])}, "node_ids must have one entry a node"),
        ({"node_ids": np.array([1, 2, 2])}, "2 is given more than once"),
        ({"train_masks": np.array([True, False, False])}, "train_masks must be booleans"),
        ({"train_masks": np.zeros((1, 3), int)}, "train_masks must be booleans"),
        ({"test_masks": np.ones((2, 3), bool)}, "test_masks must be booleans"),
        ({"test_masks": np.ones((1, 3), bool)}, "also in another split"),
        ({"labels": None}, "has no label"),
        ({**PARTS, "feat_data": None}, "sparse features need .*; missing: feat_data"),
        ({**PARTS, "feat_indices": SPARSE.indices + 9}, "do not fit together"),
        ({**PARTS, "feat_indptr": SPARSE.indptr[:-1]}, "do not fit together"),
        ({**PARTS, "feat_indptr": np.array([0, 2, 1, 3])}, "do not fit together"),
        ({"graph_ptr": np.array([0, 3])}, "graph classification file"),
        ({"labels": np.array([{}, [], ()], dtype=object)}, "labels.npy holds pickled Python objects"),
    ],
)
def test_arrays_that_do_not_fit(tmp_path, changes, said):
    path = tmp_path / "bad.npz"
    np.savez(path, **damaged(**changes))
    with pytest.raises(InputError, match=said) as raised:
        read_npz(path)
    assert str(path) in str(raised.value)


def test_pickles_are_not_run(tmp_path):
    class Trap:
        def __reduce__(self):
            return (os.mkdir, (str(tmp_path / "sprung"),))

    path = tmp_path / "trap.npz"
    np.savez(path, **damaged(labels=np.array([Trap()], dtype=object)))
    with pytest.raises(InputError, match="pickled"):
        read_npz(path)
    path.write_bytes(pickle.dumps(Trap()))
    with pytest.raises(InputError, match=r"not a whole \.npz"):
        read_npz(path)
    assert not (tmp_path / "sprung").exists()


def test_files_that_are_no_archives(tmp_path):
    with pytest.raises(InputError, match="no such file"):
        read_npz(tmp_path / "absent.npz")
    with pytest.raises(InputError, match="is a folder"):
        read_npz(tmp_path)
    np.save(tmp_path / "one.npy", np.ones(3))
    (tmp_path / "text.npz").write_text("num_nodes 3")
    (tmp_path / "empty.npz").write_bytes(b"")
    for name in ("one.npy", "text.npz", "empty.npz"):
        with pytest.raises(InputError, match=r"not a whole \.npz file"):
            read_npz(tmp_path / name)
    with zipfile.ZipFile(tmp_path / "other.npz", "w") as file:
        file.writestr("readme.txt", "hello")
    with pytest.raises(InputError, match=r"but not an \.npz"):
        read_npz(tmp_path / "other.npz")


def stored():
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **damaged())
    return buffer.getvalue()


STORED = stored()


@settings(max_examples=150, deadline=None)
@given(st.integers(0, len(STORED) - 1), st.integers(1, 255), st.booleans())
def test_damage_is_found_or_harmless(tmp_path_factory, place, change, cut):
    path = tmp_path_factory.getbasetemp() / "damaged.npz"
    path.write_bytes(STORED[:place] if cut else STORED[:place] + bytes([STORED[place] ^ change]) + STORED[place + 1 :])
    try:
        graph = read_npz(path)
    except OubliError as error:
        said = str(error)
    else:
        said, nodes, edges = None, graph.num_nodes, graph.edges.tolist()
    if said is not None:
        assert str(path) in said
        return
    # What is not content (dates, attributes, comments) or the name of an optional array may change unnoticed.
    assert nodes == 3
    assert edges == [[0, 1], [1, 2]]


def test_a_full_disk_leaves_the_old_file(tmp_path, monkeypatch, assert_same_graph):
    path = tmp_path / "graph.npz"
    write_npz(GRAPHS["generated"], path)

    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CapacityError, match="the disk is full"):
        write_npz(GRAPHS["named"], path)
    assert os.listdir(tmp_path) == ["graph.npz"]
    assert_same_graph(read_npz(path), GRAPHS["generated"])


def test_an_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch, assert_same_graph):
    path = tmp_path / "graph.npz"
    write_npz(GRAPHS["generated"], path)

    def interrupt(file, **arrays):
        file.write(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(archive_module.np, "savez_compressed", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_npz(GRAPHS["named"], path)
    assert os.listdir(tmp_path) == ["graph.npz"]
    assert_same_graph(read_npz(path), GRAPHS["generated"])


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="cannot be written"):
        write_npz(GRAPHS["bare"], tmp_path / "absent" / "graph.npz")
