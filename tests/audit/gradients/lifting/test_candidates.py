"""Candidates: nothing that is there is missing."""

from math import comb

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oubli.audit.gradients.lifting import node_profiles
from oubli.audit.gradients.lifting.candidates import (
    Dictionary,
    close_under_reciprocity,
    combine_profiles,
    enumerate_profiles,
)


@pytest.mark.parametrize("degrees", [True, False])
def test_enumeration_contains_the_profiles_of_any_graph(make_molecule, degrees):
    enumerated = enumerate_profiles(range(3), 3, degrees)
    assert len(set(enumerated)) == len(enumerated)
    for seed in range(30):
        assert set(node_profiles(make_molecule(seed, rings=2, chains=3), 1, degrees)) <= set(enumerated)


def test_enumeration_has_as_many_profiles_as_there_are_multisets():
    # Of two types and degrees up to 2: four kinds of neighbours, all but two leaves that have each other.
    assert len(enumerate_profiles(range(2), 2)) == 2 * (4 + comb(5, 2)) - 2 * 2
    assert len(enumerate_profiles(range(2), 2, degrees=False)) == 2 * (2 + 3)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), hops=st.integers(1, 2), degrees=st.booleans())
def test_closing_keeps_a_graph_and_combining_contains_it(make_molecule, seed, hops, degrees):
    graph = make_molecule(seed)
    present = sorted(set(node_profiles(graph, hops, degrees)))
    assert close_under_reciprocity(present) == present
    combined = combine_profiles(present, 10**6)
    assert set(node_profiles(graph, hops + 1, degrees)) <= set(combined)
    assert len(set(combined)) == len(combined)
    assert combine_profiles(present, len(combined)) == combined
    assert combine_profiles(present, len(combined) - 1) is None


def test_a_profile_whose_neighbour_does_not_list_it_is_dropped():
    leaf_of_two, two_of_threes = ((0, 1), ((0, 2),)), ((0, 2), ((0, 3), (0, 3)))
    assert close_under_reciprocity([leaf_of_two, two_of_threes]) == []


def test_a_dictionary_knows_what_it_saw_and_prefers_the_frequent(make_molecule):
    graphs = [make_molecule(seed) for seed in range(20)]
    dictionary = Dictionary(graphs, 2)
    assert set(node_profiles(graphs[3], 2)) <= set(dictionary.profiles(2))
    (often, _), *_, (seldom, _) = dictionary.frequencies[2].most_common()
    unseen = (often[0], ())
    costs = dictionary.costs([often, seldom, unseen], 2)
    assert costs[0] < costs[1] < costs[2]
    assert dictionary.within([seldom[0], *seldom[1]], 2).count(seldom) == 1
