"""Averages over neighbours: against dense matrices, by parts as well as whole."""

from __future__ import annotations

import numpy as np
import pytest
from tests.exactness.raw import random_raw

from oubli import Removal
from oubli.propagation import threads
from oubli.propagation.average import Averaging

FOUR = [Averaging(kind, loops) for kind in ("random_walk", "symmetric") for loops in (False, True)]
NAMES = ["mean", "mean with itself", "symmetric", "symmetric with itself"]


def raw_graph(seed=0, num_nodes=60):
    return random_raw(seed, num_nodes=num_nodes, degree=2.5)


def dense(raw, averaging):
    """Return the operator as a matrix."""
    places = np.searchsorted(raw.ids, raw.edges)
    matrix = np.zeros((raw.ids.size, raw.ids.size))
    matrix[places[:, 0], places[:, 1]] = matrix[places[:, 1], places[:, 0]] = 1.0
    if averaging.self_loops:
        matrix += np.eye(raw.ids.size)
    degrees = matrix.sum(axis=1)
    inverse = np.divide(1.0, degrees, out=np.zeros_like(degrees), where=degrees > 0)
    if averaging.normalization == "random_walk":
        return inverse[:, None] * matrix
    return np.sqrt(inverse)[:, None] * matrix * np.sqrt(inverse)


def values_for(raw, width=5):
    return np.random.default_rng(1).standard_normal((raw.ids.size, width))


@pytest.mark.parametrize("averaging", FOUR, ids=NAMES)
def test_a_step_is_the_dense_operator(averaging):
    raw = raw_graph()
    graph, values = raw.build(), values_for(raw)
    operator = dense(raw, averaging)
    stepped = averaging.step(graph.adjacency, values)
    np.testing.assert_allclose(stepped, operator @ values, atol=1e-13)
    others = [a for a in FOUR if a != averaging]
    assert all(np.abs(a.step(graph.adjacency, values) - stepped).max() > 0.01 for a in others)
    alone = ~np.isin(raw.ids, raw.edges)
    assert alone.any()
    expected = values[alone] if averaging.self_loops else np.zeros_like(values[alone])
    assert stepped[alone].tobytes() == expected.tobytes()


@pytest.mark.parametrize("averaging", FOUR[::2], ids=NAMES[::2])
def test_what_two_steps_bring_back(averaging):
    raw = raw_graph()
    squared = dense(raw, averaging) @ dense(raw, averaging)
    returned = averaging.back_and_forth(raw.build().adjacency)
    np.testing.assert_allclose(returned, squared.diagonal(), atol=1e-13)
    assert returned.max() > 0.1


@pytest.mark.parametrize("averaging", FOUR, ids=NAMES)
def test_a_part_is_a_part_of_the_whole(averaging, monkeypatch):
    raw = raw_graph()
    adjacency, values = raw.build().adjacency, values_for(raw)
    whole = averaging.step(adjacency, values)
    rows = np.sort(np.random.default_rng(2).permutation(60)[:17])
    out = np.full_like(values, 7.0)
    assert averaging.step(adjacency, values, rows, out) is out
    assert out[rows].tobytes() == whole[rows].tobytes()
    assert (np.delete(out, rows, axis=0) == 7.0).all()
    for work in (0, 2**62):
        monkeypatch.setattr(threads, "SERIAL_WORK", work)
        assert averaging.step(adjacency, values).tobytes() == whole.tobytes()


@pytest.mark.parametrize("averaging", FOUR, ids=NAMES)
def test_the_order_of_edges_and_of_removals_leaves_no_trace(averaging):
    raw = raw_graph(3)
    values = values_for(raw)
    expected = averaging.step(raw.build().adjacency, values)
    shuffled = raw.build(np.random.default_rng(4))
    assert averaging.step(shuffled.adjacency, values).tobytes() == expected.tobytes()
    removal = Removal(edges=raw.edges[::3])
    graph = raw.build()
    graph.apply(graph.resolve(removal))
    fresh = averaging.step(raw.without(removal).build().adjacency, values)
    assert averaging.step(graph.adjacency, values).tobytes() == fresh.tobytes()


@pytest.mark.parametrize("averaging", FOUR, ids=NAMES)
def test_reach_is_what_a_step_reads(averaging):
    raw = raw_graph()
    adjacency, values = raw.build().adjacency, values_for(raw)
    rows = np.array([0, 7, 31])
    changed = values.copy()
    changed[rows] += 1.0
    moved = averaging.step(adjacency, values) != averaging.step(adjacency, changed)
    reached = averaging.reach(adjacency, rows)
    assert np.isin(np.flatnonzero(moved.any(axis=1)), reached).all()
    assert set(reached.tolist()) == set(np.flatnonzero(moved.any(axis=1)).tolist()) | set(rows.tolist())
    assert averaging.reach(adjacency, rows[:0]).size == 0


def test_no_edges_and_no_columns():
    raw = raw_graph()
    bare = random_raw(0, num_nodes=10, degree=0.0).build()
    for averaging in FOUR:
        assert averaging.step(raw.build().adjacency, np.zeros((60, 0))).shape == (60, 0)
        still = averaging.step(bare.adjacency, np.ones((10, 2)))
        assert (still == float(averaging.self_loops)).all()
        assert not averaging.back_and_forth(bare.adjacency).any()
