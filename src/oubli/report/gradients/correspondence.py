"""Which node of a guess stands for which true node, so that the two can be drawn alike and what differs be marked."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import networkx
import numpy as np
from networkx.algorithms.isomorphism import GraphMatcher
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from oubli.report.gradients.results import Drawing

TYPE_WEIGHT = 0.5  # an agreeing type counts as half an agreeing edge
ROUNDS = 30
EFFORT = 600  # beginnings, times nodes


@dataclass(frozen=True)
class Correspondence:
    """A guess in the numbering of the truth.

    Parameters
    ----------
    places : ndarray of int, shape (nodes of the guess,)
        The true node that each stands for; from the number of true nodes on, places that the truth does not have.
    identical : bool
        Whether the two are isomorphic: edges, and types where both have them.
    """

    places: NDArray[np.int64]
    identical: bool


def correspond(truth: Drawing, guess: Drawing) -> Correspondence:
    """Return an isomorphism, or else a renumbering under which many types and edges agree.

    The second maximises agreeing edges plus half the agreeing types, from several beginnings by successive linear
    assignments, then by exchanging pairs: a good renumbering, not always the best.
    """
    same = _isomorphism(truth, guess)
    if same is not None:
        return Correspondence(same, True)
    size = max(truth.num_nodes, guess.num_nodes)
    fixed, moved = _adjacency(truth, size), _adjacency(guess, size)
    alike = TYPE_WEIGHT * _type_agreement(truth, guess, size)
    tries = (
        _exchanged(fixed, moved, alike, _assigned(fixed, moved, alike, start))
        for start in _starts(truth, guess, fixed, moved)
    )
    # Nodes of the guess, by true place.
    chosen = max(tries, key=lambda order: _agreement(fixed, moved, alike, order))
    return Correspondence(np.argsort(chosen)[: guess.num_nodes], False)


def _isomorphism(truth: Drawing, guess: Drawing) -> NDArray[np.int64] | None:
    typed = truth.node_types is not None and guess.node_types is not None
    networks = [_network(graph, typed) for graph in (truth, guess)]
    # Cheap, and settles nearly all that differ.
    if len({networkx.weisfeiler_lehman_graph_hash(network, node_attr="type") for network in networks}) > 1:
        return None
    matcher = GraphMatcher(*networks, node_match=lambda one, other: one["type"] == other["type"])
    if not matcher.is_isomorphic():
        return None
    back = {guessed: true for true, guessed in matcher.mapping.items()}
    return np.array([back[node] for node in range(guess.num_nodes)], np.int64)


def _network(graph: Drawing, typed: bool) -> networkx.Graph:
    types = graph.node_types if typed and graph.node_types else ()
    out = networkx.Graph()
    for node in range(graph.num_nodes):
        # Edges may name a node beyond the types.
        out.add_node(node, type=str(types[node]) if node < len(types) else "")
    out.add_edges_from(graph.edges or ())
    return out


def _adjacency(graph: Drawing, size: int) -> NDArray[np.float64]:
    matrix = np.zeros((size, size))
    for u, v in graph.edges or ():
        matrix[u, v] = matrix[v, u] = 1.0
    return matrix


def _type_agreement(truth: Drawing, guess: Drawing, size: int) -> NDArray[np.float64]:
    agreement = np.zeros((size, size))
    if truth.node_types is not None and guess.node_types is not None:
        true, guessed = np.array(truth.node_types), np.array(guess.node_types)
        agreement[: len(true), : len(guessed)] = true[:, None] == guessed[None, :]
    return agreement


def _starts(
    truth: Drawing, guess: Drawing, fixed: NDArray[np.float64], moved: NDArray[np.float64]
) -> Iterator[NDArray[np.int64]]:
    """Yield renumberings to begin with: like surroundings first, then random ones."""
    kinds = 1 + max((*(truth.node_types or ()), *(guess.node_types or ())), default=0)
    one, other = (_surroundings(graph, matrix, kinds) for graph, matrix in ((truth, fixed), (guess, moved)))
    apart = np.abs(one[:, None, :] - other[None, :, :]).sum(-1)
    yield np.asarray(linear_sum_assignment(apart)[1], np.int64)
    rng = np.random.default_rng(0)
    for _ in range(EFFORT // len(fixed)):
        yield rng.permutation(len(fixed))


def _surroundings(graph: Drawing, matrix: NDArray[np.float64], kinds: int) -> NDArray[np.float64]:
    """Return how many nodes of each type are 0, 1 and 2 steps away, shape (nodes, 3 * types)."""
    here = np.zeros((len(matrix), kinds))
    for node in range(graph.num_nodes):
        here[node, graph.node_types[node] if graph.node_types and node < len(graph.node_types) else 0] = 1.0
    return np.hstack([here, matrix @ here, matrix @ matrix @ here])


def _assigned(
    fixed: NDArray[np.float64], moved: NDArray[np.float64], alike: NDArray[np.float64], chosen: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the best of the assignments that follow one from another."""
    best, best_value = chosen, _agreement(fixed, moved, alike, chosen)
    for _ in range(ROUNDS):
        chosen = linear_sum_assignment(fixed @ moved[chosen] + alike, maximize=True)[1]
        value = _agreement(fixed, moved, alike, chosen)
        if value <= best_value:
            break
        best, best_value = chosen, value
    return np.asarray(best, np.int64)


def _exchanged(
    fixed: NDArray[np.float64], moved: NDArray[np.float64], alike: NDArray[np.float64], chosen: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return a renumbering that no exchange of two nodes improves (or after many of them, a better one)."""
    chosen, size = chosen.copy(), len(chosen)
    nodes = np.arange(size)
    for _ in range(10 * size):
        inside = moved[np.ix_(chosen, chosen)]
        cross = fixed @ inside
        kept = np.diag(cross)
        here = alike[nodes, chosen]
        # Of exchanging i and j: their edges to others; an edge between them stays as it is.
        gain = cross + cross.T - kept[:, None] - kept[None, :] + 2 * fixed * inside
        there = alike[:, chosen]
        gain = gain + there + there.T - here[:, None] - here[None, :]
        i, j = np.unravel_index(np.argmax(gain), gain.shape)
        if gain[i, j] <= 1e-9:
            break
        chosen[[i, j]] = chosen[[j, i]]
    return chosen


def _agreement(
    fixed: NDArray[np.float64], moved: NDArray[np.float64], alike: NDArray[np.float64], chosen: NDArray[np.int64]
) -> float:
    edges = (fixed * moved[np.ix_(chosen, chosen)]).sum() / 2
    return float(edges + alike[np.arange(len(chosen)), chosen].sum())
