"""Whose gradients are attacked, and which graphs the attacker has beside: two halves of a collection, never mixed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from oubli.errors import InputError
from oubli.graph.collection import GraphCollection, LabelledGraph

AUXILIARIES = ("client", "random", "none")
NODE_ORDERS = ("shuffled", "dataset")
FEWEST_NODES = 3


@dataclass(frozen=True, eq=False)
class Group:
    """The graphs behind one gradient.

    Parameters
    ----------
    positions : tuple of int
        In the collection; the first one names the group.
    graphs : tuple of LabelledGraph
        Nodes in the order the client has them.
    """

    positions: tuple[int, ...]
    graphs: tuple[LabelledGraph, ...]


@dataclass(frozen=True, eq=False)
class Halves:
    """A collection divided by a seeded permutation.

    Parameters
    ----------
    victims : ndarray of int
        Positions of victims: of the first half, connected, of `FEWEST_NODES` at the least.
    auxiliary : tuple of LabelledGraph
        What the attacker has beside, in the order of nodes of the data set.
    source : str
        What that is, in words.
    others : GraphCollection
        The half without victims; all graphs where there is only one.
    """

    victims: NDArray[np.int64]
    auxiliary: tuple[LabelledGraph, ...]
    source: str
    others: GraphCollection


def divide(
    collection: GraphCollection, victims: int, seed: int, auxiliary: str = "client", max_nodes: int | None = None
) -> Halves:
    """Choose victims from one half of a collection, and the attacker's graphs from the other.

    Parameters
    ----------
    collection : GraphCollection
    victims : int
        How many at the most; fewer when the half has fewer that fit.
    seed : int
    auxiliary : {"client", "random", "none"}, default "client"
        ``client``: the other half, as of a client that colludes. ``random``: Erdos-Renyi graphs, see `random_graphs`.
    max_nodes : int, optional
        Largest victim.

    Raises
    ------
    InputError
        When no graph fits.
    """
    if auxiliary not in AUXILIARIES:
        raise InputError(f"auxiliary: {auxiliary!r} is not supported; supported: {', '.join(AUXILIARIES)}")
    if victims < 1:
        raise InputError(f"victims: at least 1, got {victims}")
    order = np.random.default_rng([seed, 0]).permutation(len(collection))
    first, second = np.split(order, [(len(collection) + 1) // 2])
    fitting = [int(position) for position in first if _fits(collection[int(position)], max_nodes)]
    if not fitting:
        limit = "" if max_nodes is None else f" and at most {max_nodes}"
        raise InputError(
            f"{collection.name}: none of the {len(first)} graphs to choose victims from is connected with "
            f"{FEWEST_NODES} nodes or more{limit}; give other data{' or a larger limit' if limit else ''}"
        )
    others = collection.select(second) if len(second) else collection
    chosen = np.array(fitting[:victims], dtype=np.int64)
    if auxiliary == "none" or others is collection:
        return Halves(chosen, (), "none", others)
    if auxiliary == "random":
        source = f"random graphs of sizes and mean density as in {collection.name}"
        return Halves(chosen, random_graphs(others, seed), source, others)
    source = f"the half of {collection.name} that holds no victim, as of another client"
    return Halves(chosen, others.graphs, source, others)


def random_graphs(like: GraphCollection, seed: int) -> tuple[LabelledGraph, ...]:
    """Return Erdos-Renyi graphs of the sizes and the mean density of a collection, one for each of its graphs.

    Types and labels are drawn uniformly; where features are not one-hot they are standard normal.
    """
    random = np.random.default_rng([seed, 1])
    pairs = sum(graph.num_nodes * (graph.num_nodes - 1) / 2 for graph in like)
    density = sum(graph.num_edges for graph in like) / pairs if pairs else 0.0
    drawn = []
    for graph in like:
        upper = np.argwhere(np.triu(random.random((graph.num_nodes, graph.num_nodes)) < density, 1))
        shape = (graph.num_nodes, like.num_features)
        kinds = np.eye(like.num_features)[random.integers(like.num_features, size=graph.num_nodes)]
        features = kinds if like.one_hot else random.standard_normal(shape)
        drawn.append(LabelledGraph(upper, features, int(random.integers(like.num_classes))))
    return tuple(drawn)


def group_victims(
    collection: GraphCollection, victims: Sequence[int] | NDArray[np.int64], size: int, seed: int, node_order: str
) -> list[Group]:
    """Put `size` victims each together, in their order; those left over at the end are not used.

    Nodes are shuffled, each victim's by a seed of its own, unless `node_order` is ``dataset``: there the mean adjacency
    of other molecules alone scores an AUC of 0.94, since files list atoms along chains and rings.
    """
    if node_order not in NODE_ORDERS:
        raise InputError(f"node order: {node_order!r} is not supported; supported: {', '.join(NODE_ORDERS)}")
    if len(victims) < size:
        raise InputError(f"victims: {size} graphs go into one gradient, and there are {len(victims)} victims")
    groups = []
    for start in range(0, len(victims) - size + 1, size):
        positions = tuple(int(position) for position in victims[start : start + size])
        graphs = tuple(_ordered(collection[p], seed, p, node_order) for p in positions)
        groups.append(Group(positions, graphs))
    return groups


def collection_digest(collection: GraphCollection) -> str:
    """Return a sha256 of all graphs of a collection, in their order."""
    digest = hashlib.sha256(f"{len(collection)} {collection.num_classes} {collection.num_features}".encode())
    for graph in collection:
        digest.update(np.array([graph.num_nodes, graph.num_edges, graph.label], np.int64).tobytes())
        digest.update(graph.edges.tobytes())
        digest.update(graph.features.tobytes())
    return digest.hexdigest()


def derived_seed(*parts: int) -> int:
    """Return a seed for one purpose, from the seed of the whole and what tells the purpose apart."""
    return int(np.random.SeedSequence(parts).generate_state(1)[0])


def _fits(graph: LabelledGraph, max_nodes: int | None) -> bool:
    if not FEWEST_NODES <= graph.num_nodes <= (graph.num_nodes if max_nodes is None else max_nodes):
        return False
    return int(connected_components(graph.adjacency(), directed=False, return_labels=False)) == 1


def _ordered(graph: LabelledGraph, seed: int, position: int, node_order: str) -> LabelledGraph:
    if node_order == "dataset":
        return graph
    return graph.permuted(np.random.default_rng([seed, 2, position]).permutation(graph.num_nodes))
