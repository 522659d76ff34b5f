"""Graphs that differ from another one in a part of what they hold."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from oubli.errors import InputError
from oubli.graph import Graph

Split = Literal["drawn", "given"]
TRAIN, VAL = 0.6, 0.2
"""Shares of the labelled nodes in drawn splits; the rest is the test split."""

FEWEST = 10
"""Labelled nodes that a split can be drawn of."""


def altered(graph: Graph, **parts: Any) -> Graph:
    """Return a graph like another one, but for some parts.

    Parameters
    ----------
    graph : Graph
    **parts
        As `Graph.from_edges` takes them: ``edges``, ``features``, ``labels``, ``train``, ``val``, ``test``.
    """
    kept = {"features": graph.features, "labels": graph.labels, "node_ids": graph.node_ids}
    kept |= {"train": graph.train_nodes, "val": graph.val_nodes, "test": graph.test_nodes}
    parts = kept | parts
    return Graph.from_edges(parts.pop("edges", graph.edges), **parts)


def with_edges(graph: Graph, edges: Any) -> Graph:
    """Return a graph with more edges, shape (edges, 2), in external ids."""
    return altered(graph, edges=np.concatenate([graph.edges, edges]))


def with_split(graph: Graph, split: Split, seed: int) -> Graph:
    """Return the graph with 60 % of its labelled nodes for training, 20 % for validation and 20 % for tests.

    Parameters
    ----------
    graph : Graph
    split : {"drawn", "given"}
        "drawn": at random. "given": the graph as it is, with its own split.
    seed : int

    Raises
    ------
    InputError
        When there are too few labelled nodes, or the graph has no split of its own.
    """
    if split == "given":
        if not (graph.train_nodes.size and graph.test_nodes.size):
            raise InputError('split: the graph has no training or no test nodes of its own; use "drawn"')
        return graph
    labelled = graph.index.ids[graph.index.alive & (graph.label_codes >= 0)]
    if labelled.size < FEWEST:
        raise InputError(f"graph: {labelled.size} labelled nodes, and a split is drawn of {FEWEST} or more")
    order = np.random.default_rng(seed).permutation(labelled)
    ends = np.rint(np.cumsum([TRAIN, VAL]) * labelled.size).astype(np.int64)
    train, val, test = np.split(order, ends)
    return graph.with_splits(train=train, val=val, test=test)
