import networkx as nx
import numpy as np
import pytest

import oubli
from oubli.audit.forgetting.methods import parse_method, posteriors
from oubli.audit.inversion.neighbourhood import adamic_adar, adjacency_matrix, degrees, trend_features


@pytest.fixture(scope="module")
def graph():
    return nx.gnm_random_graph(40, 120, seed=3)


def matrix_of(graph):
    return adjacency_matrix(np.array(graph.edges).reshape(-1, 2), graph.number_of_nodes())


def test_adamic_adar_is_that_of_networkx(graph):
    pairs = list(nx.non_edges(graph))
    expected = [score for _, _, score in nx.adamic_adar_index(graph, pairs)]
    np.testing.assert_allclose(adamic_adar(matrix_of(graph), np.array(pairs)), expected)


def test_degrees_are_those_of_networkx(graph):
    assert degrees(matrix_of(graph)).tolist() == [degree for _, degree in graph.degree]


def test_trends_are_signs_of_the_differences_that_the_paper_defines(graph):
    confidence = np.random.default_rng(0).random(40)
    adjacency = nx.to_numpy_array(graph)
    scale = np.diag(1 / np.sqrt(adjacency.sum(axis=1)))
    first = scale @ adjacency @ scale @ confidence
    second = scale @ adjacency @ scale @ first
    expected = np.stack([confidence < first, first < second, confidence >= first, first >= second], axis=1)
    found = trend_features(matrix_of(graph), confidence)
    np.testing.assert_array_equal(found, expected)
    assert 0.1 < found[:, 0].mean() < 0.9


def test_with_the_same_confidence_everywhere_trends_tell_of_degrees():
    star = adjacency_matrix(np.array([[0, 1], [0, 2], [0, 3]]), 5)
    found = trend_features(star, np.full(5, 0.3), order=1)
    assert found[:, 0].tolist() == [1, 0, 0, 0, 0]


def test_a_graph_without_edges_has_no_trends_below():
    nothing = adjacency_matrix(np.empty((0, 2), np.int64), 4)
    assert trend_features(nothing, np.full(4, 0.5)).tolist() == [[0, 0, 1, 1]] * 4
    assert adamic_adar(nothing, np.array([[0, 1]])).tolist() == [0]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cora", "citeseer"])
def test_of_a_trained_network_trends_are_mostly_those_of_equal_confidence(name, data_root):
    graph = oubli.load_dataset(name, root=data_root)
    slots = np.random.default_rng(0).permutation(graph.num_nodes)
    graph.split_codes = np.where(slots < 0.7 * graph.num_nodes, 1, 3).astype(np.uint8)
    confidence = posteriors(parse_method("stale").make(0).fit(graph)).max(axis=1)
    adjacency = adjacency_matrix(graph.adjacency.edges(), graph.num_nodes)
    same = trend_features(adjacency, confidence) == trend_features(adjacency, np.ones(graph.num_nodes))
    assert np.all(same.mean(axis=0) > 0.9)
