"""A guess is drawn in the numbering of the truth that it agrees with, and what differs is counted."""

import networkx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("jinja2")
pytest.importorskip("matplotlib")

from oubli.report.gradients.correspondence import correspond
from oubli.report.gradients.molecules import draw_example
from oubli.report.gradients.results import Drawing, Example, Guess


def random_graph(size, seed):
    rng = np.random.default_rng(seed)
    tree = [(int(rng.integers(node)), node) for node in range(1, size)]
    more = {(int(min(pair)), int(max(pair))) for pair in rng.integers(size, size=(size // 3, 2)) if pair[0] != pair[1]}
    edges = tuple(sorted(more | set(tree)))
    return Drawing(tuple(int(kind) for kind in rng.integers(3, size=size)), edges, "")


def renumbered(graph, seed):
    order = np.random.default_rng(seed).permutation(graph.num_nodes)
    types = np.empty(graph.num_nodes, int)
    types[order] = graph.node_types
    return Drawing(tuple(types.tolist()), tuple((int(order[u]), int(order[v])) for u, v in graph.edges), "")


def drawn_edges(graph, places):
    return {frozenset((int(places[u]), int(places[v]))) for u, v in graph.edges}


def draw(truth, *guesses, names=("C", "N", "O")):
    listed = [Guess("none", "attack", guess, {}) for guess in guesses]
    return draw_example(Example("1", truth, tuple(listed)), listed, names, "graph")


@settings(max_examples=30, deadline=None)
@given(size=st.integers(1, 16), seed=st.integers(0, 10**6))
def test_the_same_graph_in_another_order_is_identical(size, seed):
    truth = random_graph(size, seed)
    guess = renumbered(truth, seed + 1)
    match = correspond(truth, guess)
    assert match.identical
    assert drawn_edges(guess, match.places) == {frozenset(edge) for edge in truth.edges}
    assert all(truth.node_types[place] == guess.node_types[node] for node, place in enumerate(match.places))


@settings(max_examples=30, deadline=None)
@given(size=st.integers(1, 12), other=st.integers(1, 12), seed=st.integers(0, 10**6))
def test_places_are_a_renumbering_whatever_the_sizes(size, other, seed):
    truth, guess = random_graph(size, seed), random_graph(other, seed + 7)
    places = correspond(truth, guess).places
    assert len(places) == len(set(places.tolist())) == other
    assert places.min() >= 0
    assert places.max() < max(size, other)


@pytest.mark.parametrize("seed", range(8))
def test_one_wrong_edge_is_found_in_another_order(seed):
    truth = random_graph(14, seed)
    guess = renumbered(Drawing(truth.node_types, truth.edges[:-1], ""), seed + 1)
    match = correspond(truth, guess)
    assert not match.identical
    assert len(drawn_edges(guess, match.places) ^ {frozenset(edge) for edge in truth.edges}) == 1


def test_graphs_with_the_same_profiles_are_not_called_identical():
    # Two triangles and a hexagon: no gradient tells them apart, and yet they differ.
    ring = Drawing((0,) * 6, tuple((node, (node + 1) % 6) for node in range(6)), "")
    triangles = Drawing((0,) * 6, ((0, 1), (1, 2), (0, 2), (3, 4), (4, 5), (3, 5)), "")
    assert not correspond(ring, triangles).identical
    _, (picture,) = draw(ring, triangles)
    assert picture.says == "Differs: 2 edges too many, 2 edges missing"


def test_types_count_where_both_have_them():
    truth = Drawing((0, 1), ((0, 1),), "")
    assert not correspond(truth, Drawing((0, 2), ((0, 1),), "")).identical
    assert correspond(truth, Drawing(None, ((0, 1),), "")).identical


@pytest.mark.parametrize(
    "truth",
    [
        Drawing((0,), (), ""),
        Drawing((), (), ""),
        Drawing(None, ((0, 1), (2, 3)), ""),
        Drawing((0, 0, 1, 1, 2), ((0, 1), (2, 3)), ""),
        Drawing((9, 9), ((0, 4),), ""),
    ],
)
def test_odd_graphs_can_be_drawn(truth):
    shown, pictures = draw(truth, truth, Drawing((0,) * 7, ((0, 6),), "x"), Drawing(None, None, ""))
    assert shown.svg
    assert pictures[0].identical
    assert [picture.svg is None for picture in pictures] == [False, False, True]
    assert pictures[2].says == "guesses no graph"


def test_what_is_wrong_is_marked_by_form_and_by_colour():
    truth = Drawing((0, 1, 0), ((0, 1), (1, 2)), "")
    shown, (right, wrong) = draw(truth, truth, Drawing((0, 1, 2), ((0, 1), (0, 2)), ""))
    assert "stroke-dasharray" not in shown.svg
    assert "stroke-dasharray" not in right.svg
    assert wrong.svg.count("stroke-dasharray") >= 3, "a missing edge, a wrong edge, a wrong type"
    assert "var(--leak)" in wrong.svg
    assert ">C</text>" in right.svg
    assert ">N</text>" in right.svg


def test_graphs_too_large_to_draw_are_named():
    large = networkx.path_graph(101)
    truth = Drawing((0,) * 101, tuple(large.edges), "")
    shown, (picture,) = draw(truth, truth)
    assert (shown.svg, picture.svg) == (None, None)
    assert "101 nodes" in shown.says
