"""Embeddings that forget, lazy and exact, against dense matrices."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.exactness.raw import draw_removal, random_raw, read_raw

from oubli import Graph, Removal
from oubli.errors import InputError
from oubli.graph.removal import RemovalPlan
from oubli.propagation import IntegerEmbedding, LazyPropagation, Operator, Quantiser, hop_weights, make_embedding
from oubli.propagation import lazy as module

FLOOR = 0.1
"""A hop whose entries have all fallen below this share of the features' length is held to it, not to itself."""

EDITS = ("feature", "edge", "node", "subgraph", "label")
OPERATORS = (0.0, -0.5, -0.7, -1.0)


def plain_rows(graph, normalize="l2"):
    rows = graph.table.to_dense().astype(np.float64)
    if normalize is None:
        return rows
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(lengths > 0, lengths, 1.0)


def mean_matrix(graph):
    """Return ``D^-1 A`` with self-loops, and the degrees, over all slots."""
    n = graph.index.ids.size
    edges = graph.adjacency.edges()
    ones = np.ones(len(edges))
    matrix = sp.coo_array((ones, (edges[:, 0], edges[:, 1])), shape=(n, n))
    matrix = sp.csr_array(matrix + matrix.T + sp.eye_array(n))
    degrees = matrix.sum(axis=1)
    return sp.csr_array(sp.diags_array(1.0 / degrees) @ matrix), degrees


def true_rows(graph, rho, weights, normalize="l2"):
    """Return ``Z = sum of w_l (D^-rho (D^-1 A) D^rho)^l X`` of all slots."""
    mean, degrees = mean_matrix(graph)
    current = degrees[:, None] ** rho * plain_rows(graph, normalize)
    total = weights[0] * current
    for weight in weights[1:]:
        current = mean @ current
        total = total + weight * current
    return degrees[:, None] ** -rho * total


def broken_invariant(lazy, graph):
    """Return the largest difference between the two sides of the invariant, relative to the largest entry of a hop."""
    mean, degrees = mean_matrix(graph)
    q, r = lazy.reserves, lazy.residues
    target = degrees[:, None] ** lazy.operator.rho * plain_rows(graph, lazy.quantiser.normalize)
    held = q[0] * (degrees**lazy.operator.rho / lazy.sent)[:, None]
    worst = [np.abs(held - target).max(initial=0.0) / max(np.abs(target).max(initial=0.0), FLOOR)]
    for hop in range(1, lazy.hops + 1):
        right = mean @ q[hop - 1]
        left = q[hop] + (r[hop - 1] if hop < lazy.hops else 0.0)
        worst.append(np.abs(left - right).max(initial=0.0) / max(np.abs(right).max(initial=0.0), FLOOR))
    return max(worst)


def check(lazy, graph):
    """Check state, error and bounds; return the error of each column."""
    assert broken_invariant(lazy, graph) < 1e-12
    everyone = np.arange(graph.index.ids.size)
    rows = lazy.rows(graph, everyone)
    error = np.abs(true_rows(graph, lazy.operator.rho, lazy.weights, lazy.quantiser.normalize) - rows).sum(axis=0)
    near, far = lazy.error_bounds(graph), lazy.error_bounds()
    assert (error <= near).all()
    assert (near <= far * (1 + 1e-9)).all()
    if lazy.hops > 1:
        assert np.abs(lazy.residues).max(initial=0.0) <= lazy.rmax
    assert not lazy.residues[~lazy._held].any()
    gone = ~graph.index.alive
    for state in (*lazy.reserves, *lazy.residues, rows):
        assert not state[gone].any()
    return error


def remove(lazy, graph, removal, wanted=None):
    """Carry a removal through; check the state, and the report against the rows before and after."""
    everyone = np.arange(graph.index.ids.size)
    wanted = np.ones(everyone.size, bool) if wanted is None else wanted
    before = lazy.rows(graph, everyone)
    change = lazy.remove(graph, graph.resolve(removal), wanted)
    after = lazy.rows(graph, everyone)
    if isinstance(lazy, LazyPropagation):
        check(lazy, graph)
    if change.whole:
        assert not change.rows.size
    else:
        assert (np.diff(change.rows) > 0).all()
        assert wanted[change.rows].all()
        assert np.isin(np.flatnonzero((before != after).any(axis=1) & wanted), change.rows).all()
        np.testing.assert_array_equal(change.former, before[change.rows])
    return change


@pytest.fixture(params=["as it is", "never", "always", "late"])
def sweeps(request, monkeypatch):
    """Compute hops whole: as the library decides, never, always, from the second hop on."""
    prefers = {"never": lambda *a: False, "always": lambda *a: True, "late": lambda self, hop, *a: hop > 0}
    if request.param in prefers:
        monkeypatch.setattr(LazyPropagation, "_prefers_sweep", prefers[request.param])
    return request.param


@pytest.fixture
def never_swept(monkeypatch):
    monkeypatch.setattr(LazyPropagation, "_prefers_sweep", lambda *a: False)


def weigh(name, hops):
    generator = np.random.default_rng(hops)
    return generator.standard_normal(hops + 1) if name == "drawn" else hop_weights(name, hops)


@pytest.mark.parametrize("rmax", [0.0, 1e-3, 0.05])
@pytest.mark.parametrize("rho", OPERATORS)
@pytest.mark.parametrize(("name", "hops"), [("sgc", 2), ("drawn", 3), ("ppr", 1), ("average", 0)])
def test_any_order_of_removals(sweeps, rmax, rho, name, hops):
    for seed in range(2):
        generator = np.random.default_rng([seed, hops])
        raw = random_raw(seed, num_nodes=70, num_features=5, degree=[2.0, 8.0][seed], sparse=seed == 1)
        graph = raw.build()
        lazy = LazyPropagation(Operator(rho), weigh(name, hops), Quantiser(), rmax).fit(graph)
        check(lazy, graph)
        wanted = generator.random(70) < 0.6
        for kind in EDITS:
            removal = draw_removal(raw, kind, int(generator.integers(1, 5)), generator)
            if kind == "edge":
                removal |= draw_removal(raw, "feature", 2, generator)
            change = remove(lazy, graph, removal, wanted)
            assert len(change.reached) == hops
            raw = raw.without(removal)
        if rmax == 0.0:
            assert check(lazy, graph).max() < 1e-12


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_sequences(data):
    raw = random_raw(data.draw(st.integers(0, 99)), num_nodes=data.draw(st.integers(5, 40)), num_features=3, degree=5.0)
    rho = data.draw(st.sampled_from(OPERATORS))
    hops = data.draw(st.integers(0, 4))
    weights = data.draw(st.lists(st.sampled_from([-1.0, 0.0, 0.5, 2.0]), min_size=hops + 1, max_size=hops + 1))
    weights = np.array(weights) if any(weights) else hop_weights("sgc", hops)
    graph = raw.build()
    lazy = LazyPropagation(Operator(rho), weights, Quantiser(), data.draw(st.sampled_from([0.0, 1e-8, 0.01, 0.3])))
    lazy.fit(graph)
    generator = np.random.default_rng(data.draw(st.integers(0, 99)))
    for _ in range(data.draw(st.integers(1, 6))):
        kinds = data.draw(st.lists(st.sampled_from(EDITS), max_size=3))
        removal = Removal()
        for kind in kinds:
            removal |= draw_removal(raw, kind, data.draw(st.integers(1, 6)), generator)
        remove(lazy, graph, removal)
        raw = raw.without(removal)
        if data.draw(st.booleans()):
            lazy.tighten(graph, lazy.rmax * data.draw(st.sampled_from([0.0, 0.5, 1.0])))
            check(lazy, graph)


def star(leaves):
    features = np.random.default_rng(0).standard_normal((leaves + 1, 4))
    return Graph.from_edges([(0, leaf) for leaf in range(1, leaves + 1)], features=features)


@pytest.mark.parametrize("rmax", [0.0, 1e-4])
def test_a_hub_that_loses_almost_all(sweeps, rmax):
    """Subtracting what it lost, one edge after the other or all at once, would leave rounding in what remains."""
    for batch in (1999, 400, 1):
        graph = star(2000)
        lazy = LazyPropagation(Operator(-0.5), hop_weights("average", 3), Quantiser(), rmax).fit(graph)
        for first in range(1, 2000 if batch > 1 else 30, batch):
            remove(lazy, graph, Removal(edges=[(0, leaf) for leaf in range(first, min(first + batch, 2000))]))


def test_isolated_nodes_and_empty_requests(sweeps):
    graph = Graph.from_edges([(0, 1)], features=np.eye(4))
    lazy = LazyPropagation(Operator(-0.5), hop_weights("ppr", 2), Quantiser(), 0.01).fit(graph)
    for removal in (Removal(), Removal(edges=[(0, 1)]), Removal(nodes=[3]), Removal(features=[2, 0]), Removal()):
        remove(lazy, graph, removal)
    np.testing.assert_allclose(lazy.rows(graph, np.array([1])), hop_weights("ppr", 2).sum() * np.eye(4)[[1]])


def test_no_columns():
    graph = Graph.from_edges([(0, 1), (1, 2)])
    lazy = LazyPropagation(Operator(-0.5), hop_weights("sgc", 2), Quantiser(), 0.01).fit(graph)
    remove(lazy, graph, Removal(edges=[(0, 1)]))
    assert lazy.error_bounds(graph).shape == (0,)


def test_all_edges_of_a_node_then_the_node(never_swept):
    raw = random_raw(3, num_nodes=40)
    graph = raw.build()
    lazy = LazyPropagation(Operator(-0.5), hop_weights("sgc", 3), Quantiser(), 0.02).fit(graph)
    hub = raw.ids[0]
    remove(lazy, graph, Removal(edges=raw.edges[(raw.edges == hub).any(axis=1)]))
    remove(lazy, graph, Removal(features=[hub]))
    slot = graph.index.slots([hub])
    assert not lazy.reserves[0][slot].any()
    remove(lazy, graph, Removal(nodes=[hub]))


def test_forgotten_features_leave_the_reserve_at_once(never_swept):
    """However large the threshold: laziness is about neighbours' rows, not about what was to be forgotten."""
    graph = random_raw(0, num_nodes=30).build()
    lazy = LazyPropagation(Operator(-0.5), hop_weights("sgc", 2), Quantiser(), 100.0).fit(graph)
    gone = graph.node_ids[graph.features.any(axis=1)][:3]
    remove(lazy, graph, Removal(features=gone))
    assert not lazy.reserves[0][graph.index.slots(gone)].any()


def test_lower_thresholds_cost_more_and_err_less(never_swept):
    raw = random_raw(1, num_nodes=300, degree=4.0)
    removal = Removal(edges=raw.edges[:20])
    errors, reached = [], []
    for rmax in (0.1, 1e-2, 1e-3, 0.0):
        graph = raw.build()
        lazy = LazyPropagation(Operator(-0.5), hop_weights("sgc", 3), Quantiser(), rmax).fit(graph)
        reached.append(sum(remove(lazy, graph, removal).reached))
        errors.append(check(lazy, graph).sum())
    assert errors == sorted(errors, reverse=True)
    assert reached == sorted(reached)


@pytest.mark.parametrize("rho", OPERATORS)
def test_tightening_flushes(sweeps, rho):
    raw = random_raw(2, num_nodes=60)
    graph = raw.build()
    lazy = LazyPropagation(Operator(rho), hop_weights("average", 3), Quantiser(), 0.5).fit(graph)
    remove(lazy, graph, Removal(edges=raw.edges[:10], nodes=raw.ids[5:8]))
    left = check(lazy, graph).max()
    lazy.tighten(graph, 0.01)
    assert check(lazy, graph).max() <= left
    lazy.tighten(graph, 0.0)
    assert check(lazy, graph).max() < 1e-12
    with pytest.raises(InputError, match="above"):
        lazy.tighten(graph, 0.1)


@pytest.mark.parametrize("rmax", [-1.0, np.nan, np.inf, "small", None, True])
def test_a_threshold_that_is_none(rmax):
    with pytest.raises(InputError, match="rmax"):
        LazyPropagation(Operator(-0.5), hop_weights("sgc", 2), Quantiser(), rmax)


def test_the_bound_is_attained(never_swept):
    """One residue left of one sign: what it adds to the rows is the bound, up to rounding."""
    graph = Graph.from_edges([(i, i + 1) for i in range(8)], features=np.eye(9)[:, [4]] + 1e-9)
    lazy = LazyPropagation(Operator(-0.5), hop_weights("average", 3), Quantiser(normalize=None), 10.0).fit(graph)
    remove(lazy, graph, Removal(edges=[(4, 5)]))
    error = check(lazy, graph)
    assert error.max() > 0.1
    lazy.tighten(graph, 0.2)
    np.testing.assert_array_less(0.3 * lazy.error_bounds(graph), check(lazy, graph))


def test_no_threshold_means_integers():
    weights = hop_weights("ppr", 2)
    assert isinstance(make_embedding(Operator(-0.5), weights, Quantiser()), IntegerEmbedding)
    lazy = make_embedding(Operator(-0.5), weights, Quantiser(), 1e-3)
    assert isinstance(lazy, LazyPropagation)
    assert lazy.rmax == 1e-3
    with pytest.raises(InputError, match="rmax"):
        make_embedding(Operator(-0.5), weights, Quantiser(), -1.0)


class Signed(LazyPropagation):
    """Sums residues with their signs, as the published bound does."""

    def error_bounds(self, graph=None):
        return np.abs(sum(self.degrees @ residue for residue in self.residues))


def test_signed_sums_are_no_bound(never_swept):
    """Two residues that cancel in the sum and sit on rows of other degrees, so that their effects do not."""
    # Two copies of one graph with opposite features: whatever one leaves, the other leaves with the other sign.
    pairs = [(0, 1), (1, 2), (2, 3), (1, 3), (3, 4)]
    twice = pairs + [(u + 5, v + 5) for u, v in pairs]
    features = np.random.default_rng(0).random((5, 1))
    graph = Graph.from_edges(twice, features=np.concatenate([features, -features]))
    lazy = Signed(Operator(0.0), hop_weights("sgc", 3), Quantiser(normalize=None), 10.0).fit(graph)
    lazy.remove(graph, graph.resolve(Removal(edges=[(1, 2), (6, 7)])), np.ones(10, bool))
    error = np.abs(true_rows(graph, 0.0, lazy.weights, None) - lazy.rows(graph, np.arange(10))).sum(axis=0)
    assert (lazy.error_bounds() < 1e-15).all()
    assert (error > 0.01).all()
    assert (LazyPropagation.error_bounds(lazy, graph) >= error).all()
    with pytest.raises(AssertionError):
        check(lazy, graph)


class ForgetsToRescale(LazyPropagation):
    """Takes off what went and leaves the rest divided by the former degree."""

    def _lose_edges(self, graph, ends, lost, plan):
        before = self.degrees[ends].copy()
        self.degrees[ends] += lost
        count = graph.adjacency.count
        count[ends] += lost
        held = self.reserves[1:, ends].copy(), self.residues[:, ends].copy()
        count[ends] -= lost
        super()._lose_edges(graph, ends, lost, plan)
        self.degrees[ends] = before
        share = (before / (before + lost))[:, None]
        self.reserves[1:, ends] = held[0] + (self.reserves[1:, ends] - held[0]) * share
        self.residues[:, ends] = held[1] + (self.residues[:, ends] - held[1]) * share


class KeepsTheRow(LazyPropagation):
    """Takes a node's edges and leaves its own row."""

    def _lose_edges(self, graph, ends, lost, plan):
        kept = RemovalPlan(plan.nodes[:0], plan.edges, plan.features, plan.labels, plan.asked, plan.size)
        super()._lose_edges(graph, ends, lost, kept)


class KeepsTheFeatures(LazyPropagation):
    def _due(self, slots, plan):
        return self._late(slots)


class LeavesTheScale(LazyPropagation):
    """Forgets that with a degree the scale of the features changes, too."""

    def _late(self, slots):
        self.sent[slots] = self._scales(slots)
        return slots[:0]


class ForgetsAnEnd(LazyPropagation):
    def _lose_edges(self, graph, ends, lost, plan):
        held = self.reserves[-1, ends[0]].copy()
        super()._lose_edges(graph, ends, lost, plan)
        self.reserves[-1, ends[0]] = held


@pytest.mark.parametrize("broken", [ForgetsToRescale, KeepsTheRow, KeepsTheFeatures, LeavesTheScale, ForgetsAnEnd])
def test_a_wrong_removal_is_caught(broken, never_swept):
    raw = random_raw(0, num_nodes=60)
    removal = Removal(edges=raw.edges[:3], nodes=raw.ids[10:12], features=raw.ids[20:23])
    for kind in (LazyPropagation, broken):
        graph = raw.build()
        lazy = kind(Operator(-0.5), hop_weights("sgc", 2), Quantiser(), 1e-3).fit(graph)
        if kind is LazyPropagation:
            remove(lazy, graph, removal)
            continue
        with pytest.raises(AssertionError):
            remove(lazy, graph, removal)


class ReportsTooLittle(LazyPropagation):
    def remove(self, graph, plan, wanted):
        change = super().remove(graph, plan, wanted)
        change.rows, change.former = change.rows[1:], change.former[1:]
        return change


def test_a_row_that_is_not_reported_is_caught(never_swept):
    graph = random_raw(0, num_nodes=60).build()
    lazy = ReportsTooLittle(Operator(-0.5), hop_weights("sgc", 2), Quantiser(), 1e-3).fit(graph)
    with pytest.raises(AssertionError):
        remove(lazy, graph, Removal(edges=graph.edges[:3]))


@pytest.mark.parametrize("rmax", [0.0, 0.02])
def test_saved_in_the_middle_and_compacted(rmax, never_swept):
    """Slots of removed nodes are left out, as a saved graph leaves them out."""
    raw = random_raw(4, num_nodes=50)
    graph = raw.build()
    lazy = LazyPropagation(Operator(-0.5), hop_weights("average", 3), Quantiser(), rmax).fit(graph)
    remove(lazy, graph, Removal(nodes=raw.ids[3:6], edges=raw.edges[-2:], features=raw.ids[30:32]))
    stored = lazy.arrays(graph.slots(None))
    again = LazyPropagation(Operator(-0.5), hop_weights("average", 3), Quantiser(), rmax).restore(stored)
    compact = graph.compacted()
    np.testing.assert_array_equal(
        again.rows(compact, compact.slots(None)), lazy.rows(graph, graph.slots(compact.node_ids))
    )
    np.testing.assert_allclose(again.error_bounds(compact), lazy.error_bounds(graph), rtol=1e-6, atol=1e-12)
    later = Removal(edges=compact.edges[:3], nodes=compact.node_ids[20:22])
    remove(again, compact, later)
    remove(lazy, graph, later)
    alive = graph.slots(None)
    np.testing.assert_array_equal(again.rows(compact, compact.slots(None)), lazy.rows(graph, alive))


@pytest.mark.parametrize("name", ["sgc", "ppr"])
@pytest.mark.parametrize("rho", OPERATORS)
def test_the_exact_embedding(name, rho):
    raw = random_raw(1, num_nodes=80)
    graph = raw.build()
    weights = hop_weights(name, 2)

    def fit(graph):
        return IntegerEmbedding(Operator(rho), weights, Quantiser()).fit(graph)

    exact = fit(graph)
    generator = np.random.default_rng(0)
    for kind in EDITS:
        removal = draw_removal(raw, kind, 2, generator)
        remove(exact, graph, removal, generator.random(80) < 0.7)
        raw = raw.without(removal)
        everyone = np.arange(80)
        assert exact.rows(graph, everyone).tobytes() == fit(graph).rows(graph, everyone).tobytes()
        # A step of the integers is 2^-12 of the largest message; degrees scale it.
        np.testing.assert_allclose(exact.rows(graph, everyone), true_rows(graph, rho, weights), atol=0.02)
    assert exact.error_bounds(graph).tolist() == [0.0] * exact.width
    exact.tighten(graph, 0.0)
    again = IntegerEmbedding(Operator(rho), weights, Quantiser()).restore(exact.arrays(graph.slots(None)))
    compact = graph.compacted()
    np.testing.assert_array_equal(again.rows(compact, compact.slots(None)), exact.rows(graph, graph.slots(None)))


@pytest.mark.parametrize("rmax", [1e-4, 1e-2])
def test_real_graphs(data_root, rmax):
    for name in ("cora", "minesweeper"):
        raw = read_raw(data_root, name)
        graph = raw.build()
        lazy = LazyPropagation(Operator(-0.5), hop_weights("average", 2), Quantiser(), rmax).fit(graph)
        generator = np.random.default_rng(0)
        for kind, size in (("edge", 1), ("node", 1), ("feature", 3), ("subgraph", 25), ("edge", 400), ("node", 900)):
            removal = draw_removal(raw, kind, size, generator)
            remove(lazy, graph, removal)
            raw = raw.without(removal)


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("projection", [None, 7])
@pytest.mark.parametrize("normalize", ["l2", None])
def test_float_rows_are_what_is_rounded(sparse, projection, normalize):
    raw = random_raw(0, num_nodes=300, num_features=11, sparse=sparse)
    graph = raw.build()
    quantiser = Quantiser(fraction_bits=12, normalize=normalize, projection=projection)
    floats = np.empty((300, quantiser.width(graph.table)))
    quantiser.float_rows(graph.table, floats)
    rounded = quantiser.all_rows(graph.table, lambda slots: np.ones(slots.size))[0]
    np.testing.assert_array_equal(np.rint(floats * 2.0**12), rounded)


def test_threads_share_columns_without_a_trace(never_swept, monkeypatch):
    raw = random_raw(5, num_nodes=200, num_features=37, degree=8.0)
    found = []
    for parts in (1, 3):
        monkeypatch.setattr(module, "sharers", lambda work, parts=parts: parts)
        graph = raw.build()
        lazy = LazyPropagation(Operator(-0.5), hop_weights("sgc", 3), Quantiser(), 1e-3).fit(graph)
        remove(lazy, graph, Removal(edges=raw.edges[:50]))
        found.append((lazy.reserves.tobytes(), lazy.residues.tobytes()))
    assert found[0] == found[1]
