"""Profiles: against trees unrolled in plain Python."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oubli.audit.gradients.lifting import node_profiles, profile_histogram, profile_overlap
from oubli.errors import InputError
from oubli.graph.collection import LabelledGraph


def unrolled(graph, node, hops, degrees):
    """Return the walk tree of a node as nested sorted lists of text: another way to the same partition."""
    near = [v if u == node else u for u, v in graph.edges.tolist() if node in (u, v)]
    own = f"{graph.types[node]}" + (f".{len(near)}" if degrees else "")
    return (
        own if not hops else f"{own}({','.join(sorted(unrolled(graph, other, hops - 1, degrees) for other in near))})"
    )


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), hops=st.integers(0, 3), degrees=st.booleans())
def test_nodes_share_a_profile_when_they_share_an_unrolled_tree(make_molecule, seed, hops, degrees):
    graph = make_molecule(seed)
    profiles = node_profiles(graph, hops, degrees)
    trees = [unrolled(graph, node, hops, degrees) for node in range(graph.num_nodes)]
    assert len(set(zip(profiles, trees, strict=True))) == len(set(profiles)) == len(set(trees))


def test_histograms_do_not_depend_on_the_order_of_nodes(make_molecule):
    graph = make_molecule(1, rings=2)
    shuffled = graph.permuted(np.random.default_rng(0).permutation(graph.num_nodes))
    assert profile_histogram(graph, 2) == profile_histogram(shuffled, 2)


def test_overlap_is_one_for_equal_and_counts_what_is_common(make_molecule):
    path = LabelledGraph([(0, 1), (1, 2)], np.ones((3, 1)), 0)
    longer = LabelledGraph([(0, 1), (1, 2), (2, 3)], np.ones((4, 1)), 0)
    assert profile_overlap(profile_histogram(path, 0), profile_histogram(path, 0)) == 1
    assert profile_overlap(profile_histogram(path, 0), profile_histogram(longer, 0)) == 3 / 4
    assert profile_overlap(profile_histogram(path, 1), profile_histogram(longer, 1)) == 2 / 4


def test_features_that_are_not_one_hot_are_refused():
    with pytest.raises(InputError, match="one-hot"):
        node_profiles(LabelledGraph([(0, 1)], np.full((2, 2), 0.5), 0), 1)
