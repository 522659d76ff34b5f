"""Fit and embed against the definition in plain integers."""

from __future__ import annotations

import numba as nb
import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.exactness.raw import random_raw, read_raw
from tests.propagation.oracle import half_up, named_power, power, propagate

from oubli import Graph
from oubli.errors import CapacityError, InputError
from oubli.propagation import Operator, Propagation, Quantiser
from oubli.propagation.hop import round_quotient
from oubli.propagation.operator import degree_powers


def make(seed=0, num_nodes=60, num_features=9, sparse=False, scale=1.0):
    raw = random_raw(seed, num_nodes, num_features, sparse=sparse)
    graph = Graph.from_edges(np.searchsorted(raw.ids, raw.edges), features=raw.features * np.float32(scale))
    return graph, graph.edges, graph.features


def assert_defined(graph, edges, features, operator, hops, outputs, quantiser):
    propagation = Propagation(operator, hops, outputs, quantiser).fit(graph)
    messages, totals, blocks = propagate(
        edges,
        features,
        operator.rho,
        hops,
        quantiser.fraction_bits,
        quantiser.normalize,
        quantiser.projection,
        quantiser.projection_seed,
    )
    np.testing.assert_array_equal(propagation.messages, messages)
    for ours, theirs in zip(propagation.totals, totals, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    slots = np.random.default_rng(0).permutation(graph.num_nodes)[: graph.num_nodes // 2]
    expected = np.concatenate([blocks[hop] for hop in outputs], axis=1)[slots]
    np.testing.assert_array_equal(propagation.embed(graph, slots), expected)
    return propagation


@pytest.mark.parametrize("operator", ["random_walk", "symmetric", 0.3, 0.0], ids=str)
@pytest.mark.parametrize("hops", [1, 2, 3])
@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
@pytest.mark.parametrize("projection", [None, 4])
@pytest.mark.parametrize("concatenated", [False, True], ids=["last", "concat"])
def test_fit_is_the_definition(operator, hops, sparse, projection, concatenated):
    outputs = tuple(range(hops + 1)) if concatenated else (hops,)
    quantiser = Quantiser(projection=projection, projection_seed=3)
    graph, edges, features = make(seed=hops, sparse=sparse)
    propagation = assert_defined(graph, edges, features, Operator.parse(operator), hops, outputs, quantiser)
    assert propagation.messages.dtype == np.int16
    assert propagation.totals[0].dtype == np.int32


@pytest.mark.parametrize(
    ("operator", "leaves", "largest", "totals"),
    [
        ("random_walk", 700, 50.0, np.int32),
        ("symmetric", 700, 50.0, np.int32),
        (0.3, 700, 20.0, np.int32),
        ("random_walk", 30_000, 18.0, np.int64),
        ("symmetric", 30_000, 18.0, np.int64),
    ],
)
def test_wider_storage(operator, leaves, largest, totals):
    """Large features without scaling need wider messages, and at a large hub wider totals."""
    generator = np.random.default_rng(0)
    features = (largest - generator.random((leaves + 1, 2))).astype(np.float32)
    features[0] *= -1
    graph = Graph.from_edges([(0, leaf) for leaf in range(1, leaves + 1)], features=features)
    quantiser = Quantiser(normalize=None)
    propagation = assert_defined(graph, graph.edges, features, Operator.parse(operator), 2, (1, 2), quantiser)
    assert propagation.messages.dtype == np.int32
    assert propagation.totals[0].dtype == totals
    if operator == "random_walk":
        assert (int(np.abs(propagation.totals[0]).max()) >= 2**31) == (totals == np.int64)


def test_cora_is_the_definition(data_root):
    raw = read_raw(data_root, "cora")
    graph = raw.build(np.random.default_rng(1))
    assert_defined(graph, raw.edges, raw.features, Operator.parse("symmetric"), 2, (0, 2), Quantiser())


def test_fraction_bits_and_isolated_nodes_and_no_edges():
    for bits in (4, 8, 20):
        graph, edges, features = make(seed=4)
        assert_defined(graph, edges, features, Operator(-0.5), 2, (2,), Quantiser(fraction_bits=bits))
    bare = Graph.from_edges([], features=np.eye(3))
    assert_defined(bare, bare.edges, np.eye(3), Operator(0.0), 2, (0, 1, 2), Quantiser())


def test_the_oracle_can_tell():
    """Half-even rounding between hops, or totals of floats, give other numbers on these graphs."""
    graph, edges, features = make(seed=2)
    _, totals, _ = propagate(edges, features, 0.0, 2)
    degrees = graph.adjacency.count + 1
    even = np.rint(totals[0] / degrees[:, None])
    up = np.array([[half_up(t, int(d)) for t in row] for row, d in zip(totals[0].tolist(), degrees, strict=True)])
    assert (even != up).any()
    shifted = propagate(edges, features, 0.0, 2, fraction_bits=11)[1]
    assert (shifted[1] != totals[1]).any()


@nb.njit
def quotients(totals, degrees, out):
    for at in range(totals.size):
        degree = np.float64(degrees[at])
        out[at] = round_quotient(np.float64(totals[at]), degree, 1.0 / degree)


@nb.njit
def naive_quotients(totals, degrees, out):
    for at in range(totals.size):
        out[at] = np.floor((totals[at] + 0.5 * degrees[at]) * (1.0 / degrees[at]))


BOUND = 2**48 - 1


@st.composite
def near_ties(draw):
    """Totals whose quotient is at or next to a half, anywhere in the range in which the rounding is exact."""
    degree = draw(st.integers(1, 2**31 - 1) | st.integers(1, 64))
    whole = draw(st.integers(-(BOUND // degree), BOUND // degree))
    total = (2 * whole + 1) * degree // 2 + draw(st.integers(-2, 2))
    return max(-BOUND, min(BOUND, total)), degree


ANYWHERE = st.tuples(st.integers(-BOUND, BOUND), st.integers(1, 2**31 - 1))


@given(st.lists(ANYWHERE | near_ties(), min_size=1, max_size=50))
@settings(deadline=None, max_examples=200)
def test_quotients_are_rounded_half_up_exactly(pairs):
    totals, degrees = (np.array(values, np.int64) for values in zip(*pairs, strict=True))
    out = np.empty(totals.size)
    quotients(totals, degrees, out)
    assert out.astype(np.int64).tolist() == [half_up(t, d) for t, d in pairs]


def test_every_small_quotient_and_where_a_plain_product_fails():
    totals, degrees = (a.ravel() for a in np.meshgrid(np.arange(-600, 601), np.arange(1, 300)))
    out, naive = np.empty(totals.size), np.empty(totals.size)
    quotients(totals, degrees, out)
    naive_quotients(totals, degrees, naive)
    expected = (2 * totals + degrees) // (2 * degrees)
    np.testing.assert_array_equal(out, expected)
    assert (naive != expected).any()


@pytest.mark.parametrize("exponent", [0.0, -1.0, 0.5, -0.5, 0.3 - 1.0, -0.3, 0.7, -0.95])
def test_degree_powers(exponent):
    degrees = np.array([1, 2, 3, 7, 10, 99, 13_162, 2**31 - 1, 1, 7])
    ours = degree_powers(degrees, exponent)
    assert ours.tolist() == [named_power(int(d), exponent) for d in degrees]
    exact = np.array([power(int(d), exponent) for d in degrees])
    ulps = np.abs(ours - exact) / np.spacing(exact)
    assert ulps.max() <= (1.0 if exponent == -0.5 else 0.0)


@pytest.mark.parametrize("given", ["random", 1.5, -0.1, True, None, float("nan"), [0.5]])
def test_operators_that_are_none(given):
    with pytest.raises(InputError, match="operator"):
        Operator.parse(given)


def test_operators_by_name_and_coefficient():
    assert Operator.parse("random_walk").rho == 0.0 == Operator.parse(1).rho
    assert Operator.parse("symmetric").rho == -0.5 == Operator.parse(0.5).rho
    assert Operator.parse(0.3).rho == 0.3 - 1.0


@pytest.mark.parametrize("features", [np.full((3, 2), 5000.0), np.array([[3e38], [0.0], [1.0]])])
def test_features_too_large_for_exact_sums(features):
    graph = Graph.from_edges([(0, 1), (1, 2)], features=features)
    with pytest.raises(CapacityError, match="fraction_bits"):
        Propagation(Operator(0.0), 1, (1,), Quantiser(normalize=None)).fit(graph)


def test_outputs_too_large_for_exact_sums():
    """With r = 0 an output is a sum over neighbours: large features at a hub leave the range."""
    star = Graph.from_edges([(0, leaf) for leaf in range(1, 100)], features=np.full((100, 1), 100.0))
    Propagation(Operator(0.0), 1, (1,), Quantiser(normalize=None)).fit(star)
    with pytest.raises(CapacityError, match="neighbours"):
        Propagation(Operator(-1.0), 1, (1,), Quantiser(normalize=None)).fit(star)


@pytest.mark.parametrize("hops", [1, 2, 3])
def test_state_takes_at_most_six_bytes_a_node_feature_and_hop(hops):
    graph = Graph.from_edges([(i, i + 1) for i in range(499)], features=sp.random_array((500, 128), density=0.1, rng=0))
    propagation = Propagation(Operator(-0.5), hops, (hops,), Quantiser()).fit(graph)

    def size(value):
        return sum(map(size, value)) if isinstance(value, list | tuple) else getattr(value, "nbytes", 0)

    held = sum(size(value) for value in vars(propagation).values())
    # Not the state of a feature: a bit a node.
    marks = propagation._marks.nbytes
    assert 8 * marks < graph.num_nodes + 64
    assert held - marks <= 6 * graph.num_nodes * 128 * hops
    assert held > 4 * graph.num_nodes * 128 * hops
