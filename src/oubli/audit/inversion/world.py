"""What is drawn under one seed: halves, splits, the edges that are removed, and those that they are compared with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oubli.audit.forgetting.seeds import derived_seed
from oubli.audit.inversion.halves import Halving, cut_halves
from oubli.errors import InputError
from oubli.graph import Graph, Removal

TRAIN, VAL = 0.7, 0.1
"""Shares of the labelled nodes; the others are for tests. More than usual, so that every half can teach each model."""
GROUPS = ("removed", "never", "retained", "absent")
FEWEST_PAIRS = 5
"""In a group; with fewer, an area under a curve takes a handful of values."""
FEWEST_LABELS = 10


@dataclass(frozen=True, eq=False)
class Side:
    """One half, victim's or attacker's. Nodes are numbered from 0, in the order of the graphs' ``node_ids``.

    Parameters
    ----------
    graph : Graph
        What a model is fitted on: the half without the edges that it never has, with splits of its own.
    remaining : Graph
        `graph` without the removed edges.
    groups : dict of str to ndarray of int64, shape (pairs, 2)
        For each of `GROUPS` as many pairs, ``u < v``, all different: edges that are unlearned; edges of the half that
        the model never has; edges that it keeps and the attacker is not told of; pairs without an edge in the half.
    known : ndarray of int64, shape (edges, 2)
        Edges that the attacker is told of: those that remain, without those of the groups.
    features : ndarray of float32, shape (nodes, features)
    labels : ndarray of int64, shape (nodes,)
        Positions in the classes of the whole graph; -1 where there is none.
    """

    graph: Graph
    remaining: Graph
    groups: dict[str, NDArray[np.int64]]
    known: NDArray[np.int64]
    features: NDArray[np.float32]
    labels: NDArray[np.int64]

    @property
    def removal(self) -> Removal:
        """The request that the model gets."""
        return Removal(edges=self.graph.node_ids[self.groups["removed"]])


@dataclass(frozen=True, eq=False)
class World:
    """Both halves under one seed.

    Parameters
    ----------
    seed : int
    victim, shadow : Side
    classes : ndarray
        Of the whole graph, ascending: the columns of all that is answered.
    """

    seed: int
    victim: Side
    shadow: Side
    classes: NDArray[Any]


def draw_world(graph: Graph, seed: int, ratio: float = 0.05, halves: Halving = "metis") -> World:
    """Draw halves, splits and groups.

    Parameters
    ----------
    graph : Graph
        With features and labels; its own splits are not used.
    seed : int
    ratio : float, default 0.05
        Share of a half's edges in each group.
    halves : {"metis", "random"}, default "metis"
        As `cut_halves` takes it.

    Raises
    ------
    InputError
        When the graph has no features, or a half has too few edges, labels or pairs without an edge.
    """
    if not graph.num_features:
        raise InputError("graph: has no features, and every model under audit needs some; give features=")
    if graph.classes.size < 2:
        raise InputError(f"graph: has {graph.classes.size} classes, and models need two to tell apart; give labels=")
    generator = np.random.default_rng(derived_seed(seed, "world"))
    classes = graph.classes
    sides = [_draw_side(half, classes, ratio, generator) for half in cut_halves(graph, generator, halves)]
    return World(seed, sides[0], sides[1], classes)


def _draw_side(half: Graph, classes: NDArray[Any], ratio: float, generator: np.random.Generator) -> Side:
    edges = half.adjacency.edges()
    size = round(ratio * len(edges))
    _check_half(half, size, ratio)
    drawn = generator.permutation(len(edges))
    groups = {name: edges[drawn[i * size : (i + 1) * size]] for i, name in enumerate(GROUPS[:-1])}
    groups["absent"] = _absent_pairs(half, size, generator)
    half.split_codes = _split(half, generator)
    graph = half.without(Removal(edges=half.node_ids[groups["never"]]))
    remaining = graph.without(Removal(edges=graph.node_ids[groups["removed"]]))
    features = half.features
    return Side(
        graph,
        remaining,
        groups,
        known=edges[np.sort(drawn[3 * size :])],
        features=np.asarray(features.toarray() if hasattr(features, "toarray") else features, np.float32),
        labels=_label_positions(half, classes),
    )


def _check_half(half: Graph, size: int, ratio: float) -> None:
    if size < FEWEST_PAIRS:
        raise InputError(
            f"graph: a half has {half.num_edges} edges, of which a ratio of {ratio} removes {size}; at least "
            f"{FEWEST_PAIRS} are needed, so give a larger graph or a larger ratio"
        )
    missing = half.num_nodes * (half.num_nodes - 1) // 2 - half.num_edges
    if missing < 2 * size:
        raise InputError(
            f"graph: a half has {missing} pairs without an edge, and {2 * size} are needed; it is too dense"
        )
    labelled, classes = int(np.count_nonzero(half.label_codes >= 0)), half.classes.size
    if classes < 2 or labelled < max(FEWEST_LABELS, 2 * classes):
        raise InputError(
            f"graph: a half has {labelled} labelled nodes of {classes} classes; needed are 2 classes or more, "
            f"{FEWEST_LABELS} labelled nodes, and twice as many as classes: give a larger graph, more labels, or "
            "halves='random'"
        )


def _absent_pairs(half: Graph, size: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """Return distinct pairs without an edge, uniformly at random."""
    found = np.empty((0, 2), np.int64)
    while len(found) < size:
        pairs = np.sort(generator.integers(half.num_nodes, size=(2 * size, 2)), axis=1)
        pairs = pairs[(pairs[:, 0] < pairs[:, 1]) & ~half.adjacency.has_edges(pairs)]
        joined = np.concatenate([found, pairs])
        # In the order in which they were drawn: the first of each, so that no pair is likelier than another.
        found = joined[np.sort(np.unique(joined, axis=0, return_index=True)[1])]
    return found[:size]


def _split(half: Graph, generator: np.random.Generator) -> NDArray[np.uint8]:
    """Return split codes, at random but for a training node of each class."""
    labelled = generator.permutation(np.flatnonzero(half.label_codes >= 0))
    # The first of each class leads, so that validation and test nodes ask for no class that was never taught.
    first = np.unique(half.label_codes[labelled], return_index=True)[1]
    ordered = np.concatenate([labelled[first], np.delete(labelled, first)])
    trains = max(round(TRAIN * ordered.size), first.size)
    checks = max(round(VAL * ordered.size), 1)
    codes = np.zeros(half.label_codes.size, np.uint8)
    for code, part in enumerate(np.split(ordered, [trains, trains + checks]), start=1):
        codes[part] = code
    return codes


def _label_positions(half: Graph, classes: NDArray[Any]) -> NDArray[np.int64]:
    positions = np.append(np.searchsorted(classes, half.label_values), -1)
    labels: NDArray[np.int64] = positions[half.label_codes]
    return labels
