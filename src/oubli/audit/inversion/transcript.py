"""What an attacker on removed edges gets, and nothing else: answers of the model, public facts, a graph of its own."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Observation:
    """A graph as an attacker sees it, and what a model answers there. Nodes are numbered from 0.

    Parameters
    ----------
    features : ndarray of float32, shape (nodes, features)
        Public.
    posteriors : ndarray of float64, shape (nodes, classes)
        What the model answers after the removal, asked on the graph without what was removed.
    edges : ndarray of int64, shape (edges, 2)
        Edges that the attacker knows, each once as ``u < v``.
    before : ndarray of float64, shape (nodes, classes), optional
        What the model answered before the removal, for attackers who kept that.
    """

    features: NDArray[np.float32]
    posteriors: NDArray[np.float64]
    edges: NDArray[np.int64]
    before: NDArray[np.float64] | None = None


@dataclass(frozen=True, eq=False)
class Shadow:
    """A disjoint graph of the attacker's own, on which it did all that the victim did, and knows the truth.

    Parameters
    ----------
    seen : Observation
        Of a model that the attacker trained and made to forget by the same method; retained pairs below are hidden
        from its edges, as they are from those of the victim.
    removed, retained, absent : ndarray of int64, shape (pairs, 2)
        Edges that were unlearned, edges that are there, and pairs that never were edges.
    labels : ndarray of int64, shape (nodes,)
        Classes; -1 where there is none.
    never : ndarray of int64, shape (pairs, 2)
        Edges that the attacker kept from its own model.
    """

    seen: Observation
    removed: NDArray[np.int64]
    retained: NDArray[np.int64]
    absent: NDArray[np.int64]
    labels: NDArray[np.int64]
    never: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Transcript:
    """All that an attacker has, and the pairs it has to judge.

    Parameters
    ----------
    seen : Observation
        The victim's graph, as far as it is known, and the victim's answers.
    pairs : ndarray of int64, shape (pairs, 2)
        Candidates, in an order that says nothing.
    shadow : Shadow
    """

    seen: Observation
    pairs: NDArray[np.int64]
    shadow: Shadow = field(repr=False)


@dataclass(frozen=True, eq=False)
class Secret:
    """What the pairs of a transcript are; attacks never get it.

    Parameters
    ----------
    groups : dict of str to ndarray of bool, shape (pairs,)
        ``removed``: the victim learned the edge and unlearned it. ``never``: an edge of the data that the victim never
        had, drawn as those were. ``retained``: it has the edge still, and the attacker does not know. ``absent``: there
        is no edge.
    """

    groups: dict[str, NDArray[np.bool_]]
