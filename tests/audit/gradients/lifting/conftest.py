"""Small graphs that look like molecules, and transcripts of them."""

import numpy as np
import pytest

from oubli.audit.gradients import Case, ModelForm
from oubli.graph.collection import LabelledGraph

NUM_TYPES = 3


def molecule(seed, rings=1, chains=2, label=None):
    """Return a connected graph: rings of five and six joined by edges, with chains of other types; degree 3 at most."""
    generator = np.random.default_rng(seed)
    edges, degree = [], []

    def join(u, v):
        edges.append((u, v))
        degree[u] += 1
        degree[v] += 1

    for ring in range(rings):
        start, size = len(degree), int(generator.choice([5, 6]))
        degree += [0] * size
        for i in range(size):
            join(start + i, start + (i + 1) % size)
        if ring:
            free = [node for node in range(start) if degree[node] < 3]
            join(int(generator.choice(free)), start)
    carbons = len(degree)
    for _ in range(chains):
        end = int(generator.choice([node for node in range(len(degree)) if degree[node] < 3]))
        for _ in range(int(generator.integers(1, 3))):
            degree.append(0)
            join(end, len(degree) - 1)
            end = len(degree) - 1
    types = np.where(np.arange(len(degree)) < carbons, 0, generator.integers(0, NUM_TYPES, len(degree)))
    chosen = int(generator.integers(2)) if label is None else label
    return LabelledGraph(np.array(edges), np.eye(NUM_TYPES)[types], chosen)


@pytest.fixture(scope="session")
def make_molecule():
    """Return the generator, called as ``make_molecule(seed, rings=1, chains=2, label=None)``."""
    return molecule


@pytest.fixture(scope="session")
def observe():
    """Return what a server sees of graphs under a model with freshly drawn weights."""

    def see(graphs, defence=None, num_nodes_known=True, auxiliary=(), max_degree=3, precision="float64", **form):
        chosen = ModelForm(NUM_TYPES, 2, **{"hidden": (32, 32), "activation": "tanh", "bias": True, **form})
        case = Case(
            chosen,
            chosen.draw(1),
            precision,
            one_hot=True,
            max_degree=max_degree,
            auxiliary=tuple(auxiliary),
            num_nodes_known=num_nodes_known,
        )
        return case.observe(graphs, defence)[0]

    return see
