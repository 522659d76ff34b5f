"""Scores: right by another library, blind to the order of nodes where they say so, and honest about what is missing."""

import networkx
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score
from tests.audit.gradients.attempts import TYPES, tree

from oubli.audit.curves import area_under_curve, average_precision
from oubli.audit.gradients import Reconstruction, Secret
from oubli.audit.gradients.scoring import METRICS, blank_guess, score
from oubli.audit.gradients.scoring.alignment import align_edges, align_features, align_walks
from oubli.audit.gradients.scoring.isomorphism import NO_TYPE, isomorphic, node_types, refine_colours
from oubli.errors import InputError
from oubli.graph.collection import LabelledGraph

ORDER_FREE = ("label", "embedding_error", "feature_mse_aligned", "composition", "profile_overlap", "wl_equal")


def secret_of(*graphs):
    return Secret(graphs, torch.arange(1.0, 4.0, dtype=torch.float64).repeat(len(graphs), 1))


def guess_of(graph, **more):
    return Reconstruction((graph.label,), np.arange(1.0, 4.0), None, graph.features, graph.adjacency(), **more)


def ring(kinds, label=0):
    size = len(kinds)
    return LabelledGraph([(i, (i + 1) % size) for i in range(size)], np.eye(TYPES)[list(kinds)], label)


def without_types(edges, num_nodes):
    return LabelledGraph(edges, np.eye(TYPES)[[0] * num_nodes], 0)


@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), min_size=2, max_size=60))
def test_curves_are_those_of_scikit_learn(pairs):
    scores = np.array([value / 3 for value, _ in pairs])
    truth = np.array([edge for _, edge in pairs])
    if truth.all() or not truth.any():
        assert area_under_curve(scores, truth) is None
        assert average_precision(scores, truth) is None
    else:
        assert area_under_curve(scores, truth) == pytest.approx(roc_auc_score(truth, scores))
        assert average_precision(scores, truth) == pytest.approx(average_precision_score(truth, scores))


@given(st.integers(0, 10_000), st.integers(3, 12))
@settings(deadline=None, max_examples=40)
def test_the_truth_in_another_order_is_the_truth(seed, size):
    random = np.random.default_rng(seed)
    truth = tree(random, size)
    scores = score(guess_of(truth.permuted(random.permutation(size)), residual=0.0), secret_of(truth))
    assert set(scores) == set(METRICS) - {"seconds"}
    assert scores["label"] is True
    assert scores["wl_equal"] is True
    assert scores["isomorphic"] is True
    assert scores["embedding_error"] == scores["feature_mse_aligned"] == scores["residual"] == 0
    assert scores["composition"] == scores["profile_overlap"] == scores["edge_auc_aligned"] == 1


@given(st.integers(0, 10_000))
@settings(deadline=None, max_examples=30)
def test_order_free_scores_do_not_change_with_the_order(seed):
    random = np.random.default_rng(seed)
    truth, guess = tree(random, 7), tree(random, 8)
    one = score(guess_of(guess), secret_of(truth))
    two = score(guess_of(guess.permuted(random.permutation(8))), secret_of(truth.permuted(random.permutation(7))))
    for name in (*ORDER_FREE, "isomorphic"):
        assert one[name] == pytest.approx(two[name]), name


@given(st.integers(0, 10_000))
@settings(deadline=None, max_examples=60)
def test_isomorphism_is_that_of_networkx_on_types(seed):
    random = np.random.default_rng(seed)
    graphs = [tree(random, 5) for _ in range(2)]
    colours = []
    for graph in graphs:
        plain = networkx.from_numpy_array(graph.adjacency())
        networkx.set_node_attributes(plain, dict(enumerate(graph.types.tolist())), "t")
        colours.append(plain)
    wanted = networkx.is_isomorphic(*colours, node_match=lambda u, v: u["t"] == v["t"])
    one, two = graphs
    assert isomorphic(one.adjacency(), one.types, two.adjacency(), two.types) == wanted


def test_a_changed_type_or_edge_is_seen():
    truth = ring([0, 1, 2, 3, 0, 0])
    swapped = score(guess_of(ring([0, 2, 1, 3, 0, 0])), secret_of(truth))
    assert swapped["composition"] == 1
    assert swapped["profile_overlap"] < 1
    assert swapped["wl_equal"] is swapped["isomorphic"] is False
    retyped = score(guess_of(ring([0, 1, 2, 3, 0, 1])), secret_of(truth))
    assert retyped["composition"] == pytest.approx(5 / 6)


def test_profiles_cannot_tell_a_ring_from_two_and_isomorphism_can():
    six, triangles = [(i, (i + 1) % 6) for i in range(6)], [(0, 1), (1, 2), (2, 0), (3, 4), (4, 5), (5, 3)]
    scores = score(guess_of(without_types(triangles, 6)), secret_of(without_types(six, 6)))
    assert scores["wl_equal"] is True
    assert scores["profile_overlap"] == 1
    assert scores["isomorphic"] is False


def test_profiles_of_more_hops_tell_more():
    # Paths whose ends differ far from the middle: equal 1-hop profiles, as multisets, but not 2-hop ones.
    one, two = ([0, 0, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 0, 0])
    far, near = (without_types([], 7) for _ in range(2))
    edges = [(i, i + 1) for i in range(6)]
    far, near = (LabelledGraph(edges, np.eye(TYPES)[kinds], 0) for kinds in (one, two))
    by_hops = [score(guess_of(far), secret_of(near), hops)["wl_equal"] for hops in (1, 2, 3)]
    assert by_hops == sorted(by_hops, reverse=True)
    rounds = refine_colours((far.adjacency(), near.adjacency()), (far.types, near.types), 3)
    assert [np.array_equal(np.sort(a), np.sort(b)) for a, b in rounds[1:]] == by_hops


def test_missing_and_additional_nodes_count():
    truth = ring([0, 0, 0, 0])
    small = LabelledGraph([(0, 1), (1, 2)], np.eye(TYPES)[[0, 0, 0]], 0)
    fewer = score(guess_of(small), secret_of(truth))
    assert fewer["composition"] == 0.75
    assert fewer["feature_mse"] == fewer["feature_mse_aligned"] == pytest.approx(1 / (4 * TYPES))
    assert fewer["isomorphic"] is False
    # Of six pairs four are edges; two of these are found, none of the others is scored.
    assert fewer["edge_auc"] == pytest.approx(0.75)
    more = score(guess_of(truth), secret_of(small))
    assert more["composition"] == 0.75
    assert more["feature_mse"] == pytest.approx(1 / (4 * TYPES))


def test_features_are_aligned_by_features_alone():
    truth = np.array([[0.0, 1.0], [2.0, 0.0], [5.0, 5.0]])
    guess = truth[[2, 0, 1]] + 0.01
    np.testing.assert_array_equal(align_features(guess, truth), [1, 2, 0])


def test_alignment_by_edges_lifts_random_scores():
    """Why the aligned AUC is never published without a null."""
    random = np.random.default_rng(0)
    plain, lifted = [], []
    for _ in range(10):
        truth = tree(random, 12)
        noise = random.random((12, 12))
        scores = score(Reconstruction(edge_scores=noise + noise.T), secret_of(truth))
        plain.append(scores["edge_auc"])
        lifted.append(scores["edge_auc_aligned"])
    assert np.mean(plain) == pytest.approx(0.5, abs=0.12)
    assert np.mean(lifted) > 0.8


def test_alignment_finds_most_of_a_graph_in_another_order():
    random = np.random.default_rng(2)
    found = []
    for _ in range(20):
        truth = tree(random, 12)
        guess = truth.permuted(random.permutation(12))
        order = align_walks(guess.adjacency(), guess.features, truth.adjacency(), truth.features)
        order = align_edges(guess.adjacency(), truth.adjacency(), order)
        found.append((guess.adjacency()[np.ix_(order, order)] * truth.adjacency()).sum() / 22)
    assert np.mean(found) > 0.95


def test_alignment_by_edges_is_a_permutation_and_the_same_again():
    random = np.random.default_rng(1)
    truth = tree(random, 9).adjacency()
    scores = random.random((9, 9))
    scores += scores.T
    found = [align_edges(scores, truth, np.arange(9)) for _ in range(2)]
    assert sorted(found[0].tolist()) == list(range(9))
    np.testing.assert_array_equal(*found)


def test_several_graphs_are_their_union():
    graphs = ring([0, 1, 2], label=1), ring([3, 3, 0, 0], label=0)
    union = LabelledGraph(
        np.vstack([graphs[1].edges, graphs[0].edges + 4]), np.vstack([graphs[1].features, graphs[0].features]), 0
    )
    guess = Reconstruction((0, 1), None, None, union.features, union.adjacency())
    scores = score(guess, secret_of(*graphs))
    assert scores["label"] is scores["isomorphic"] is scores["wl_equal"] is True
    assert scores["embedding_error"] is None
    assert score(Reconstruction((1, 1)), secret_of(*graphs))["label"] is False


def test_what_is_not_guessed_is_none():
    scores = score(Reconstruction(), secret_of(ring([0, 1, 2])))
    assert scores.pop("determined") is False
    assert set(scores.values()) == {None}
    plain = LabelledGraph([(0, 1), (1, 2)], np.random.default_rng(0).normal(size=(3, 2)), 0)
    scores = score(guess_of(plain), secret_of(plain))
    assert scores["composition"] is scores["isomorphic"] is None
    assert scores["edge_auc"] == 1
    whole = ring([0, 1, 2])
    assert score(guess_of(whole), secret_of(whole))["edge_auc"] is None


def test_a_blank_guess_scores_what_saying_nothing_is_worth():
    truth = tree(np.random.default_rng(3), 8)
    secret = secret_of(truth)
    scores = score(blank_guess(secret), secret)
    assert scores["label"] is scores["wl_equal"] is scores["isomorphic"] is False
    assert scores["embedding_error"] == scores["residual"] == 1
    assert scores["edge_auc"] == scores["edge_auc_aligned"] == 0.5
    assert scores["edge_ap"] == pytest.approx(7 / 28)
    assert scores["feature_mse"] == scores["feature_mse_aligned"] == pytest.approx(1 / TYPES)
    assert scores["composition"] == scores["profile_overlap"] == 0


def test_what_is_not_finite_counts_as_zero():
    truth = ring([0, 1, 2, 3])
    features = np.where(np.eye(TYPES)[[0, 1, 2, 3]] > 0, np.nan, 0.0)
    scores = score(Reconstruction(features=features, residual=np.inf), secret_of(truth))
    assert scores["feature_mse"] == pytest.approx(1 / TYPES)
    assert scores["composition"] == 0
    assert scores["residual"] is None


def test_types_are_the_largest_entries_and_zeros_are_none():
    rows = np.array([[-1.0, -0.5, -2.0], [0.2, 0.1, 0.0], [0.0, 0.0, 0.0], [np.nan, 0.0, np.inf]])
    assert node_types(rows).tolist() == [1, 0, NO_TYPE, NO_TYPE]


@pytest.mark.parametrize(
    "broken",
    [
        {"adjacency": np.triu(np.ones((3, 3)), 1)},
        {"adjacency": np.full((3, 3), 0.5) - 0.5 * np.eye(3)},
        {"adjacency": np.eye(3)},
        {"edge_scores": np.zeros((3, 2))},
        {"features": np.zeros((3, TYPES + 1))},
        {"features": np.zeros((4, TYPES)), "adjacency": np.zeros((3, 3))},
    ],
)
def test_guesses_of_another_shape_are_refused(broken):
    with pytest.raises(InputError, match="reconstruction"):
        score(Reconstruction(**broken), secret_of(ring([0, 1, 2])))
