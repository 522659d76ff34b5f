"""Slots in another order than the ids: nothing that is seen from outside changes."""

import numpy as np
import pytest

from oubli import Graph, Removal
from oubli.errors import AlreadyRemovedError, InputError, UnknownNodeError
from oubli.graph.adjacency import Adjacency
from oubli.graph.disk.folder import graph_from_mapped, mapped_arrays
from oubli.graph.ids import NodeIndex

IDS = {
    "dense": np.arange(40),
    "sparse": np.sort(np.random.default_rng(1).choice(10**9, 40, replace=False)) - 5 * 10**8,
    "strings": np.array(sorted(f"n{k * k}" for k in range(40))),
}


def reordered(graph, nodes):
    """Return the same graph, the node of that rank in each slot."""
    slots = np.empty_like(nodes)
    slots[nodes] = np.arange(nodes.size)
    return Graph(
        NodeIndex(graph.index.ids[nodes], order=slots),
        Adjacency.from_pairs(nodes.size, slots[graph.adjacency.edges()]),
        graph.table.take(nodes),
        graph.label_codes[nodes],
        graph.label_values,
        graph.split_codes[nodes],
    )


@pytest.fixture(params=IDS)
def both(request):
    """A graph, and the same with its slots in another order."""
    rng, ids = np.random.default_rng(7), IDS[request.param]
    pairs = rng.integers(0, 40, (150, 2))
    labels = rng.integers(0, 3, 40)
    plain = Graph.from_edges(
        ids[pairs[pairs[:, 0] != pairs[:, 1]]],
        node_ids=ids,
        features=rng.normal(size=(40, 3)),
        labels=labels,
        train=ids[:20],
        val=ids[25:],
    )
    return plain, reordered(plain, rng.permutation(40))


def some(rng, graph):
    """Return a removal of a little of everything."""
    ids = graph.node_ids
    nodes, features, labels = (rng.choice(ids, 2, replace=False) for _ in range(3))
    return Removal(nodes=nodes, edges=rng.permutation(graph.edges)[:3, ::-1], features=features, labels=labels)


def assert_same_lookups(one, two):
    everyone = one.node_ids
    for node in everyone.tolist():
        assert one.neighbors(node).tolist() == two.neighbors(node).tolist()
        assert one.degree(node) == two.degree(node)
    slots = two.slots(everyone)
    assert two.index.ids[slots].tolist() == everyone.tolist()
    assert slots.tolist() == two.slots(None).tolist() == two.index.living_slots().tolist()
    np.testing.assert_array_equal(two.table.take(slots).dense, one.features)
    for u, v in one.edges.tolist():
        assert two.has_edge(v, u)
    assert not two.has_edge(everyone[0], everyone[0])


def test_it_looks_the_same(both, assert_same_graph):
    plain, other = both
    assert other.index.order is not None
    assert other.adjacency.neighbours.tolist() != plain.adjacency.neighbours.tolist()
    assert_same_graph(other, plain)
    assert_same_lookups(plain, other)
    compact = other.compacted()
    assert compact.index.order is None
    assert compact.adjacency.neighbours.tolist() == plain.adjacency.neighbours.tolist()


def test_removals_act_the_same(both, assert_same_graph):
    plain, other = both
    rng = np.random.default_rng(3)
    for _ in range(9):
        request = some(rng, plain)
        gone = request.arrays["nodes"]
        assert_same_graph(other.without(request, missing="ignore"), plain.without(request, missing="ignore"))
        for graph in both:
            graph.apply(graph.resolve(request, missing="ignore"))
        assert_same_graph(other, plain)
        assert_same_lookups(plain, other)
        assert not np.isin(gone, other.index.ids).any()
        for graph in both:
            with pytest.raises(AlreadyRemovedError):
                graph.resolve(Removal(nodes=gone[:1]))
            assert not graph.has_node(gone[0])
        named = request.arrays["edges"][:1]
        if np.isin(named, plain.node_ids).all():
            for graph in both:
                with pytest.raises(AlreadyRemovedError):
                    graph.resolve(Removal(edges=named))


def test_what_is_overwritten_is_told_before(both):
    _, other = both
    rng = np.random.default_rng(4)
    for _ in range(12):
        slots = np.sort(rng.choice(np.flatnonzero(other.index.alive), 3, replace=False))
        told, before = other.index.overwritten(slots), other.index.ids.copy()
        other.index.remove(slots)
        changed = np.flatnonzero(other.index.ids != before)
        assert set(changed) <= set(told.tolist())
        assert set(slots) <= set(told.tolist())


def test_kept_and_opened_again(both, assert_same_graph):
    plain, other = both
    rng = np.random.default_rng(5)
    for _ in range(6):
        request = some(rng, plain)
        for graph in both:
            graph.apply(graph.resolve(request, missing="ignore"))
        again = graph_from_mapped({name: np.array(array) for name, array in mapped_arrays(other).items()})
        assert_same_graph(again, plain)
        assert_same_lookups(plain, again)


@pytest.mark.parametrize("gone", [[1, 2], [2, 3], [0], [3], [0, 1], [1, 3]])
@pytest.mark.parametrize("ids", [[0, 3, 7, 9], [0, 1, 2, 3], [0, 2, 3, 8], [-1, 0, 2, 3]])
def test_ids_that_were_overwritten_are_not_taken_for_dense_ones(ids, gone):
    index = NodeIndex(np.array(ids))
    index.remove(np.array(gone))
    again = NodeIndex(index.ids.copy(), alive=index.alive.copy())
    left = [place for place in range(4) if place not in gone]
    assert again.slots([ids[place] for place in left]).tolist() == left
    for place in gone:
        with pytest.raises(UnknownNodeError):
            again.slots([ids[place]])


def test_copies_are_independent(both, assert_same_graph):
    plain, other = both
    twin = other.copy()
    twin.apply(twin.resolve(Removal(nodes=plain.node_ids[:5])))
    assert_same_graph(other, plain)


@pytest.mark.parametrize(
    ("ids", "order", "match"),
    [
        ([3, 1, 2], [1, 2], "an order of 2 slots for 3 ids"),
        ([3, 1, 2], [0, 1, 2], "damaged"),
        ([3, 1, 2], [1, 2, 7], "damaged"),
        ([3, 1, 2], [1, 1, 0], "given more than once"),
        ([2, 1, 2], [1, 0, 2], "given more than once"),
    ],
)
def test_an_order_that_is_none(ids, order, match):
    with pytest.raises(InputError, match=match):
        NodeIndex(np.array(ids), order=np.array(order))
