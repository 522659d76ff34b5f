"""Delta push against a fresh computation, what it reports, and how far a removal reaches."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.sparse.csgraph import dijkstra
from tests.exactness.raw import KINDS, draw_removal, random_raw, read_raw
from tests.propagation.switch import NAMES, switch

from oubli import Graph, Removal
from oubli.propagation import Operator, Propagation, Quantiser


@pytest.fixture(autouse=True)
def put_back():
    yield
    switch("as it is")


def fit(graph, operator, hops, outputs=None, quantiser=None):
    given = operator if isinstance(operator, Operator) else Operator.parse(operator)
    return Propagation(given, hops, outputs or (hops,), quantiser or Quantiser()).fit(graph)


def remove(propagation, graph, removal, wanted=None):
    """Carry a removal through, and check the state and the report against a fresh computation."""
    everyone = np.arange(graph.index.ids.size)
    wanted = np.ones(everyone.size, bool) if wanted is None else wanted
    before = propagation.embed(graph, everyone)
    change = propagation.remove(graph, graph.resolve(removal), wanted)
    fresh = fit(graph, propagation.operator, propagation.hops, propagation.outputs, propagation.quantiser)
    assert propagation.messages.astype(np.int64).tobytes() == fresh.messages.astype(np.int64).tobytes()
    for ours, theirs in zip(propagation.totals, fresh.totals, strict=True):
        assert ours.astype(np.int64).tobytes() == theirs.astype(np.int64).tobytes()
    after = propagation.embed(graph, everyone)
    assert after.tobytes() == fresh.embed(graph, everyone).tobytes()
    assert not propagation._marks.any()
    assert len(change.reached) == propagation.hops
    if change.full_from is None:
        width = propagation.width
        assert len(change.rows) == len(change.former) == len(propagation.outputs)
        for at, (rows, former) in enumerate(zip(change.rows, change.former, strict=True)):
            block = slice(at * width, (at + 1) * width)
            differs = (before[:, block] != after[:, block]).any(axis=1) & wanted
            assert sorted(rows.tolist()) == np.flatnonzero(differs).tolist()
            np.testing.assert_array_equal(former, before[rows, block])
    return change


@pytest.mark.parametrize("operator", ["random_walk", "symmetric"])
def test_threads_share_out_even_what_has_no_neighbours(operator, monkeypatch):
    monkeypatch.setattr("oubli.propagation.threads.SERIAL_WORK", 0)
    rng = np.random.default_rng(5)
    edges = [(u, v) for u, v in rng.integers(0, 300, (900, 2)).tolist() if u != v]
    graph = Graph.from_edges(edges, features=rng.normal(size=(340, 5)))
    propagation = fit(graph, operator, 2)
    for removal in (
        Removal(features=[320, 339]),
        Removal(features=[3, 330], edges=edges[:1]),
        Removal(nodes=[7, 8, 310], edges=edges[20:24]),
    ):
        remove(propagation, graph, removal)


@pytest.mark.parametrize("where", NAMES)
@pytest.mark.parametrize("operator", ["random_walk", "symmetric", 0.3], ids=str)
@pytest.mark.parametrize("hops", [1, 2, 3])
def test_a_push_is_a_recomputation(where, operator, hops):
    switch(where)
    for seed in range(3):
        outputs = tuple(range(hops + 1)) if seed != 2 else (hops,)
        generator = np.random.default_rng([seed, hops])
        raw = random_raw(seed, num_nodes=120, num_features=5, degree=[1.0, 3.0, 10.0][seed], sparse=seed == 1)
        graph = raw.build()
        propagation = fit(graph, operator, hops, outputs)
        wanted = generator.random(graph.num_nodes) < 0.6
        for kind in KINDS:
            removal = draw_removal(raw, kind, int(generator.integers(1, 6)), generator)
            if kind == "edge":
                removal |= draw_removal(raw, "feature", 2, generator)
            change = remove(propagation, graph, removal, wanted)
            if where == "never":
                assert change.full_from is None
            if where == "always" or (where == "late" and hops > 1):
                assert change.full_from == (1 if where == "always" else 2)
            raw = raw.without(removal)


@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_wider_storage_is_pushed_alike(dtype):
    switch("never")
    leaves = 600 if dtype == np.int32 else 30_000
    features = np.full((leaves + 1, 2), 17.5, np.float32)
    features[:, 1] = np.linspace(-17, 17, leaves + 1)
    pairs = [(0, leaf) for leaf in range(1, leaves + 1)] + [(leaf, leaf + 1) for leaf in range(1, 200)]
    graph = Graph.from_edges(pairs, features=features)
    propagation = fit(graph, "random_walk", 2, (0, 1, 2), Quantiser(normalize=None))
    assert propagation.totals[0].dtype == dtype
    assert propagation.messages.dtype == np.int32
    remove(propagation, graph, Removal(edges=[(3, 4), (0, 7)], nodes=[11], features=[20, 21]))
    remove(propagation, graph, Removal(nodes=[0]))


@pytest.mark.parametrize("operator", ["random_walk", "symmetric"])
def test_real_graphs(data_root, operator):
    for name in ("cora", "minesweeper"):
        raw = read_raw(data_root, name)
        graph = raw.build()
        propagation = fit(graph, operator, 2, (0, 1, 2), Quantiser(projection=16))
        generator = np.random.default_rng(0)
        for kind, size in (("edge", 1), ("node", 1), ("feature", 3), ("subgraph", 25), ("edge", 400), ("node", 900)):
            removal = draw_removal(raw, kind, size, generator)
            change = remove(propagation, graph, removal)
            if size in (1, 900):
                assert (change.full_from is None) == (size == 1)
            raw = raw.without(removal)


class ForgetsToSubtract(Propagation):
    def _push(self, hop, graph, step, change, wanted):
        step.pairs = step.pairs[:0]
        super()._push(hop, graph, step, change, wanted)


class SubtractsNewMessages(Propagation):
    """Takes from a lost neighbour's total what the node would send now, not what it sent."""

    def _push(self, hop, graph, step, change, wanted):
        if hop == 1:
            step.former = self.messages[step.endpoints].astype(np.int32)
        super()._push(hop, graph, step, change, wanted)


class ReportsTooLittle(Propagation):
    def _note_outputs(self, change, *args):
        super()._note_outputs(change, *args)
        change.rows[-1], change.former[-1] = change.rows[-1][1:], change.former[-1][1:]


@pytest.mark.parametrize("broken", [ForgetsToSubtract, SubtractsNewMessages, ReportsTooLittle])
def test_a_wrong_push_is_caught(broken):
    switch("never")
    graph = random_raw(0, num_nodes=60).build()
    propagation = broken(Operator(-0.5), 2, (2,), Quantiser()).fit(graph)
    with pytest.raises(AssertionError):
        remove(propagation, graph, Removal(edges=graph.edges[:3]))


def distances(graph, sources):
    """Return for every node how many edges away the nearest of `sources` is."""
    edges = graph.adjacency.edges()
    n = graph.num_nodes
    matrix = sp.coo_array((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(n, n)).tocsr()
    return dijkstra(matrix, directed=False, indices=sources, unweighted=True, min_only=True)


def furthest_changes(graph, operator, hops, removal, sources):
    """Return how far from `sources`, in the graph as it was, each hop's output and total changes."""
    away = distances(graph, sources)
    outputs = tuple(range(1, hops + 1))
    propagation = fit(graph, operator, hops, outputs, Quantiser(normalize=None, fraction_bits=16))
    everyone = np.arange(graph.num_nodes)
    old_totals = [total.copy() for total in propagation.totals]
    old = propagation.embed(graph, everyone)
    propagation.remove(graph, graph.resolve(removal), np.ones(graph.num_nodes, bool))
    new = propagation.embed(graph, everyone)
    furthest = []
    for hop in outputs:
        block = slice((hop - 1) * propagation.width, hop * propagation.width)
        moved = (old[:, block] != new[:, block]).any(axis=1)
        moved |= (old_totals[hop - 1] != propagation.totals[hop - 1]).any(axis=1)
        furthest.append(int(away[moved].max(initial=0)))
    return furthest


def reach(operator, kind, hop):
    """Return how many edges away a removal can change what hop `hop` leaves, by the proof."""
    further = 0 if operator == "random_walk" else 1
    return {"edge": hop - 1 + further, "feature": hop, "node": hop + further}[kind]


def requests(graph, at):
    """Return a removal of each kind at a node, with the nodes that distances are counted from."""
    slot = int(graph.index.slots([at])[0])
    near = int(graph.neighbors(at)[0])
    return {
        "edge": (Removal(edges=[(at, near)]), [slot, int(graph.index.slots([near])[0])]),
        "feature": (Removal(features=[at]), [slot]),
        "node": (Removal(nodes=[at]), [slot]),
    }


@pytest.mark.parametrize("operator", ["random_walk", "symmetric", 0.3], ids=str)
@pytest.mark.parametrize("kind", ["edge", "feature", "node"])
@pytest.mark.parametrize("where", ["never", "always"])
def test_what_is_further_away_never_changes(operator, kind, where):
    switch(where)
    for seed in range(12):
        raw = random_raw(seed, num_nodes=150, degree=2.5)
        graph = raw.build()
        busy = graph.node_ids[(graph.adjacency.count > 0) & graph.features.any(axis=1)]
        at = np.random.default_rng(seed).choice(busy).item()
        removal, sources = requests(graph, at)[kind]
        for hop, furthest in enumerate(furthest_changes(graph, operator, 3, removal, sources), start=1):
            assert furthest <= reach(operator, kind, hop)


@pytest.mark.parametrize("operator", ["random_walk", "symmetric", 0.3], ids=str)
@pytest.mark.parametrize("kind", ["edge", "feature", "node"])
def test_the_reach_is_attained(operator, kind):
    """On a path whose far nodes see the change: a plain claim of K hops is one short for a node under "symmetric"."""
    switch("never")
    features = np.random.default_rng(0).standard_normal((21, 4)) * 40
    graph = Graph.from_edges([(i, i + 1) for i in range(20)], features=features)
    removal, sources = requests(graph, 10)[kind]
    hops = 3
    found = furthest_changes(graph, operator, hops, removal, sources)
    assert found == [reach(operator, kind, hop) for hop in range(1, hops + 1)]
    if kind == "node":
        assert (found[-1] > hops) == (operator != "random_walk")


def test_rows_looked_at_follow_the_change_not_the_graph():
    """On a long path, one edge reaches a handful of rows at every hop, whatever the length."""
    looked_at = []
    for n in (200, 2000):
        graph = Graph.from_edges([(i, i + 1) for i in range(n - 1)], features=np.random.default_rng(0).random((n, 4)))
        propagation = fit(graph, "random_walk", 3)
        looked_at.append(remove(propagation, graph, Removal(edges=[(100, 101)])).reached)
    assert looked_at == [[2, 4, 6], [2, 4, 6]]
