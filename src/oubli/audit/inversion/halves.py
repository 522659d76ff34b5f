"""Two disjoint halves of a graph: one for the victim, one for an attacker who needs a graph of its own."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from oubli.errors import InputError
from oubli.graph import Graph

Halving = Literal["metis", "random"]
HALVINGS: tuple[Halving, ...] = ("metis", "random")


def cut_halves(graph: Graph, generator: np.random.Generator, halves: Halving = "metis") -> tuple[Graph, Graph]:
    """Cut a graph in two; edges between the halves are lost.

    Parameters
    ----------
    graph : Graph
    generator : numpy.random.Generator
        What is drawn from it: the order in which METIS gets the nodes, on which its cut depends, and which half is
        first.
    halves : {"metis", "random"}, default "metis"
        By METIS, which cuts few edges, as the public code of arXiv 2506.00808 does; or nodes at random, which loses
        half of all edges.

    Returns
    -------
    tuple of Graph
        With the ids of `graph`, and without its splits.

    Raises
    ------
    ImportError
        Without pymetis, where it is asked for.
    InputError
        When the graph has fewer than two nodes.
    """
    whole = graph.compacted()
    if whole.num_nodes < 2:
        raise InputError(f"graph: {whole.num_nodes} nodes cannot be cut in two halves; give a larger one")
    order = generator.permutation(whole.num_nodes)
    second = np.zeros(whole.num_nodes, bool)
    if halves == "metis":
        second[order] = _metis_cut(whole, order)
    else:
        second[order[whole.num_nodes // 2 :]] = True
    if generator.random() < 0.5:
        second = ~second
    return _induced(whole, ~second), _induced(whole, second)


def _metis_cut(graph: Graph, order: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return which nodes are in the second part, in the order in which METIS gets them."""
    try:
        import pymetis
    except ImportError:
        raise ImportError(
            "halves of a graph are cut by pymetis: pip install 'oubli[attacks]'; or give halves='random', which loses "
            "half of the edges"
        ) from None
    rank = np.argsort(order)
    ends = rank[graph.adjacency.edges()]
    arcs = np.concatenate([ends, ends[:, ::-1]])
    arcs = arcs[np.argsort(arcs[:, 0], kind="stable")]
    starts = np.searchsorted(arcs[:, 0], np.arange(1, order.size))
    _, parts = pymetis.part_graph(2, adjacency=[part.tolist() for part in np.split(arcs[:, 1], starts)])
    second: NDArray[np.bool_] = np.asarray(parts) == 1
    return second


def _induced(graph: Graph, kept: NDArray[np.bool_]) -> Graph:
    """Return the subgraph that nodes induce, without splits; `graph` is compacted."""
    edges = graph.adjacency.edges()
    ids: NDArray[Any] = graph.node_ids
    return Graph.from_edges(
        ids[edges[kept[edges].all(axis=1)]],
        features=graph.features[kept],
        labels=graph.labels[kept],
        node_ids=ids[kept],
    )
