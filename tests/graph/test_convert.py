"""Converters: there and back again, and what other libraries' graphs may hold that ours does not."""

import builtins
import sys
import types

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp

from oubli import Graph
from oubli.errors import InputError
from oubli.graph import from_networkx, from_pyg, generate_graph, to_networkx, to_pyg


class Tensor:
    """The little of a tensor that is used: the steps on the way to an array."""

    def __init__(self, values, where="cuda"):
        self.values, self.where, self.attached = np.asarray(values), where, True

    def detach(self):
        twin = Tensor(self.values, self.where)
        twin.attached = False
        return twin

    def cpu(self):
        twin = Tensor(self.values, "cpu")
        twin.attached = self.attached
        return twin

    def numpy(self):
        assert self.where == "cpu", "a tensor elsewhere has no array"
        assert not self.attached, "a tensor with a gradient has no array"
        return self.values


class Data(types.SimpleNamespace):
    """An object with attributes, as torch_geometric.data.Data is."""


def triangle(**more):
    return Data(edge_index=Tensor([[0, 1, 1, 2], [1, 0, 2, 1]]), **more)


@pytest.mark.parametrize("kind", [nx.Graph, nx.DiGraph, nx.MultiGraph, nx.MultiDiGraph])
def test_networkx_graphs_of_all_kinds(kind):
    source = kind()
    source.add_node("c", x=[5, 6])
    source.add_node("a", x=[1, 2], y="red", split="train")
    source.add_node("b", x=np.array([3, 4]), y="blue", split="test")
    source.add_edges_from([("a", "b"), ("b", "a"), ("b", "c"), ("b", "c")])
    graph = from_networkx(source)
    assert graph.node_ids.tolist() == ["a", "b", "c"]
    assert graph.edges.tolist() == [["a", "b"], ["b", "c"]]
    assert graph.features.tolist() == [[1, 2], [3, 4], [5, 6]]
    assert graph.labels.tolist() == ["red", "blue", ""]
    assert (graph.train_nodes.tolist(), graph.test_nodes.tolist()) == (["a"], ["b"])


def test_networkx_there_and_back(assert_same_graph):
    graph = generate_graph(num_nodes=60, num_classes=3, num_features=5, seed=1)
    assert_same_graph(from_networkx(to_networkx(graph)), graph)
    named = Graph.from_edges(
        [("x", "y")], features=sp.csr_array(np.eye(3)), labels=["p", None, "q"], node_ids=["z", "x", "y"], val=["z"]
    )
    assert_same_graph(from_networkx(to_networkx(named)), named)
    bare = to_networkx(graph, features=None, label=None, split=None)
    assert not any(attributes for _, attributes in bare.nodes(data=True))
    assert from_networkx(bare).num_features == 0


def test_networkx_attributes_by_name():
    source = nx.path_graph(3)
    nx.set_node_attributes(source, {0: 1.5, 1: 2.5, 2: 3.5}, "age")
    nx.set_node_attributes(source, {0: 10, 1: 20, 2: 30}, "height")
    graph = from_networkx(source, features=["age", "height"], label=None, split=None)
    assert graph.features.tolist() == [[1.5, 10], [2.5, 20], [3.5, 30]]
    assert from_networkx(source, features="age").features.tolist() == [[1.5], [2.5], [3.5]]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda g: g.add_edge(1, 1), "self-loop"),
        (lambda g: g.add_node("a", x=[0]), "all integers or all strings"),
        (lambda g: g.add_node((1, 2), x=[0]), "all integers or all strings"),
        (lambda g: g.add_node(9), "node 9: no attribute 'x'"),
        (lambda g: g.add_node(9, x=[1, 2]), "node 9: 2 features, and node 0 has 1"),
        (lambda g: g.add_node(9, x="tall"), "node 9: attribute .* holds no numbers"),
        (lambda g: g.add_node(9, x=[float("nan")]), "NaN"),
        (lambda g: g.add_node(9, x=[0], split="dev"), "node 9: split 'dev' is none of train, val, test"),
    ],
)
def test_networkx_graphs_that_cannot_be_used(change, said):
    source = nx.path_graph(3)
    nx.set_node_attributes(source, {n: [float(n)] for n in source}, "x")
    change(source)
    with pytest.raises(InputError, match=said):
        from_networkx(source)


def test_networkx_self_loops_can_be_dropped():
    source = nx.path_graph(3)
    source.add_edge(1, 1)
    assert from_networkx(source, drop_self_loops=True).edges.tolist() == [[0, 1], [1, 2]]


def test_pyg_data():
    graph = from_pyg(
        triangle(
            x=Tensor([[1.0, 0.0], [0.0, 2.0], [0.0, 0.0], [3.0, 3.0]]),
            y=Tensor([[1], [0], [-1], [1]]),
            train_mask=Tensor([True, False, False, False]),
            test_mask=Tensor([False, True, False, False]),
        )
    )
    assert graph.num_nodes == 4
    assert graph.edges.tolist() == [[0, 1], [1, 2]]
    assert graph.features.tolist() == [[1, 0], [0, 2], [0, 0], [3, 3]]
    assert graph.labels.tolist() == [1, 0, -1, 1]
    assert (graph.train_nodes.tolist(), graph.val_nodes.tolist(), graph.test_nodes.tolist()) == ([0], [], [1])


def test_pyg_masks_in_columns():
    masks = np.zeros((3, 5), bool)
    masks[2, 3] = masks[1, 4] = True
    data = triangle(y=Tensor([0, 1, 0]), train_mask=Tensor(masks))
    assert from_pyg(data).train_nodes.tolist() == []
    assert from_pyg(data, split=3).train_nodes.tolist() == [2]
    for split in (5, -1):
        with pytest.raises(InputError, match="it has 0 to 4"):
            from_pyg(data, split=split)


def test_pyg_ids():
    assert from_pyg(triangle(num_nodes=5)).num_nodes == 5
    assert from_pyg(triangle()).node_ids.tolist() == [0, 1, 2]
    assert from_pyg(triangle(n_id=Tensor([70, 50, 60]))).edges.tolist() == [[50, 60], [50, 70]]
    named = from_pyg(triangle(n_id=Tensor([7, 8, 9])), node_ids=["c", "a", "b"])
    assert named.edges.tolist() == [["a", "b"], ["a", "c"]]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (Data(), "no edge_index"),
        (Data(edge_index=Tensor([[0, 1, 2]])), r"shape \(2, edges\)"),
        (Data(edge_index=Tensor([[0.0], [1.0]])), "expected integers"),
        (Data(edge_index=Tensor([[0], [0]])), "self-loop"),
        (triangle(x=Tensor([[1.0]])), "outside 0 .. 0"),
        (triangle(x=Tensor(np.ones((3, 1))), y=Tensor([0, 1])), "one label a node"),
        (triangle(y=Tensor(np.ones((3, 4)))), "multi-label"),
        (triangle(y=Tensor([0, 1, 2]), train_mask=Tensor([True])), "data.train_mask: expected shape"),
        (triangle(n_id=Tensor([1, 2])), "2 for 3 nodes"),
        (triangle(x=Tensor([[np.inf], [0], [0]])), "infinite"),
    ],
)
def test_pyg_data_that_cannot_be_used(data, said):
    with pytest.raises(InputError, match=said):
        from_pyg(data)


def test_pyg_self_loops_can_be_dropped():
    data = Data(edge_index=Tensor([[0, 0, 1], [0, 1, 1]]))
    assert from_pyg(data, drop_self_loops=True).edges.tolist() == [[0, 1]]


@pytest.fixture
def stand_in_pyg(monkeypatch):
    torch = types.SimpleNamespace(from_numpy=lambda array: Tensor(array))
    geometric = types.ModuleType("torch_geometric")
    geometric.data = types.ModuleType("torch_geometric.data")
    geometric.data.Data = Data
    monkeypatch.setitem(sys.modules, "torch", torch)
    monkeypatch.setitem(sys.modules, "torch_geometric", geometric)
    monkeypatch.setitem(sys.modules, "torch_geometric.data", geometric.data)


@pytest.mark.usefixtures("stand_in_pyg")
def test_pyg_there_and_back(assert_same_graph):
    graph = generate_graph(num_nodes=50, num_classes=3, num_features=4, seed=2)
    data = to_pyg(graph)
    arcs = {tuple(arc) for arc in data.edge_index.values.T.tolist()}
    assert len(arcs) == 2 * graph.num_edges
    assert {(v, u) for u, v in arcs} == arcs
    assert_same_graph(from_pyg(data), graph)
    named = Graph.from_edges([("x", "y")], labels=["p", None, "q"], node_ids=["z", "x", "y"], val=["z"])
    data = to_pyg(named)
    assert data.classes == ["p", "q"]
    back = from_pyg(data)
    assert back.node_ids.tolist() == ["x", "y", "z"]
    assert back.labels.tolist() == [-1, 1, 0]
    assert back.val_nodes.tolist() == ["z"]


@pytest.mark.parametrize(("convert", "extra"), [(to_networkx, "networkx"), (to_pyg, "pyg")])
def test_a_missing_library_is_named_with_its_extra(monkeypatch, convert, extra):
    real = builtins.__import__

    def without(name, *rest):
        if name.partition(".")[0] in ("networkx", "torch", "torch_geometric"):
            raise ImportError(name)
        return real(name, *rest)

    graph = generate_graph(num_nodes=10, average_degree=2)
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ImportError, match=rf'pip install "oubli\[{extra}\]"'):
        convert(graph)
