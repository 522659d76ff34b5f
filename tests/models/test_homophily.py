"""Homophily counters: against plain sums over edges, and after any sequence of removals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.exactness.raw import KINDS, draw_removal, random_raw, read_raw

from oubli import Graph, Removal
from oubli.models.homophily import HomophilyCounters


def counted(raw):
    """Return edges between training nodes, those of one class, and ends by class, by looking at every edge."""
    trained = dict(zip(raw.ids.tolist(), raw.labels.tolist(), strict=True))
    trained = {node: label for node, label in trained.items() if node in set(raw.train.tolist())}
    edges = [(trained[u], trained[v]) for u, v in raw.edges.tolist() if u in trained and v in trained]
    ends = [label for pair in edges for label in pair]
    return len(edges), sum(u == v for u, v in edges), {label: ends.count(label) for label in set(ends)}


def adjusted(edges, same, ends):
    """Return adjusted homophily as it is defined, in floats."""
    if len(ends) < 2:
        return None
    chance = sum((count / (2 * edges)) ** 2 for count in ends.values())
    return (same / edges - chance) / (1 - chance)


def assert_counts(counters, graph, raw):
    edges, same, ends = counted(raw)
    assert (counters.num_edges, counters.same) == (edges, same)
    assert {c: d for c, d in zip(graph.label_values.tolist(), counters.degrees.tolist(), strict=True) if d} == ends
    expected = adjusted(edges, same, ends)
    assert counters.adjusted == (None if expected is None else pytest.approx(expected, rel=1e-12, abs=1e-12))


def follow(counters_class, seed, num_nodes, degree, steps):
    """Take removals from a graph and from the counters, which must agree at each step."""
    raw = random_raw(seed, num_nodes, degree=degree)
    graph = raw.build()
    counters = counters_class.from_graph(graph)
    assert_counts(counters, graph, raw)
    generator = np.random.default_rng(seed)
    for kinds in steps:
        removal = Removal()
        for kind in sorted(kinds):
            removal |= draw_removal(raw, kind, 3, generator)
        plan = graph.resolve(removal, missing="ignore")
        counters = counters.after(graph, plan)
        graph.apply(plan)
        raw = raw.without(removal)
        assert_counts(counters, graph, raw)
        assert counters.degrees.tolist() == HomophilyCounters.from_graph(graph).degrees.tolist()


SEQUENCES = {
    "seed": st.integers(0, 2**32 - 1),
    "num_nodes": st.integers(2, 60),
    "degree": st.sampled_from([0.0, 2.0, 6.0]),
    "steps": st.lists(st.sets(st.sampled_from(KINDS), min_size=1, max_size=3), max_size=6),
}


@settings(max_examples=60, deadline=None, database=None)
@given(**SEQUENCES)
def test_after_any_sequence_they_are_those_of_what_remains(seed, num_nodes, degree, steps):
    follow(HomophilyCounters, seed, num_nodes, degree, steps)


class MissesLabels(HomophilyCounters):
    """Counts on with the edges of nodes whose label goes."""

    def after(self, graph, plan):
        return super().after(graph, replace(plan, labels=plan.labels[:0]))


class CountsTwice(HomophilyCounters):
    """Takes an edge off once for each reason that it goes."""

    def after(self, graph, plan):
        between = plan.edges[np.isin(plan.edges, plan.labels).any(axis=1)]
        again = super().after(graph, replace(plan, edges=between, labels=plan.labels[:0]))
        first = super().after(graph, plan)
        return type(self)(first.same + again.same - self.same, first.degrees + again.degrees - self.degrees)


@pytest.mark.parametrize("broken", [MissesLabels, CountsTwice])
def test_counters_that_follow_wrongly_are_caught(broken):
    @settings(max_examples=200, deadline=None, database=None, derandomize=True)
    @given(**SEQUENCES)
    def check(seed, num_nodes, degree, steps):
        follow(broken, seed, num_nodes, degree, steps)

    with pytest.raises((AssertionError, ExceptionGroup)):
        check()


def test_extremes():
    square = [(0, 1), (1, 2), (2, 3), (3, 0)]
    known = {
        (0, 1, 0, 1): -1.0,  # every edge joins two classes
        (0, 0, 1, 1): 0.0,  # half of them, as by chance
        (0, 0, 0, 0): None,
    }
    for labels, expected in known.items():
        graph = Graph.from_edges(square, labels=labels, train=[0, 1, 2, 3])
        assert HomophilyCounters.from_graph(graph).adjusted == expected
    apart = Graph.from_edges([(0, 1), (2, 3)], labels=[0, 0, 1, 1], train=[0, 1, 2, 3])
    assert HomophilyCounters.from_graph(apart).adjusted == 1.0
    untrained = Graph.from_edges([(0, 1), (2, 3)], labels=[0, 0, 1, 1], train=[0, 2], val=[1, 3])
    assert HomophilyCounters.from_graph(untrained).num_edges == 0
    assert HomophilyCounters.from_graph(untrained).adjusted is None


@pytest.mark.parametrize(("name", "expected"), [("cora", 0.77), ("citeseer", 0.67), ("minesweeper", 0.01)])
def test_published_figures(data_root, name, expected):
    raw = read_raw(data_root, name)
    labelled = replace(raw, train=raw.ids[raw.labels >= 0], val=raw.val[:0], test=raw.test[:0])
    assert HomophilyCounters.from_graph(labelled.build()).adjusted == pytest.approx(expected, abs=0.005)
