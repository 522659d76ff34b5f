"""Edges that do harm: of different classes, not there before, as many as asked for."""

import numpy as np
import pytest

from oubli import Graph
from oubli.audit.efficacy.opposed import misleading_edges, opposed_edges
from oubli.errors import InputError
from oubli.graph import generate_graph

GRAPH = generate_graph(120, num_features=4, average_degree=4, seed=2)
LABELS = dict(zip(GRAPH.node_ids.tolist(), GRAPH.labels.tolist(), strict=True))


@pytest.mark.parametrize("draw", [opposed_edges, misleading_edges])
def test_edges_join_classes_that_differ(draw):
    edges = draw(GRAPH, 50, 1)
    assert len(np.unique(np.sort(edges, axis=1), axis=0)) == 50
    assert all(LABELS[u] != LABELS[v] and not GRAPH.has_edge(u, v) for u, v in edges.tolist())
    assert draw(GRAPH, 50, 1).tolist() == edges.tolist() != draw(GRAPH, 50, 2).tolist()


def test_opposed_edges_are_between_training_nodes():
    assert np.isin(opposed_edges(GRAPH, 50, 1), GRAPH.train_nodes).all()


def test_misleading_edges_lead_from_training_nodes_to_others_of_the_next_class():
    trained = set(GRAPH.train_nodes.tolist())
    for u, v in misleading_edges(GRAPH, 50, 1).tolist():
        inner, outer = (u, v) if u in trained else (v, u)
        assert inner in trained
        assert outer not in trained
        assert LABELS[outer] == (LABELS[inner] + 1) % 4


@pytest.mark.parametrize("draw", [opposed_edges, misleading_edges])
def test_more_than_there_is_room_for_is_refused_instead_of_drawn_for_ever(draw):
    with pytest.raises(InputError, match="adversarial edges: 1,000,000 are asked for"):
        draw(GRAPH, 1_000_000, 1)
    alike = Graph.from_edges([(0, 1)], labels=np.zeros(20, int), train=range(10), test=range(10, 20))
    with pytest.raises(InputError, match="there are 0 pairs"):
        draw(alike, 1, 1)
