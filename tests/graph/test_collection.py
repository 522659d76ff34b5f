"""Graphs with a label each, and what is refused as one."""

import networkx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from oubli.errors import InputError
from oubli.graph import GraphCollection, LabelledGraph, generate_molecules, load_collection
from oubli.graph.collection import collection_from_arrays


def triangle(label=1, columns=2):
    return LabelledGraph([[0, 1], [2, 1], [0, 2], [1, 0]], np.arange(3.0 * columns).reshape(3, columns), label)


def assert_equal(one, other):
    assert one.edges.tolist() == other.edges.tolist()
    np.testing.assert_array_equal(one.features, other.features)
    assert one.label == other.label


def test_edges_count_once():
    graph = triangle()
    assert graph.edges.tolist() == [[0, 1], [0, 2], [1, 2]]
    assert (graph.num_nodes, graph.num_edges, graph.num_features, graph.label) == (3, 3, 2, 1)
    assert graph.degrees.tolist() == [2, 2, 2]
    assert graph.adjacency().tolist() == [[0, 1, 1], [1, 0, 1], [1, 1, 0]]
    assert repr(graph) == "LabelledGraph(nodes=3, edges=3, label=1)"


def test_types_are_those_of_one_hot_rows():
    assert LabelledGraph([], np.eye(3)[[2, 0, 2]], 0).types.tolist() == [2, 0, 2]
    for rows in ([[0.0, 0.0]], [[1.0, 1.0]], [[0.5, 0.5]], [[2.0, -1.0]]):
        assert LabelledGraph([], rows, 0).types is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (([], np.empty((0, 2)), 0), "features: expected numbers of shape"),
        (([], [1.0, 2.0], 0), "features: expected numbers of shape"),
        (([], [["C"], ["N"]], 0), "features: expected numbers"),
        (([], [[np.nan]], 0), "not finite everywhere"),
        (([[0, 1, 2]], np.eye(3), 0), r"edges: expected integers of shape \(edges, 2\)"),
        (([[0.0, 1.0]], np.eye(3), 0), "edges: expected integers"),
        (([[0, 3]], np.eye(3), 0), "edges: name nodes from 0 to 3, and there are 3"),
        (([[-1, 2]], np.eye(3), 0), "edges: name nodes from -1 to 2"),
        (([[0, 1], [2, 2]], np.eye(3), 0), "a self-loop"),
        (([], np.eye(3), -1), "label: expected a class"),
        (([], np.eye(3), 1.0), "label: expected a class"),
    ],
)
def test_what_is_no_graph(arguments, said):
    with pytest.raises(InputError, match=said):
        LabelledGraph(*arguments)


@given(st.integers(0, 2**31), st.integers(0, 2**31))
def test_permuted_is_the_same_graph_in_another_order(seed, other):
    graph = generate_molecules(1, seed % 50)[0]
    order = np.random.default_rng(other).permutation(graph.num_nodes)
    moved = graph.permuted(order)
    np.testing.assert_array_equal(moved.features, graph.features[order])
    np.testing.assert_array_equal(moved.adjacency(), graph.adjacency()[np.ix_(order, order)])
    assert_equal(moved.permuted(np.argsort(order)), graph)


def test_networkx_and_back():
    graph = triangle()
    assert_equal(LabelledGraph.from_networkx(graph.to_networkx()), graph)
    other = networkx.MultiDiGraph()
    other.add_nodes_from([("b", {"w": 3.0}), ("a", {"w": 1.0}), ("c", {"w": 2.0})])
    other.add_edges_from([("a", "b"), ("b", "a"), ("a", "b"), ("c", "c")])
    found = LabelledGraph.from_networkx(other, features="w", label=2)
    assert found.edges.tolist() == [[0, 1]]
    assert found.features.tolist() == [[3], [1], [2]]
    with pytest.raises(InputError, match="node 'b': no attribute 'x'"):
        LabelledGraph.from_networkx(other, label=0)
    with pytest.raises(InputError, match="no attribute 'y'; pass label="):
        LabelledGraph.from_networkx(other, features="w")


def test_pyg_data_is_taken_over():
    torch = pytest.importorskip("torch")
    Data = pytest.importorskip("torch_geometric.data").Data
    arcs = torch.tensor([[0, 1, 1, 2, 2], [1, 0, 2, 1, 2]])
    data = Data(edge_index=arcs, x=torch.eye(3)[:, :2], y=torch.tensor([1]))
    found = LabelledGraph.from_pyg(data)
    assert found.edges.tolist() == [[0, 1], [1, 2]]
    assert found.features.tolist() == [[1, 0], [0, 1], [0, 0]]
    assert found.label == 1
    with pytest.raises(InputError, match=r"data.x: missing"):
        LabelledGraph.from_pyg(Data(edge_index=arcs, y=torch.tensor([1])))
    with pytest.raises(InputError, match=r"data.y: expected one label of the whole graph, got 3"):
        LabelledGraph.from_pyg(Data(edge_index=arcs, x=torch.eye(3), y=torch.tensor([1, 0, 1])))


def test_a_collection_is_a_sequence_of_one_task():
    graphs = GraphCollection((triangle(0), triangle(1), triangle(0)), "three", feature_names=("mass", "charge"))
    assert (len(graphs), graphs.num_features, graphs.num_classes) == (3, 2, 2)
    assert [graph.label for graph in graphs] == [0, 1, 0]
    chosen = graphs.select([1, 1])
    assert [graph.label for graph in chosen] == [1, 1]
    assert (chosen.name, chosen.num_classes, chosen.feature_names) == ("three", 2, ("mass", "charge"))
    assert not graphs.one_hot
    assert generate_molecules(3).one_hot
    assert GraphCollection((triangle(0),)).num_classes == 2
    assert GraphCollection((triangle(4),)).feature_names == ("0", "1")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: GraphCollection((), "nothing"), "nothing: no graph"),
        (lambda: GraphCollection((triangle(), triangle(columns=3))), "graph 1 has 3 feature columns, and graph 0 2"),
        (lambda: GraphCollection((triangle(2),), num_classes=2), "num_classes=2, and a label needs 3"),
        (lambda: GraphCollection((triangle(),), feature_names=("a",)), "1 feature names for 2 columns"),
    ],
)
def test_what_is_no_collection(make, said):
    with pytest.raises(InputError, match=said):
        make()


ARRAYS = {
    "graph_ptr": np.array([0, 2, 5]),
    "edge_index": np.array([[3, 0, 2, 2], [4, 1, 3, 2]]),
    "graph_labels": np.array([7, -3]),
}


def test_a_file_of_graphs():
    graphs = collection_from_arrays({**ARRAYS, "node_labels": np.array([3, 4, 3, 3, 6])}, "two")
    assert [graph.edges.tolist() for graph in graphs] == [[[0, 1]], [[0, 1], [1, 2]]]
    assert [graph.label for graph in graphs] == [1, 0]
    assert [graph.types.tolist() for graph in graphs] == [[0, 1], [0, 0, 3]]
    rows = np.arange(10.0).reshape(5, 2)
    by_attributes = collection_from_arrays({**ARRAYS, "node_attributes": rows}, "two")
    np.testing.assert_array_equal(by_attributes[1].features, rows[2:])
    assert collection_from_arrays(ARRAYS, "two")[1].features.tolist() == [[1], [1], [1]]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"graph_ptr": None}, "array graph_ptr is missing"),
        ({"graph_labels": None}, "array graph_labels is missing"),
        ({"graph_ptr": np.array([0])}, "graph_ptr must be integers"),
        ({"graph_ptr": np.array([1, 2, 5])}, "graph_ptr must be integers .* first of them 0"),
        ({"graph_ptr": np.array([0, 5, 5])}, "graph_ptr must ascend"),
        ({"graph_labels": np.array([1])}, "graph_labels of shape"),
        ({"edge_index": np.array([0, 1])}, "edge_index must be integers of shape"),
        ({"edge_index": np.array([[0], [2]])}, "an edge leaves its graph"),
        ({"edge_index": np.array([[4], [5]])}, "names a node outside 0 .. 4"),
        ({"edge_index": np.array([[-2], [-1]])}, "names a node outside 0 .. 4"),
        ({"node_labels": np.array([1, 2])}, "node_labels of shape"),
        ({"node_attributes": np.ones((6, 2))}, "node_attributes of shape"),
    ],
)
def test_arrays_that_do_not_fit(change, said):
    arrays = {name: array for name, array in {**ARRAYS, **change}.items() if array is not None}
    with pytest.raises(InputError, match=rf"two: .*{said}"):
        collection_from_arrays(arrays, "two")


def test_real_graphs(data_root):
    graphs = load_collection("tu-mutag", root=data_root)
    assert (len(graphs), graphs.num_classes, graphs.num_features, graphs.one_hot) == (188, 2, 7, True)
    assert sum(graph.num_nodes for graph in graphs) == 3371
    assert sum(graph.num_edges for graph in graphs) == 3721
    assert sum(graph.label for graph in graphs) == 125
