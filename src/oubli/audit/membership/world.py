"""Whose labels take part in training under one seed, whose are unlearned, and whose never did."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from oubli.audit.forgetting.seeds import derived_seed
from oubli.errors import InputError
from oubli.graph import Graph, Removal

VALIDATION, TEST = 0.1, 0.2
"""Shares of the labelled nodes in these splits; the rest are candidates, and half of those are members."""
FEWEST_LABELLED = 20
FEWEST_NEVER = 100
"""With fewer, one false alarm is already above a false positive rate of 1 %."""


@dataclass(frozen=True, eq=False)
class World:
    """One draw of memberships. The graph and the candidates are public, the groups are not.

    Parameters
    ----------
    graph : Graph
        The members are its training nodes.
    candidates : ndarray of int64, shape (candidates,)
        Positions in ``graph.node_ids``, ascending: all labelled nodes that are in neither validation nor test.
    groups : dict of str to ndarray of bool, shape (candidates,)
        ``unlearned`` and ``retained``, which are the members, and ``never``.
    """

    graph: Graph
    candidates: NDArray[np.int64]
    groups: dict[str, NDArray[np.bool_]]

    @cached_property
    def removal(self) -> Removal:
        """The labels that are unlearned."""
        return Removal(labels=self.graph.node_ids[self.candidates[self.groups["unlearned"]]])

    @cached_property
    def remaining(self) -> Graph:
        """The graph without them."""
        return self.graph.without(self.removal)

    @cached_property
    def classes(self) -> NDArray[np.int64]:
        """True classes of the candidates, as positions in ``graph.classes``."""
        return self.graph.label_codes[self.candidates].astype(np.int64)


def group_sizes(labelled: int, ratio: float) -> dict[str, int]:
    """Return how many of so many labelled nodes come into each group and split.

    Members are half of the candidates, rounded down, and `ratio` of them are unlearned, one at the least.
    """
    validation, test = round(VALIDATION * labelled), round(TEST * labelled)
    candidates = labelled - validation - test
    members = candidates // 2
    unlearned = max(1, round(ratio * members))
    return {
        "unlearned": unlearned,
        "retained": members - unlearned,
        "never": candidates - members,
        "validation": validation,
        "test": test,
    }


def check_world(graph: Graph, ratio: float) -> None:
    """Raise `InputError` where no world can be drawn."""
    if isinstance(ratio, bool) or not isinstance(ratio, int | float) or not 0 < ratio < 1:
        raise InputError(f"ratio: expected a number above 0 and below 1, got {ratio!r}")
    labelled = int((graph.label_codes >= 0).sum())
    if labelled < FEWEST_LABELLED:
        raise InputError(f"graph: {labelled} nodes have a label, and an audit of memberships needs {FEWEST_LABELLED}")
    if graph.classes.size < 2:
        raise InputError("graph: all labels are the same, so a model of them holds nothing; give one with two classes")
    sizes = group_sizes(labelled, ratio)
    if not sizes["retained"]:
        raise InputError(f"ratio: {ratio:g} unlearns all {sizes['unlearned']} training labels; give a smaller share")


def draw_world(graph: Graph, ratio: float, seed: int) -> World:
    """Split all labelled nodes at random; the graph's own splits play no part.

    Parameters
    ----------
    graph : Graph
        As `check_world` wants it.
    ratio : float
        Share of the training labels that are unlearned.
    seed : int
    """
    whole = graph.compacted()
    labelled = np.flatnonzero(whole.label_codes >= 0)
    drawn = np.random.default_rng(derived_seed(seed, "memberships")).permutation(labelled)
    sizes = group_sizes(labelled.size, ratio)
    parts = dict(zip(sizes, np.split(drawn, np.cumsum(list(sizes.values()))[:-1]), strict=True))
    groups = {name: parts[name] for name in ("unlearned", "retained", "never")}
    candidates = np.sort(np.concatenate(list(groups.values())))
    ids = whole.node_ids
    members = np.concatenate([parts["unlearned"], parts["retained"]])
    split = whole.with_splits(train=ids[members], val=ids[parts["validation"]], test=ids[parts["test"]])
    return World(split, candidates, {name: np.isin(candidates, chosen) for name, chosen in groups.items()})
