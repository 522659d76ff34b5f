"""Removals against a model made of sets: mixed, in sequence, with integer and string ids."""

import dataclasses

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from oubli import Graph, Removal
from oubli.errors import AlreadyRemovedError, InputError, UnknownNodeError

NUM_NODES = 9


@dataclasses.dataclass
class Model:
    """The obvious graph: sets and dictionaries."""

    nodes: set
    edges: set
    features: dict
    labels: dict
    train: set

    def remove(self, removal):
        gone = set(removal.nodes)
        self.nodes -= gone
        named = {frozenset(e) for e in removal.edges}
        self.edges = {e for e in self.edges if not e & gone and e not in named}
        for node in removal.features:
            self.features[node] = [0.0, 0.0]
        for node in (*removal.labels, *gone):
            self.labels.pop(node, None)
            self.train.discard(node)

    def can_remove(self, kind, what, gone):
        if kind == "edges":
            return frozenset(what) in self.edges
        if what not in self.nodes or what in gone:
            return what in self.nodes
        return {"nodes": True, "features": any(self.features[what]), "labels": what in self.labels}[kind]

    def equals(self, graph):
        nodes = sorted(self.nodes)
        rows = graph.features.toarray() if sp.issparse(graph.features) else graph.features
        assert graph.node_ids.tolist() == nodes
        assert graph.num_nodes == len(nodes)
        assert {frozenset(e) for e in graph.edges.tolist()} == self.edges
        assert graph.num_edges == len(self.edges)
        assert rows.tolist() == [self.features[n] for n in nodes]
        assert graph.labels.tolist() == [self.labels.get(n, -1) for n in nodes]
        assert graph.train_nodes.tolist() == sorted(self.train)
        for node in nodes:
            assert graph.neighbors(node).tolist() == sorted(v for e in self.edges if node in e for v in e - {node})


def build(names, edges, sparse):
    features = {name: [float(i % 3), float(i % 2)] for i, name in enumerate(names)}
    labels = {name: i % 3 for i, name in enumerate(names) if i % 4}
    train = {name for i, name in enumerate(names) if i % 4 == 1}
    rows = np.array([features[n] for n in names])
    graph = Graph.from_edges(
        [tuple(e) for e in edges],
        features=sp.csr_array(rows) if sparse else rows,
        labels=[labels.get(n) for n in names],
        node_ids=names,
        train=sorted(train),
    )
    return graph, Model(set(names), {frozenset(e) for e in edges}, features, labels, train)


NAMES = st.sampled_from(
    [list(range(NUM_NODES)), [3 * i - 7 for i in range(NUM_NODES)], list("ihgfedcba"), ["", *"abcdefgh"]]
)
PAIRS = st.tuples(st.integers(0, NUM_NODES - 1), st.integers(0, NUM_NODES - 1)).filter(lambda p: p[0] != p[1])
SOME = st.lists(st.integers(0, NUM_NODES - 1), max_size=3)
REQUEST = st.tuples(SOME, st.lists(PAIRS, max_size=4), SOME, SOME)


def removal_of(names, request):
    nodes, edges, features, labels = request
    pairs = [(names[u], names[v]) for u, v in edges]
    return Removal([names[i] for i in nodes], pairs, [names[i] for i in features], [names[i] for i in labels])


@settings(max_examples=80, deadline=None)
@given(NAMES, st.lists(PAIRS, max_size=20), st.lists(REQUEST, max_size=5), st.booleans(), st.booleans())
def test_sequences_of_mixed_removals(names, pairs, requests, sparse, in_place):
    graph, model = build(names, [(names[u], names[v]) for u, v in pairs], sparse)
    for request in requests:
        removal = removal_of(names, request)
        possible = {
            field.name: tuple(w for w in getattr(removal, field.name) if model.can_remove(field.name, w, removal.nodes))
            for field in dataclasses.fields(Removal)
        }
        refused = any(len(possible[f.name]) < len(getattr(removal, f.name)) for f in dataclasses.fields(Removal))
        if refused:
            with pytest.raises(InputError):
                graph.resolve(removal)
            with pytest.raises(InputError):
                graph.without(removal)
            model.equals(graph)
        plan = graph.resolve(removal, missing="ignore")
        for kind, kept in possible.items():
            ignored = [tuple(w) if kind == "edges" else w for w in plan.ignored.get(kind, [])]
            assert sorted(ignored, key=repr) == sorted(set(getattr(removal, kind)) - set(kept), key=repr)
        if in_place:
            graph.apply(plan)
        else:
            graph = graph.without(removal, missing="ignore")
        model.remove(Removal(**possible))
        model.equals(graph)
        model.equals(graph.compacted())
        model.equals(graph.copy())


@settings(max_examples=40, deadline=None)
@given(NAMES, st.lists(PAIRS, max_size=20), REQUEST, REQUEST, st.booleans())
def test_order_does_not_matter(names, pairs, one, two, sparse):
    graph, _ = build(names, [(names[u], names[v]) for u, v in pairs], sparse)
    a, b = removal_of(names, one), removal_of(names, two)
    first = graph.without(a, missing="ignore").without(b, missing="ignore")
    second = graph.without(b, missing="ignore").without(a, missing="ignore")
    both = graph.without(a | b, missing="ignore")
    for other in (second, both):
        assert other.node_ids.tolist() == first.node_ids.tolist()
        assert other.edges.tolist() == first.edges.tolist()
        assert other.labels.tolist() == first.labels.tolist()
        assert (other.features != first.features).sum() == 0


@pytest.mark.parametrize("names", [list(range(NUM_NODES)), list("abcdefghi")])
@pytest.mark.parametrize("in_place", [True, False])
def test_what_was_removed_cannot_be_removed_again(names, in_place):
    graph, model = build(names, [(names[i], names[i + 1]) for i in range(NUM_NODES - 1)], sparse=False)
    removal = Removal(nodes=[names[0]], edges=[(names[4], names[3])], features=[names[5]], labels=[names[6]])
    if in_place:
        graph.apply(graph.resolve(removal))
    else:
        graph = graph.without(removal)
    model.remove(removal)
    for again in (
        Removal(nodes=[names[0]]),
        Removal(features=[names[0]]),
        Removal(labels=[names[0]]),
        Removal(edges=[(names[3], names[4])]),
        Removal(edges=[(names[0], names[1])]),
        Removal(features=[names[5]]),
        Removal(labels=[names[6]]),
        Removal(nodes=[names[7], names[0]], labels=[names[1]]),
    ):
        with pytest.raises(AlreadyRemovedError, match="removed before"):
            graph.resolve(again)
        model.equals(graph)
    with pytest.raises(AlreadyRemovedError):
        graph.neighbors(names[0])


@pytest.mark.parametrize(
    ("removal", "error", "said"),
    [
        (Removal(nodes=[99]), UnknownNodeError, r"nodes: no node 99 in the graph; ids .* from 0 to 8"),
        (Removal(nodes=["0"]), UnknownNodeError, "integers and strings are different ids"),
        (Removal(edges=[(0, 99)]), UnknownNodeError, "edges: no node 99"),
        (Removal(edges=[(0, 2)]), InputError, r"there is no edge \(0, 2\)"),
        (Removal(features=[0]), InputError, "features: node 0 has none"),
        (Removal(labels=[0]), InputError, "labels: node 0 has none"),
    ],
)
def test_what_is_not_there_cannot_be_removed(removal, error, said):
    graph, model = build(list(range(NUM_NODES)), [(0, 1)], sparse=False)
    with pytest.raises(error, match=said) as raised:
        graph.resolve(removal)
    assert not isinstance(raised.value, AlreadyRemovedError)
    assert 'missing="ignore"' in str(raised.value)
    model.equals(graph)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Removal(nodes="abc"), "must be a list of ids"),
        (lambda: Removal(nodes=7), r"write \[7\]"),
        (lambda: Removal(nodes=np.int64(7)), "must be a list of ids"),
        (lambda: Removal(labels=None), "must be a list of ids"),
        (lambda: Removal(nodes=[1.5]), "integers or all strings"),
        (lambda: Removal(nodes=[True]), "integers or all strings"),
        (lambda: Removal(nodes=[1, "a"]), "integers or all strings"),
        (lambda: Removal(edges=[(1, 1)]), "self-loop"),
        (lambda: Removal(edges=[(1, 2, 3)]), "a pair"),
        (lambda: Removal(edges=["ab"]), "a pair"),
        (lambda: Removal(edges=[b"ab"]), "entry 0 is b'ab'; expected a pair"),
        (lambda: Removal(edges=[(1, 2), np.array(3)]), "entry 1 is .*; expected a pair"),
        (lambda: Removal(edges=None), "removal: edges: expected a list of pairs"),
        (lambda: Removal(edges=5), "removal: edges: expected a list of pairs"),
        (lambda: Removal(nodes=b"7"), "must be a list of ids"),
        (lambda: Removal(nodes=bytearray(b"7")), "must be a list of ids"),
        (lambda: Removal(nodes=["a\0"]), r"removal: nodes: 'a\\x00' holds a NUL"),
        (lambda: Removal(nodes=["\ud800"]), r"'\\ud800' holds a lone surrogate"),
        (lambda: Removal(nodes=["a" * 1025]), "longer than 1,024 characters"),
        (lambda: Removal.from_json(None), "expected JSON text, got NoneType"),
        (lambda: Removal.from_json('{"nodes": [1], "nodes": [2]}'), "'nodes' is given more than once"),
        (lambda: Removal.from_json('{"nodes": [' + "9" * 5000 + "]}"), "64 bits"),
        (lambda: Removal.from_json("[" * 10**5), "nested too deep"),
        (lambda: Removal.from_json("{"), "not JSON, line 1"),
        (lambda: Removal.from_json("[]"), "expected an object"),
        (lambda: Removal.from_json('{"node": [1]}'), "nodes, edges, features, labels"),
        (lambda: Removal.from_json('{"nodes": 1}'), "must be a list"),
        (lambda: Graph.from_edges([(0, 1)]).resolve([0]), "expected a Removal"),
        (lambda: Graph.from_edges([(0, 1)]).resolve(Removal(nodes=[0]), missing="skip"), '"error" or "ignore"'),
    ],
)
def test_bad_requests_are_refused(make, said):
    with pytest.raises(InputError, match=said):
        make()


@given(REQUEST, st.sampled_from([list(range(NUM_NODES)), list("abcdefghi")]))
def test_a_request_survives_json(request_, names):
    removal = removal_of(names, request_)
    assert Removal.from_json(removal.to_json()) == removal
    assert bool(removal) == any(request_)


def test_a_request_adds_up_with_requests_only():
    with pytest.raises(TypeError, match="unsupported operand"):
        Removal() | 5


@pytest.mark.parametrize("sparse", [True, False])
def test_a_node_that_goes_covers_its_row_and_label_whether_or_not_there_are_any(sparse):
    graph, model = build(list(range(NUM_NODES)), [(0, 1)], sparse)
    assert (model.features[0], model.labels.get(0)) == ([0.0, 0.0], None)
    plan = graph.resolve(Removal(nodes=[0, 1], features=[0, 1], labels=[0, 1]))
    assert (plan.nodes.tolist(), plan.features.tolist(), plan.labels.tolist()) == ([0, 1], [], [])
    assert graph.resolve(Removal(nodes=[0], labels=[0]), missing="ignore").ignored == {}


def test_a_plan_is_for_the_graph_it_was_made_against():
    graph, _ = build(list(range(NUM_NODES)), [(0, 1)], sparse=False)
    plan = graph.resolve(Removal(nodes=[1]))
    for other in (build(list(range(5)), [(0, 1)], False)[0], graph.without(Removal(edges=[(0, 1)]))):
        before = other.node_ids.tolist()
        with pytest.raises(InputError, match=r"plan: of a graph of 9 nodes and 1 edges.*resolve the removal again"):
            other.apply(plan)
        assert other.node_ids.tolist() == before
    graph.apply(plan)
    with pytest.raises(InputError, match="plan: of a graph"):
        graph.apply(plan)


def test_requests_add_up_and_repetition_counts_once():
    assert Removal(nodes=[1, 1], edges=[(2, 1), (1, 2)]) == Removal(nodes=[1], edges=[(1, 2)])
    assert Removal(nodes=[1]) | Removal(nodes=[2, 1], labels=[3]) == Removal(nodes=[1, 2], labels=[3])
    assert Removal.subgraph([1, 2]) == Removal(nodes=[1, 2])


def test_removed_ids_and_rows_leave_no_bytes_behind():
    names = [f"person-{i}-secret" for i in range(6)]
    rows = np.arange(12, dtype=np.float32).reshape(6, 2) + 12345.678
    graph = Graph.from_edges([(names[0], names[1]), (names[1], names[2])], features=rows, node_ids=names, labels=names)
    graph.apply(graph.resolve(Removal(nodes=[names[1]])))
    assert names[1] not in graph.index.ids.tolist()
    assert rows[1].tobytes() not in graph.table.dense.tobytes()
    assert names[1] not in graph.compacted().label_values.tolist()
