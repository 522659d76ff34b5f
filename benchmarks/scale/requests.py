"""Removals drawn evenly from a graph that may not fit into memory, all of them before any is made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oubli.graph import Graph, Removal
from oubli.graph.disk import open_graph

SEED = 20_261_123
CHANGES = (1, 100, 5000)
KINDS = ("edge", "node")
MOST = 0.1
"""Share of the edges, or of the nodes that have any, that all requests of a case together may take."""

SCORED = 10_000


def draw_requests(graph_folder: Path, target: Path, draws: int, processes: int) -> list[tuple[str, int]]:
    """Write `draws` requests of each case to a file, and a first one a process; return the cases, as kind and size.

    There are those that the graph is large enough for.

    No node and no edge is named twice, nor an edge of a node that is removed, so that the requests can be honoured in
    any order. Nodes without an edge are left out: to forget these costs next to nothing.
    """
    graph = open_graph(graph_folder)
    rng = np.random.default_rng(SEED)
    ids, arrays = graph.index.ids, {}
    most = {"edge": MOST * graph.num_edges, "node": MOST * np.count_nonzero(graph.adjacency.count)}
    cases = [(kind, size) for kind in KINDS for size in CHANGES if size * draws <= most[kind]]
    wanted = {kind: draws * sum(size for of, size in cases if of == kind) for kind in KINDS}
    nodes = _draw_nodes(graph, wanted["node"], rng)
    drawn = {"edge": _draw_edges(graph, wanted["edge"] + processes, nodes, rng), "node": nodes}
    for kind, size in cases:
        taken, drawn[kind] = np.split(drawn[kind], [draws * size])
        arrays[f"{kind}_{size}"] = ids[taken].reshape(draws, size, *taken.shape[1:])
    arrays["first"] = ids[drawn["edge"]]
    arrays["scored"] = ids[_draw_scored(graph, nodes, rng)]
    np.savez(target, **arrays)
    return cases


def read_request(path: Path, kind: str, size: int, draw: int) -> Removal:
    """Return one of the requests."""
    with np.load(path) as arrays:
        return Removal(**{f"{kind}s": arrays[f"{kind}_{size}"][draw]})


def read_first(path: Path, process: int) -> Removal:
    """Return the request of one edge with which a process begins, before anything is timed."""
    with np.load(path) as arrays:
        return Removal(edges=arrays["first"][process : process + 1])


def read_scored(path: Path) -> NDArray[Any]:
    """Return the test nodes by which models are scored."""
    with np.load(path) as arrays:
        return arrays["scored"]


def _draw_nodes(graph: Graph, wanted: int, rng: np.random.Generator) -> NDArray[np.int64]:
    count, found = graph.adjacency.count, np.empty(0, np.int64)
    while found.size < wanted:
        drawn = rng.integers(count.size, size=wanted)
        found = _first_ones(np.concatenate([found, drawn[count[drawn] > 0]]))
    return found[:wanted]


def _draw_edges(graph: Graph, wanted: int, without: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    lists, taken = graph.adjacency, np.sort(without)
    keys = np.empty(0, np.int64)
    while keys.size < wanted:
        # Every edge has two of the places in the lists of neighbours.
        places = rng.integers(lists.neighbours.size, size=wanted)
        u = np.searchsorted(lists.start, places, side="right") - 1
        v = lists.neighbours[places].astype(np.int64)
        free = ~(_among(u, taken) | _among(v, taken))
        drawn = np.minimum(u, v) << 32 | np.maximum(u, v)
        keys = _first_ones(np.concatenate([keys, drawn[free]]))
    return np.column_stack([keys[:wanted] >> 32, keys[:wanted] & 0xFFFFFFFF])


def _draw_scored(graph: Graph, gone: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    drawn = np.unique(rng.integers(graph.split_codes.size, size=SCORED))
    return drawn[(graph.split_codes[drawn] == 3) & ~np.isin(drawn, gone)]


def _first_ones(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return distinct values in the order in which they came: sorted, small ids would be removed first."""
    return values[np.sort(np.unique(values, return_index=True)[1])]


def _among(values: NDArray[np.int64], ordered: NDArray[np.int64]) -> NDArray[np.bool_]:
    if not ordered.size:
        return np.zeros(values.size, bool)
    return ordered[np.minimum(np.searchsorted(ordered, values), ordered.size - 1)] == values
