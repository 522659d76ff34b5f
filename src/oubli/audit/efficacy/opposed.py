"""Edges between nodes of different classes, put in to do harm."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from oubli.errors import InputError
from oubli.graph import Graph

MOST_FILLED = 0.5
"""Share of the pairs there are that may become edges, so that drawing ends soon."""

Draw = Callable[[np.random.Generator, int], NDArray[np.int64]]


def opposed_edges(graph: Graph, wanted: int, seed: int) -> NDArray[np.int64]:
    """Draw edges that are not there between training nodes of different classes.

    Parameters
    ----------
    graph : Graph
    wanted : int
    seed : int

    Returns
    -------
    ndarray, shape (wanted, 2)
        In external ids, ascending.

    Raises
    ------
    InputError
        When there are not twice as many such pairs.
    """
    trains, codes = graph.split_slots("train"), graph.label_codes
    sizes = np.bincount(codes[trains], minlength=1)
    _check_room(wanted, (trains.size**2 - int((sizes**2).sum())) // 2, "training nodes of different classes")

    def draw(rng: np.random.Generator, size: int) -> NDArray[np.int64]:
        pairs = np.sort(rng.choice(trains, (size, 2)), axis=1)
        return np.asarray(pairs[codes[pairs[:, 0]] != codes[pairs[:, 1]]])

    return _absent(graph, wanted, seed, draw)


def misleading_edges(graph: Graph, wanted: int, seed: int) -> NDArray[np.int64]:
    """Draw edges that are not there from training nodes to nodes of the next class outside of the training split.

    A model learns from them that neighbours of one class speak for the class before it, and carries that over to a
    graph without these edges; edges in random directions mostly cancel out in the weights.

    Parameters
    ----------
    graph : Graph
        With labelled nodes outside of its training split.
    wanted : int
    seed : int

    Returns
    -------
    ndarray, shape (wanted, 2)
        In external ids, ascending.

    Raises
    ------
    InputError
        When there are not twice as many such pairs.
    """
    trains, codes, classes = graph.split_slots("train"), graph.label_codes, graph.label_values.size
    outside = np.flatnonzero((codes >= 0) & (graph.split_codes != 1))
    here, there = (np.bincount(codes[slots], minlength=classes) for slots in (trains, outside))
    room = int(here @ np.roll(there, -1)) if classes > 1 else 0
    _check_room(wanted, room, "a training node and a node outside of the training split of the next class")

    def draw(rng: np.random.Generator, size: int) -> NDArray[np.int64]:
        pairs = np.stack([rng.choice(trains, size), rng.choice(outside, size)], axis=1)
        opposed = codes[pairs[:, 1]] == (codes[pairs[:, 0]] + 1) % classes
        return np.sort(pairs[opposed], axis=1)

    return _absent(graph, wanted, seed, draw)


def _check_room(wanted: int, pairs: int, what: str) -> None:
    if not 1 <= wanted <= MOST_FILLED * pairs:
        raise InputError(
            f"adversarial edges: {wanted:,} are asked for, and of {what} there are {pairs:,} pairs; at most half of "
            "them may become edges. Ask for fewer, or use a graph with more labelled nodes"
        )


def _absent(graph: Graph, wanted: int, seed: int, draw: Draw) -> NDArray[np.int64]:
    """Draw until so many different pairs were found that are no edges."""
    rng = np.random.default_rng(seed)
    found: set[tuple[int, int]] = set()
    while len(found) < wanted:
        pairs = draw(rng, 4 * wanted)
        pairs = pairs[~graph.adjacency.has_edges(pairs)]
        for pair in pairs.tolist():
            if len(found) < wanted:
                found.add((pair[0], pair[1]))
    return np.asarray(graph.index.ids[np.array(sorted(found))])
