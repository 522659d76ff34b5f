"""Inputs on a coarse grid against NumPy, and after removals."""

from __future__ import annotations

import numpy as np
import pytest
from tests.exactness.raw import KINDS, draw_removal, random_raw
from tests.propagation.switch import switch

from oubli import Removal
from oubli.errors import CapacityError
from oubli.models.coarse_inputs import CoarseInputs
from oubli.propagation import Operator, Propagation, Quantiser


def make(raw, hops=2, normalize=None, kind=CoarseInputs):
    propagation = Propagation(Operator.parse("random_walk"), hops, tuple(range(hops + 1)), Quantiser(12, normalize))
    graph = raw.build()
    return graph, kind(propagation).fit(graph)


def blocks_of(graph, inputs):
    """Return what is quantised, and the logarithms by NumPy: floors, so that none is near where they jump."""
    embedded = inputs.propagation.embed(graph, np.arange(graph.num_nodes))
    return np.column_stack([embedded, np.floor(256 * np.log2(1 + graph.adjacency.count) + 1e-9)])


@pytest.mark.parametrize("seed", range(4))
def test_inputs_are_columns_brought_to_a_scale(seed):
    raw = random_raw(seed, num_nodes=80)
    raw.features[:, 1] *= 100
    raw.features[:, 2] = 0
    raw.features[:, 3] += 5
    raw.features[:, 4] /= 1000
    graph, inputs = make(raw)
    blocks = blocks_of(graph, inputs)
    mean, deviation = blocks.mean(axis=0), blocks.std(axis=0)
    scale = np.maximum(2.0 ** np.round(np.log2(np.maximum(deviation, 1e-9))), 1)
    centre = np.floor(mean / (scale / 2) + 0.5) * (scale / 2)
    expected = np.clip(np.rint((blocks - centre) / scale * 32), -256, 256)
    np.testing.assert_array_equal(inputs.values, expected)
    assert np.all(np.abs(inputs.values.mean(axis=0)) < 17)
    spread = inputs.values.std(axis=0)[deviation > 2]
    assert np.all((spread > 20) & (spread < 46))


class NeverMeasures(CoarseInputs):
    """Keeps the grid of the first fit."""

    def _measure(self, graph):
        return self._grid if self._grid[0].size else super()._measure(graph)


class NeverTakesBack(CoarseInputs):
    """Adds what rows have become to the sums, and leaves what they were."""

    def _add(self, blocks, sign):
        if sign > 0:
            super()._add(blocks, sign)


def compare(kind, switched="never"):
    """Return how often inputs after a removal are those of what remains, and what was told."""
    same, told = [], []
    switch(switched)
    try:
        for number in range(40):
            raw = random_raw(number, num_nodes=150, degree=2.0)
            graph, inputs = make(raw, hops=1 + number % 3, kind=kind)
            before = inputs.values.copy()
            removal = draw_removal(raw, KINDS[number % 5], 1 + number % 2, np.random.default_rng(number))
            change = inputs.remove(graph, graph.resolve(removal))
            told.append(change.whole)
            if change.whole is None:
                _, fresh = make(raw.without(removal), hops=1 + number % 3)
                alive = graph.index.alive
                states = [(i.sums.tolist(), i.squares.tolist()) for i in (inputs, fresh)]
                same.append(inputs.values[alive].tobytes() == fresh.values.tobytes() and states[0] == states[1])
                moved = np.flatnonzero((before != inputs.values).any(axis=1))
                assert change.rows.tolist() == moved.tolist()
    finally:
        switch("as it is")
    return same, told


def test_removals_leave_the_inputs_of_what_remains():
    same, told = compare(CoarseInputs)
    assert all(same)
    assert len(same) > 15
    assert set(told) == {None, "a coarse statistic moved"}
    assert "the change reached too far" in compare(CoarseInputs, "always")[1]


@pytest.mark.parametrize("kind", [NeverMeasures, NeverTakesBack])
def test_wrong_variants_are_caught(kind):
    assert not all(compare(kind)[0])


def test_a_label_changes_no_input():
    raw = random_raw(1)
    graph, inputs = make(raw)
    before = inputs.values.tobytes()
    change = inputs.remove(graph, graph.resolve(Removal(labels=raw.train[:3])))
    assert (change.rows.size, change.reached, change.whole) == (0, [], None)
    assert inputs.values.tobytes() == before


def test_squares_beyond_exact_sums():
    propagation = Propagation(Operator.parse("random_walk"), 1, (0, 1), Quantiser(12, None))
    propagation.embed = lambda graph, slots: np.full((slots.size, 2 * propagation.width), 2**30)
    with pytest.raises(CapacityError, match="fraction_bits"):
        CoarseInputs(propagation).fit(random_raw(1).build())
