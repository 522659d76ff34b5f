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
FEWEST_EACH = 10
"""Labelled nodes for each class, on average, that leave something to draw."""
FEWEST_NEVER = 100
"""With fewer, one false alarm is already above a false positive rate of 1 %."""


@dataclass(frozen=True, eq=False)
class World:
    """One draw of memberships. The graph, the candidates and the known members are public, the groups are not.

    Parameters
    ----------
    graph : Graph
        Its training nodes are the members and the known members.
    known : ndarray of int64, shape (classes,)
        Positions in ``graph.node_ids``, ascending: a node of each class that is in training for all to know, in that of
        shadow models too. So all models know the same classes, whatever is drawn, and whatever is unlearned.
    candidates : ndarray of int64, shape (candidates,)
        Positions, ascending: all labelled nodes that are neither known members nor in validation or test.
    groups : dict of str to ndarray of bool, shape (candidates,)
        ``unlearned`` and ``retained``, which are the members, and ``never``.
    """

    graph: Graph
    known: NDArray[np.int64]
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


def group_sizes(graph: Graph, ratio: float) -> dict[str, int]:
    """Return how many labelled nodes come into each group and split.

    Members are half of the candidates, rounded down, and `ratio` of them are unlearned, one at the least.
    """
    labelled, known = int((graph.label_codes >= 0).sum()), graph.classes.size
    validation, test = round(VALIDATION * labelled), round(TEST * labelled)
    candidates = labelled - known - validation - test
    members = candidates // 2
    unlearned = max(1, round(ratio * members))
    return {
        "known": known,
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
    labelled, classes = int((graph.label_codes >= 0).sum()), graph.classes.size
    if classes < 2:
        raise InputError("graph: has labels of fewer than two classes, so a model of them holds nothing; give two")
    if labelled < FEWEST_EACH * classes:
        raise InputError(
            f"graph: {labelled} nodes have a label, and an audit of memberships needs {FEWEST_EACH} times as many as "
            f"there are classes, {FEWEST_EACH * classes}; leave rare classes without a label"
        )
    sizes = group_sizes(graph, ratio)
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
    first_of_class = np.unique(whole.label_codes[drawn], return_index=True)[1]
    known, rest = np.sort(drawn[first_of_class]), np.delete(drawn, first_of_class)
    sizes = group_sizes(graph, ratio)
    names = [name for name in sizes if name != "known"]
    parts = dict(zip(names, np.split(rest, np.cumsum([sizes[name] for name in names])[:-1]), strict=True))
    groups = {name: parts[name] for name in ("unlearned", "retained", "never")}
    candidates = np.sort(np.concatenate(list(groups.values())))
    ids = whole.node_ids
    taught = np.concatenate([known, parts["unlearned"], parts["retained"]])
    split = whole.with_splits(train=ids[taught], val=ids[parts["validation"]], test=ids[parts["test"]])
    masks = {name: np.isin(candidates, chosen) for name, chosen in groups.items()}
    return World(split, known, candidates, masks)
