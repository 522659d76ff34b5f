"""Graphs to learn from where an attacker has none: random trees with a few rings, no data behind them."""

from __future__ import annotations

import numpy as np

from oubli.audit.gradients.form import ModelForm
from oubli.graph.collection import LabelledGraph


def random_graphs(
    form: ModelForm, sizes: tuple[int, ...], count: int, one_hot: bool, max_degree: int | None, seed: int
) -> tuple[LabelledGraph, ...]:
    """Return connected graphs of the given sizes in turn, with uniform features and labels.

    Parameters
    ----------
    form : ModelForm
    sizes : tuple of int
    count : int
    one_hot : bool
        Whether each node is of one type; else features are uniform between 0 and 1.
    max_degree : int, optional
        By default 4, as of atoms.
    seed : int
    """
    draws = np.random.default_rng(seed)
    limit = max_degree or 4
    return tuple(_draw(form, sizes[place % len(sizes)], one_hot, limit, draws) for place in range(count))


def _draw(form: ModelForm, size: int, one_hot: bool, limit: int, draws: np.random.Generator) -> LabelledGraph:
    degrees = np.zeros(size, np.int64)
    edges: set[tuple[int, int]] = set()
    for node in range(1, size):
        free = np.flatnonzero(degrees[:node] < limit)
        other = int(draws.choice(free if len(free) else np.arange(node)))
        edges.add((other, node))
        degrees[[other, node]] += 1
    for _ in range(size // 6):
        one, two = sorted(draws.choice(size, 2, replace=False).tolist()) if size > 1 else (0, 0)
        if one != two and degrees[one] < limit and degrees[two] < limit and (one, two) not in edges:
            edges.add((one, two))
            degrees[[one, two]] += 1
    width = form.num_features
    features = np.eye(width)[draws.integers(width, size=size)] if one_hot else draws.random((size, width))
    graph = LabelledGraph(
        np.array(sorted(edges)).reshape(-1, 2).astype(int), features, int(draws.integers(form.num_classes))
    )
    return graph.permuted(draws.permutation(size))
