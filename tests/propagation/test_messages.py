"""Random messages against plain Python, and what a row tells about its own label."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from tests.exactness.raw import random_raw

from oubli.propagation import Arcs, RandomMessages, Surroundings
from oubli.propagation import messages as messages_module
from oubli.propagation.messages import _draw_distinct, sum_over_neighbours

KNOWN = (
    [[4, 1, 3], [1, 4, 0], [3, 0, 2], [9, 9, 7], [10, 7, 10], [7, 10, 9], [5, 5, 5], [6, 8, 8]],
    [[9, -5, 7], [-1, 5, -7], [7, 20, -3], [6, 5, 5], [-1, -7, -4], [5, 0, 14], [12, -10, 1], [14, 3, -2]],
    [128, 0, 448],
)


def draw(seed, num_labels=3, num_inputs=4, num_nodes=40):
    """Return a graph, inputs, and labels in quarters: some nodes have none."""
    generator = np.random.default_rng([seed, 1])
    graph = random_raw(seed, num_nodes=num_nodes).build()
    inputs = generator.integers(-256, 257, (num_nodes, num_inputs)).astype(np.int16)
    labels = generator.integers(-num_labels, num_labels, num_nodes)
    return graph, inputs, quarters(labels, num_labels)


def quarters(labels, num_labels):
    known = np.zeros((labels.size, num_labels + 1), np.int32)
    for node, label in enumerate(labels.tolist()):
        if label >= 0:
            known[node] = [3 if c == label else -1 for c in range(num_labels)] + [4]
    return known


def sums_of(graph, known):
    sums = np.full_like(known, 99)
    sum_over_neighbours(graph.adjacency, known, np.arange(len(known)), sums)
    return sums


def around(graph, inputs, known):
    return Surroundings(inputs, known, sums_of(graph, known), graph.adjacency.count)


def compute(graph, inputs, known, layer=None, slots=None):
    layer = layer or RandomMessages(inputs.shape[1], known.shape[1] - 1, 20, 5)
    slots = np.arange(len(known)) if slots is None else slots
    state = around(graph, inputs, known)
    return layer.rows(state, layer.received(state, Arcs.into(graph.adjacency, slots)), slots)


def half_up(value):
    return int((value + Fraction(1, 2)).__floor__())


def plain_row(graph, inputs, known, layer, v):
    """Return a row straight from the definition, in units of labels, deviations and fractions."""
    neighbours = [graph.adjacency.row(u).tolist() for u in range(len(known))]
    labels = [[Fraction(int(value), 4) for value in row] for row in known]
    around = [
        [sum((labels[w][c] for w in neighbours[u]), Fraction(0)) for c in range(len(labels[0]))]
        for u in range(len(known))
    ]
    degree = max(len(neighbours[v]), 1)
    near = [half_up(256 * total / degree) for total in around[v]]
    far, sent = [0] * len(near), [0] * layer.biases.size
    for u in neighbours[v]:
        others = [a - own for a, own in zip(around[u], labels[v], strict=True)]
        far = [f + half_up(256 * o / len(neighbours[u])) for f, o in zip(far, others, strict=True)]
        pairs = [(2 * o, 2 * own) for o, own in zip(others[:-1], labels[u][:-1], strict=True)]
        channels = [c for pair in pairs for c in pair]
        channels += [others[-1] / 2, labels[u][-1], (len(neighbours[u]) - others[-1]) / 4]
        channels = [min(max(c, -16), 16) for c in channels]
        channels += [Fraction(int(q), 32) for q in (*inputs[u], *inputs[v])]
        for j in range(layer.biases.size):
            reads = zip(layer.weights[:, j].tolist(), layer.channels[:, j].tolist(), strict=True)
            value = sum(Fraction(w, 16) * channels[c] for w, c in reads) + Fraction(int(layer.biases[j]), 512)
            sent[j] += min(half_up(16 * max(value, 0)), 1023)
    return near + [half_up(Fraction(f, degree)) for f in far] + [half_up(Fraction(4 * s, degree)) for s in sent]


@pytest.mark.parametrize("num_labels", [1, 3])
@pytest.mark.parametrize("num_messages", [0, 20])
def test_rows_are_the_definition(num_labels, num_messages):
    graph, inputs, known = draw(num_labels, num_labels)
    layer = RandomMessages(4, num_labels, num_messages, 5)
    rows = compute(graph, inputs, known, layer)
    assert rows.shape == (40, 2 * (num_labels + 1) + num_messages) == (40, layer.width)
    assert rows.any(axis=0).mean() > 0.8
    for v in range(40):
        assert rows[v].tolist() == plain_row(graph, inputs, known, layer, v)
    some = np.array([7, 3, 11])
    assert compute(graph, inputs, known, layer, some).tobytes() == rows[some].tobytes()


def test_what_is_received_adds_up():
    """Along all edges it is what comes along some, and along the others, whichever way these are given."""
    graph, inputs, known = draw(2)
    layer, state, everyone = RandomMessages(4, 3, 20, 5), around(graph, inputs, known), np.arange(40)
    whole = layer.received(state, Arcs.into(graph.adjacency, everyone))
    edges = np.random.default_rng(0).permutation(graph.adjacency.edges())
    parts = [layer.received(state, Arcs.among(part, everyone)) for part in (edges[:30, ::-1], edges[30:])]
    assert parts[0].any()
    assert parts[1].any()
    assert (parts[0] + parts[1]).tolist() == whole.tolist()
    some = np.array([0, 5, 6])
    assert layer.received(state, Arcs.among(edges, some)).tolist() == whole[some].tolist()


def test_the_largest_values_do_not_overflow():
    """All weights and channels at their limits: rows hold what a message can reach."""
    graph, inputs, known = draw(1)
    layer = RandomMessages(4, 3, 20, 5)
    layer.weights[:], layer.biases[:] = 128, 64 * 128
    inputs[:] = 256
    rows = compute(graph, inputs, known, layer)
    linked = graph.adjacency.count > 0
    assert rows[linked].max() == 4 * messages_module.MESSAGE_LIMIT
    for v in np.flatnonzero(linked)[:5].tolist():
        assert rows[v].tolist() == plain_row(graph, inputs, known, layer, v)


def test_one_thread_and_several(monkeypatch):
    graph, inputs, known = draw(2, num_nodes=200)
    serial = compute(graph, inputs, known)
    monkeypatch.setattr("oubli.propagation.threads.SERIAL_WORK", 0)
    assert compute(graph, inputs, known).tobytes() == serial.tobytes()


def test_weights_follow_the_seed():
    layers = [RandomMessages(4, 3, 500, seed) for seed in (0, 0, 1)]
    drawn = [(layer.channels.tobytes(), layer.weights.tobytes(), layer.biases.tobytes()) for layer in layers]
    assert drawn[0] == drawn[1]
    assert all(one != other for one, other in zip(drawn[0], drawn[2], strict=True))
    weights = layers[0].weights
    assert weights.shape == (8, 500)
    assert abs(weights.mean()) < 0.6
    assert 7.5 < weights.std() < 8.5
    assert 56 < layers[0].biases.std() / 8 < 72
    reads = layers[0].channels
    assert set(reads[:3].ravel().tolist()) == set(range(9))
    assert set(reads[3:].ravel().tolist()) == set(range(9, 17))
    assert all(len(set(column)) == 8 for column in reads.T.tolist())


def test_weights_are_these():
    """Known values: another draw would be another model under the same configuration."""
    layer = RandomMessages(3, 1, 3, 0)
    assert (layer.channels.tolist(), layer.weights.tolist(), layer.biases.tolist()) == KNOWN


def test_draws_without_repetition_are_fair():
    taken = _draw_distinct(5, 3, 20_000, 0, 0)
    assert taken.min() == 0
    assert taken.max() == 4
    for row in taken:
        assert np.abs(np.bincount(row, minlength=5) / 20_000 - 0.2).max() < 0.015
    assert np.sort(_draw_distinct(3, 8, 10, 0, 0), axis=0).tolist() == [[k] * 10 for k in range(3)]


# What a row tells about its own label


class SeesItself(RandomMessages):
    """Leaves the own label in the sums around the neighbours."""

    def received(self, surroundings, arcs):
        out = []
        for r, v in enumerate(arcs.receivers.tolist()):
            without = surroundings.known.copy()
            without[v] = 0
            one = Arcs(arcs.receivers[r : r + 1], arcs.start[r : r + 1], arcs.count[r : r + 1], arcs.senders)
            out.append(super().received(replace(surroundings, known=without), one))
        return np.concatenate(out)


def own_rows_moved(kind, num_messages):
    """Tell whether some node's row changes with its own label, or with its place among the labelled ones."""
    graph, inputs, known = draw(3)
    layer = kind(4, 3, num_messages, 5)
    before = compute(graph, inputs, known, layer)
    moved = others = False
    for v in range(40):
        for label in ([3, -1, -1, 4], [-1, 3, -1, 4], [0, 0, 0, 0]):
            dealt = known.copy()
            dealt[v] = label
            after = compute(graph, inputs, dealt, layer)
            moved |= after[v].tobytes() != before[v].tobytes()
            others |= after.tobytes() != before.tobytes()
    assert others
    return moved


@pytest.mark.parametrize("num_messages", [0, 20])
def test_no_row_reads_its_own_label(num_messages):
    assert not own_rows_moved(RandomMessages, num_messages)
    assert own_rows_moved(SeesItself, num_messages)
