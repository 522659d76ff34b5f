"""Small graphs for the audit's tests."""

import numpy as np

from oubli.graph import LabelledGraph


def random_graph(num_nodes, num_features, seed, label=0, density=0.35):
    """An Erdos-Renyi graph with normal features."""
    rng = np.random.default_rng(seed)
    upper = np.triu(rng.random((num_nodes, num_nodes)) < density, 1)
    return LabelledGraph(np.argwhere(upper), rng.normal(size=(num_nodes, num_features)), label)


def typed_graph(edges, types, num_types, label=0):
    """A graph with one-hot features."""
    return LabelledGraph(np.array(edges, np.int64).reshape(-1, 2), np.eye(num_types)[np.array(types)], label)
