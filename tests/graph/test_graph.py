"""Graph: what goes in comes out, in the order of the ids; what cannot be used is refused with its place."""

import sys

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

import oubli.graph
from oubli import Graph, Removal
from oubli.errors import InputError, OubliError, UnknownNodeError
from oubli.graph import generate_graph

INT_IDS = st.integers(-(2**63), 2**63 - 1)
# No surrogates, which are no text; no NUL, which NumPy strips from the end of strings.
STR_IDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=4)


@st.composite
def inputs(draw):
    ids = draw(st.one_of(*(st.lists(kind, min_size=2, max_size=12, unique=True) for kind in (INT_IDS, STR_IDS))))
    pair = st.tuples(st.sampled_from(ids), st.sampled_from(ids)).filter(lambda p: p[0] != p[1])
    edges = draw(st.lists(pair, max_size=30))
    labels = draw(st.lists(st.one_of(st.none(), st.sampled_from([0, 3, 7])), min_size=len(ids), max_size=len(ids)))
    splits = draw(st.lists(st.sampled_from(["train", "val", "test", ""]), min_size=len(ids), max_size=len(ids)))
    splits = ["" if label is None else split for label, split in zip(labels, splits, strict=True)]
    return ids, edges, labels, splits


@settings(max_examples=60, deadline=None)
@given(inputs(), st.randoms(use_true_random=False))
def test_what_goes_in_comes_out_in_the_order_of_the_ids(given_input, random):
    ids, edges, labels, splits = given_input
    rows = [[float(i), -1.5] for i in range(len(ids))]
    order = list(range(len(ids)))
    random.shuffle(order)
    graph = Graph.from_edges(
        [(v, u) if random.random() < 0.5 else (u, v) for u, v in edges] + edges[:3],
        features=[rows[i] for i in order],
        labels=[labels[i] for i in order],
        node_ids=[ids[i] for i in order],
        **{
            name: [i for i, split in zip(ids, splits, strict=True) if split == name]
            for name in ("train", "val", "test")
        },
    )
    by_id = sorted(range(len(ids)), key=lambda i: ids[i])
    assert graph.node_ids.tolist() == [ids[i] for i in by_id]
    assert {tuple(e) for e in graph.edges.tolist()} == {tuple(sorted(e)) for e in edges}
    assert graph.num_edges == len({tuple(sorted(e)) for e in edges})
    assert graph.features.tolist() == [rows[i] for i in by_id]
    assert graph.labels.tolist() == [-1 if labels[i] is None else labels[i] for i in by_id]
    assert graph.classes.tolist() == sorted({label for label in labels if label is not None})
    assert graph.train_nodes.tolist() == [ids[i] for i in by_id if splits[i] == "train"]
    assert graph.test_nodes.tolist() == [ids[i] for i in by_id if splits[i] == "test"]
    for node in ids:
        near = sorted({v for e in edges for u, v in (e, e[::-1]) if u == node})
        assert graph.neighbors(node).tolist() == near
        assert graph.degree(node) == len(near)
    for u in ids[:4]:
        for v in ids[:4]:
            assert graph.has_edge(u, v) == any({u, v} == set(e) for e in edges)


def test_sparse_and_dense_features_are_the_same_numbers():
    rows = np.array([[0, 1.5, 0], [0, 0, 0], [2, 0, -1]])
    dense = Graph.from_edges([(0, 1)], features=rows, node_ids=[2, 0, 1])
    for kind in (sp.csr_array, sp.csc_matrix, sp.coo_matrix, sp.lil_matrix):
        sparse = Graph.from_edges([(0, 1)], features=kind(rows), node_ids=[2, 0, 1])
        np.testing.assert_array_equal(sparse.features.toarray(), dense.features)
    assert dense.features.dtype == np.float32


def test_what_is_zero_in_float32_is_no_entry():
    matrix = sp.coo_array(([3.0, 1e-60, 0.0], ([0, 1, 1], [1, 0, 1])), shape=(2, 2))
    graph = Graph.from_edges([(0, 1)], features=matrix)
    assert graph.features.nnz == 1
    assert graph.features.toarray().tolist() == [[0, 3], [0, 0]]


def test_sparse_entries_given_twice_are_refused():
    # In float32 their sum would depend on their order: 0 or 1.
    values = np.float32([1e8, 1, -1e8, 2])
    coo = sp.coo_array((values, ([1, 1, 1, 0], [2, 2, 2, 0])), shape=(2, 3))
    csr = sp.csr_array((values[[3, 0, 1, 2]], [0, 2, 2, 2], [0, 1, 4]), shape=(2, 3))
    csc = sp.csc_array((values[[3, 0, 1, 2]], [0, 1, 1, 1], [0, 1, 1, 4]), shape=(2, 3))
    bsr = sp.bsr_array((values[[3, 0, 1, 2]].reshape(4, 1, 1), [0, 2, 2, 2], [0, 1, 4]), shape=(2, 3))
    for matrix in (coo, csr, csc, bsr):
        with pytest.raises(InputError, match=r"row 1, column 2 is given more than once.*sum_duplicates\(\)"):
            Graph.from_edges([(0, 1)], features=matrix, node_ids=[1, 0])
    exact = coo.astype(np.float64)
    exact.sum_duplicates()
    assert Graph.from_edges([(0, 1)], features=exact).features.toarray().tolist() == [[2, 0, 0], [0, 0, 1]]


class Tensor:
    """Has of a tensor what is needed to leave it."""

    def __init__(self, values, where="device"):
        self.values, self.where = np.array(values), where

    def detach(self):
        return Tensor(self.values, "attached to nothing")

    def cpu(self):
        return Tensor(self.values, "cpu")

    def numpy(self):
        assert self.where == "cpu"
        return self.values

    def __iter__(self):
        return (Tensor(value) for value in self.values)

    def __len__(self):
        return len(self.values)


class Frame:
    """Has of a data frame what is needed; iterating gives the names of its columns."""

    def __init__(self, values):
        self.values = np.array(values)

    def __array__(self, dtype=None, copy=None):
        return self.values

    def __iter__(self):
        return iter(["source", "target"])

    def __len__(self):
        return len(self.values)


@pytest.mark.parametrize("kind", [Tensor, Frame])
def test_arrays_of_other_libraries_are_taken_over(assert_same_graph, kind):
    parts = {"features": [[1.0], [0], [2]], "labels": [0, 1, 0], "node_ids": [5, 3, 4]}
    edges, mask = [[3, 4], [5, 3]], [True, False, False]
    plain = Graph.from_edges(edges, **parts, train=mask, test=[3])
    foreign = {name: kind(values) for name, values in parts.items()}
    graph = Graph.from_edges(kind(edges), **foreign, train=kind(mask), test=kind([3]))
    assert_same_graph(plain, graph)
    assert Removal(nodes=kind([3]), edges=kind(edges)) == Removal(nodes=[3], edges=edges)
    assert graph.slots(kind([5])).tolist() == [2]


class NA:
    """As that of pandas: every comparison gives itself, and it is neither true nor false."""

    def __eq__(self, other):
        return self

    __ne__ = __lt__ = __gt__ = __eq__
    __hash__ = None

    def __bool__(self):
        raise TypeError("boolean value of NA is ambiguous")


@pytest.mark.parametrize("values", [["x", NA(), "y"], [4, NA(), 7], [4, None, 7], ["x", float("nan"), "y"]])
def test_missing_labels_of_data_frames_are_missing(values):
    graph = Graph.from_edges([(0, 1), (1, 2)], labels=np.array(values, dtype=object))
    assert graph.classes.tolist() == values[::2]
    assert graph.label_codes.tolist() == [0, -1, 1]


@pytest.mark.parametrize("bad", ["a\0", "\ud83d", "a" * 1025])
def test_strings_that_arrays_cannot_keep_are_no_ids(bad):
    message = "NUL|surrogate|1,024"
    for make in (
        lambda: Graph.from_edges([("b", bad)]),
        lambda: Graph.from_edges([("b", "c")], node_ids=["b", "c", bad]),
        lambda: Graph.from_edges([("b", "c")], node_ids=np.array(["b", "c", bad + "d"])),
        lambda: Graph.from_edges([("b", "c")], node_ids=["b", "c"], labels=["x", bad]),
        lambda: Graph.from_edges([("b", "a")], labels=[1, 1], node_ids=["b", "a"], train=["b", bad]),
        lambda: Graph.from_edges([("b", "a")]).neighbors(bad),
    ):
        with pytest.raises(InputError, match=message) as raised:
            make()
        str(raised.value).encode()
    longest = "é" * 1024
    assert Graph.from_edges([("b", longest)]).node_ids.tolist() == ["b", longest]
    swapped = np.array(["b", longest], dtype=f"{'>' if sys.byteorder == 'little' else '<'}U1024")
    assert Graph.from_edges([("b", longest)], node_ids=swapped).node_ids.tolist() == ["b", longest]


def test_default_ids_count_up():
    assert Graph.from_edges([(0, 3)]).node_ids.tolist() == [0, 1, 2, 3]
    assert Graph.from_edges([(0, 1)], features=np.ones((3, 1))).node_ids.tolist() == [0, 1, 2]
    assert Graph.from_edges([("b", "a")]).node_ids.tolist() == ["a", "b"]
    assert Graph.from_edges([]).num_nodes == 0


def test_labels_that_were_given_out_can_be_given_back(assert_same_graph):
    first = Graph.from_edges([(0, 1)], labels=["x", float("nan"), "y"], train=[0])
    again = Graph.from_edges(first.edges, labels=first.labels, node_ids=first.node_ids, train=first.train_nodes)
    assert_same_graph(first, again)
    assert again.classes.tolist() == ["x", "y"]


def test_ids_may_be_any_listing():
    class Column:
        """Iterable as a pandas Series is, and no Sequence."""

        def __iter__(self):
            return iter(["b", "a"])

    for ids in (Column(), ("b", "a"), {"b": 1, "a": 2}, np.array(["b", "a"], dtype=object), (i for i in "ba")):
        assert Graph.from_edges([("a", "b")], node_ids=ids).node_ids.tolist() == ["a", "b"]


NAN_ROW = np.array([[0.0, 1.0], [0.0, np.nan]])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"edges": [(0, 1), (2, 2)]}, r"entry 1, \(2, 2\), is a self-loop"),
        ({"edges": [(0, 1)], "features": NAN_ROW}, "row 1, column 1 is NaN"),
        ({"edges": [(0, 1)], "features": sp.csr_array(NAN_ROW), "node_ids": [1, 0]}, "row 1, column 1 is NaN"),
        ({"edges": [(0, 1)], "features": [[1e39], [0]]}, "beyond float32"),
        ({"edges": [(0, 1)], "features": [[1, 2], [3]]}, "rows differ in length"),
        ({"edges": [(0, 1)], "features": [["a"], ["b"]]}, "expected numbers"),
        ({"edges": [(0, 1)], "features": [1, 2]}, "expected shape"),
        ({"edges": [(0, 1)], "features": np.ones((3, 1)), "node_ids": [0, 1]}, "3 rows for 2 nodes"),
        ({"edges": [(0, 1)], "node_ids": [0, 1, 1]}, "1 is given more than once"),
        ({"edges": [(0, 1)], "node_ids": [0, "1"]}, "all integers or all strings, got int, str"),
        ({"edges": [(0, 1)], "node_ids": [0.0, 1.0]}, "all integers or all strings"),
        ({"edges": [(0, 1)], "node_ids": [2**70, 1]}, "64 bits"),
        ({"edges": [(0, 1, 2)]}, "entry 0 is"),
        ({"edges": np.zeros((2, 5), int)}, "transpose"),
        ({"edges": None}, "expected a list of pairs of node ids, got None"),
        ({"edges": 5}, "expected a list of pairs"),
        ({"edges": "ab"}, "expected a list of pairs"),
        ({"edges": np.array(5)}, r"expected shape \(edges, 2\)"),
        ({"edges": sp.eye_array(3)}, r"sparse matrix; give its coordinates, .*matrix.nonzero"),
        ({"edges": [(0, 1)], "node_ids": bytearray(b"ab")}, "got bytearray"),
        ({"edges": [(0, 1)], "labels": 5}, "one label a node"),
        ({"edges": [(0, 1)], "labels": [2**70, 1]}, "does not fit 64 bits"),
        ({"edges": [(0, 1)], "labels": [2**63, 1]}, "does not fit 64 bits"),
        ({"edges": [(0, 1)], "labels": np.array([2**63, 1], np.uint64)}, "does not fit 64 bits"),
        ({"edges": [(0, 1)], "labels": [1e300, 1]}, r"class 1e\+300 does not fit 64 bits"),
        ({"edges": [(0, 1)], "labels": [[1], [2, 3]]}, "labels: "),
        ({"edges": [(0, 1), (1, 2)], "labels": [1, 1, 1], "train": [1, 0, 1]}, r"mask.astype\(bool\)"),
        ({"edges": [(0, 1), (1, 2)], "labels": [1, 1, 1], "train": np.array([0, 0, 1])}, "0 is listed more than once"),
        ({"edges": [("a", "b")], "labels": [1, 1], "node_ids": ["a", "b"], "train": ["a", "a"]}, "'a' is listed more"),
        ({"edges": [(0, 1)], "labels": [0, 1], "train": [True, 1]}, "all integers or all strings"),
        ({"edges": [(0, 2**40)]}, "give node_ids"),
        ({"edges": [(0, 1)], "labels": [0.5, 1]}, "fractions"),
        ({"edges": [(0, 1)], "labels": [np.inf, 1]}, "infinity"),
        ({"edges": [(0, 1)], "labels": [1, "a"]}, "all integers or all strings"),
        ({"edges": [(0, 1)], "labels": [1, 2, 3], "node_ids": [0, 1]}, "one label a node"),
        ({"edges": [(0, 1)], "labels": [0, 1], "train": [0], "test": [0]}, "also in another split"),
        ({"edges": [(0, 1)], "labels": [0, None], "train": [1]}, "has no label"),
        ({"edges": [(0, 1)], "labels": [0, 1], "train": [True]}, "a mask needs one entry a node"),
    ],
)
def test_bad_input_is_refused(arguments, said):
    with pytest.raises(InputError, match=said):
        Graph.from_edges(**arguments)


@pytest.mark.parametrize("ids", [[0, 1], ["a", "b"]])
def test_unknown_ends_are_refused_without_a_mend_that_does_not_exist(ids):
    with pytest.raises(UnknownNodeError, match="no node 7") as raised:
        Graph.from_edges([(7, 8)], node_ids=ids)
    assert "missing=" not in str(raised.value)


def test_many_neighbouring_ids_go_quickly():
    # Quadratic work here would take minutes.
    count = 200_000
    ids = np.arange(0, 2 * count, 2)
    graph = Graph.from_edges(np.column_stack([ids[:-1], ids[1:]]), node_ids=ids)
    smaller = graph.without(Removal(nodes=ids[10:-10]))
    assert smaller.node_ids.tolist() == [*ids[:10].tolist(), *ids[-10:].tolist()]


def test_a_copy_is_independent(assert_same_graph):
    graph = Graph.from_edges([(0, 1), (1, 2)], features=np.eye(3), labels=[0, 1, 0], train=[0])
    twin = graph.copy()
    twin.apply(twin.resolve(Removal(nodes=[1], features=[0], labels=[0])))
    assert_same_graph(graph, Graph.from_edges([(0, 1), (1, 2)], features=np.eye(3), labels=[0, 1, 0], train=[0]))


def test_public_names_of_the_floor():
    assert sorted(oubli.graph.__all__) == oubli.graph.__all__
    for name in oubli.graph.__all__:
        assert getattr(oubli.graph, name).__doc__


def test_other_splits_on_the_same_graph(assert_same_graph):
    graph = generate_graph(40, num_classes=2, seed=1)
    other = graph.with_splits(train=[3, 1], val=np.arange(40) == 7, test=[9])
    assert (other.train_nodes.tolist(), other.val_nodes.tolist(), other.test_nodes.tolist()) == ([1, 3], [7], [9])
    given = {"train": graph.train_nodes, "val": graph.val_nodes, "test": graph.test_nodes}
    assert_same_graph(other.with_splits(**given), graph)
    assert graph.with_splits().train_nodes.size == 0
    smaller = graph.without(Removal(nodes=[1], labels=[2]))
    assert smaller.with_splits(train=[3]).train_nodes.tolist() == [3]
    for train, said in (([1], "1 was removed before"), ([2], "has no label"), ([3, 3], "more than once")):
        with pytest.raises(OubliError, match=said):
            smaller.with_splits(train=train)
    with pytest.raises(InputError, match="also in another split"):
        graph.with_splits(train=[1], test=[1])
