"""Realising: a simple graph with the profiles that were asked for."""

from collections import Counter

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from oubli.audit.gradients.lifting import node_profiles, profile_histogram
from oubli.audit.gradients.lifting.realise import realise
from oubli.audit.gradients.lifting.rings import RingPrior, bit_sets, shortest_cycle
from oubli.graph.collection import LabelledGraph


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6), hops=st.integers(1, 2))
def test_a_realisation_has_the_profiles(make_molecule, seed, hops):
    graph = make_molecule(seed, rings=2)
    found = realise(node_profiles(graph, hops), RingPrior(), hops, seed)
    again = LabelledGraph(found.edges, graph.features, graph.label)
    assert again.num_edges == len(found.edges) == graph.num_edges
    assert node_profiles(again, hops) == node_profiles(graph, hops)


def test_slots_that_do_not_match_have_no_realisation(make_molecule):
    profiles = node_profiles(make_molecule(3), 2)
    assert realise(profiles[1:], RingPrior(), 2, 0) is None


def test_auxiliary_graphs_tell_which_rings_are_likely():
    # Two triangles or one ring of six: every node looks the same.
    ring = LabelledGraph([(i, (i + 1) % 6) for i in range(6)], np.ones((6, 1)), 0)
    triangles = LabelledGraph([(0, 1), (1, 2), (0, 2)], np.ones((3, 1)), 0)
    profiles = node_profiles(ring, 2)
    found = realise(profiles, RingPrior([ring] * 5), 2, 0)
    assert lengths(found.edges) == Counter({6: 6})
    assert found.others >= 1
    joined = LabelledGraph([(0, 1), (1, 2), (0, 2), (3, 4), (4, 5), (3, 5)], np.ones((6, 1)), 0)
    assert profile_histogram(joined, 2) == profile_histogram(ring, 2)
    assert RingPrior([triangles] * 5).cost(profiles[0][0], profiles[0][0], 3) < RingPrior([ring]).cost(
        profiles[0][0], profiles[0][0], 3
    )


def test_trees_of_the_same_profiles_are_told_apart():
    # The middle of a chain turned around: two hops do not show it, and no tree has rings.
    chain = LabelledGraph([(i, i + 1) for i in range(11)], np.eye(8)[[4, 0, 1, 2, 3, 5, 6, 3, 2, 1, 0, 7]], 0)
    turned = LabelledGraph(chain.edges, np.eye(8)[[4, 0, 1, 2, 3, 6, 5, 3, 2, 1, 0, 7]], 0)
    assert profile_histogram(chain, 2) == profile_histogram(turned, 2)
    assert realise(node_profiles(chain, 2), RingPrior(), 2, 0).others == 1
    assert realise(node_profiles(chain, 3), RingPrior(), 3, 0).others == 0


def lengths(edges):
    sets = bit_sets(int(edges.max()) + 1, edges.tolist())
    return Counter(shortest_cycle(sets, u, v) for u, v in edges.tolist())


def test_shortest_cycles_of_known_graphs():
    house = np.array([(0, 1), (1, 2), (2, 3), (3, 0), (3, 4), (2, 4), (4, 5)])
    assert lengths(house) == Counter({4: 3, 3: 3, 0: 1})
