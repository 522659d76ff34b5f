"""When two guesses are one graph: types of nodes, Weisfeiler-Leman profiles, and isomorphism."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

NO_TYPE = -1
"""Of a node whose feature row says nothing: all zeros."""


def node_types(features: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the column of each row's largest entry, shape (n,); `NO_TYPE` for rows of zeros, or nothing finite."""
    features = np.where(np.isfinite(features), features, 0.0)
    return np.where(features.any(axis=1), features.argmax(axis=1), NO_TYPE).astype(np.int64)


def refine_colours(
    adjacencies: Sequence[NDArray[np.float64]], types: Sequence[NDArray[np.int64]], rounds: int | None = None
) -> list[list[NDArray[np.int64]]]:
    """Colour the nodes of several graphs by rounds of Weisfeiler-Leman refinement; equal colours mean equal profiles.

    Round 0 is type and degree; round ``k`` the former colour with the multiset of the neighbours' former colours, the
    ``k``-hop profile. A GCN of L layers gives nodes of equal L-hop profile equal states.

    Parameters
    ----------
    adjacencies : sequence of ndarray, shape (n, n)
        Zeros and ones, symmetric.
    types : sequence of ndarray of int, shape (n,)
    rounds : int, optional
        By default until no colour class splits any more.

    Returns
    -------
    list of list of ndarray of int
        By round, then by graph: a colour a node, comparable between graphs of the same round.
    """
    neighbours = [[np.flatnonzero(row) for row in adjacency] for adjacency in adjacencies]
    signatures: list[list[Any]] = [
        [(int(kind), len(near)) for kind, near in zip(kinds, nears, strict=True)]
        for kinds, nears in zip(types, neighbours, strict=True)
    ]
    found: list[list[NDArray[np.int64]]] = []
    while True:
        known = {signature: i for i, signature in enumerate(sorted({s for graph in signatures for s in graph}))}
        found.append([np.array([known[s] for s in graph], dtype=np.int64) for graph in signatures])
        settled = len(found) > 1 and len(known) == 1 + max((int(c.max()) for c in found[-2] if c.size), default=0)
        if len(found) - 1 == rounds or (rounds is None and settled):
            return found
        signatures = [
            [(int(colour), tuple(sorted(colours[near].tolist()))) for colour, near in zip(colours, nears, strict=True)]
            for colours, nears in zip(found[-1], neighbours, strict=True)
        ]


def overlap(one: NDArray[np.int64], two: NDArray[np.int64]) -> float:
    """Return the share that two multisets have in common, of the larger one's size; `NO_TYPE` matches nothing."""
    first, second = (Counter(values[values != NO_TYPE].tolist()) for values in (one, two))
    return sum((first & second).values()) / max(len(one), len(two))


def isomorphic(
    one: NDArray[np.float64], one_types: NDArray[np.int64], two: NDArray[np.float64], two_types: NDArray[np.int64]
) -> bool:
    """Say whether a renaming of nodes that keeps types turns one graph into the other (VF2 of NetworkX).

    Raises
    ------
    ImportError
        Without NetworkX.
    """
    networkx = require_networkx()
    if len(one) != len(two):
        return False
    # Stable colours settle most pairs, and leave VF2 few nodes to choose among.
    first, second = refine_colours((one, two), (one_types, two_types))[-1]
    if not np.array_equal(np.sort(first), np.sort(second)):
        return False
    graphs = []
    for adjacency, colours in ((one, first), (two, second)):
        graph = networkx.from_numpy_array(adjacency)
        networkx.set_node_attributes(graph, dict(enumerate(colours.tolist())), "colour")
        graphs.append(graph)
    return bool(networkx.is_isomorphic(*graphs, node_match=lambda u, v: u["colour"] == v["colour"]))


def require_networkx() -> Any:
    """Return NetworkX, or say how to get it."""
    try:
        import networkx
    except ImportError:
        raise ImportError('comparing graphs needs NetworkX: pip install "oubli[networkx]"') from None
    return networkx
