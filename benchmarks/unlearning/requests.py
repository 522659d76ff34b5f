"""Requests drawn at random: each kind of removal, in every size, no part of the graph named twice."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from oubli.graph import Graph, Removal

KINDS = ("edge", "node", "label", "feature", "subgraph")
BALL = (10, 25)
"""How many nodes a ball has."""


def draw_requests(graph: Graph, kind: str, size: int, draws: int, seed: int) -> Iterator[Removal]:
    """Yield up to `draws` requests to remove `size` things of a kind, fewer when the graph has no more.

    A subgraph is a union of balls with `size` nodes or a few more. The requests of one call do not overlap, so they can
    be honoured one after the other by one model.
    """
    rng = np.random.default_rng([seed, size, KINDS.index(kind)])
    if kind == "subgraph":
        yield from _draw_subgraphs(graph, size, draws, rng)
        return
    pool = graph.edges if kind == "edge" else graph.train_nodes if kind == "label" else _described(graph, kind)
    order = rng.permutation(len(pool))
    for first in range(0, min(draws * size, len(pool) - size + 1), size):
        chosen = pool[order[first : first + size]]
        yield Removal(**{f"{kind}s": chosen})


def _described(graph: Graph, kind: str) -> NDArray[np.int64]:
    """Return the nodes, without those that have no features to remove."""
    nodes = graph.node_ids
    return nodes[~graph.table.is_zero(graph.slots(None))] if kind == "feature" else nodes


def _draw_subgraphs(graph: Graph, size: int, draws: int, rng: np.random.Generator) -> Iterator[Removal]:
    taken: set[int] = set()
    living = graph.slots(None)
    centres = iter(rng.permutation(living[graph.adjacency.count[living] > 0]).tolist())
    for _ in range(draws):
        subgraph: list[int] = []
        while len(subgraph) < size:
            centre = next(centres, None)
            if centre is None:
                return
            if centre not in taken:
                subgraph += _ball(graph, centre, taken, rng)
        yield Removal.subgraph(graph.index.ids[subgraph])


def _ball(graph: Graph, centre: int, taken: set[int], rng: np.random.Generator) -> list[int]:
    """Return a node and the nodes nearest to it, breadth first, ties at random; they become taken."""
    wanted = int(rng.integers(BALL[0], BALL[1] + 1))
    ball, at = [centre], 0
    taken.add(centre)
    while at < len(ball) and len(ball) < wanted:
        for neighbour in rng.permutation(graph.adjacency.row(ball[at])).tolist():
            if neighbour not in taken and len(ball) < wanted:
                taken.add(neighbour)
                ball.append(neighbour)
        at += 1
    return ball
