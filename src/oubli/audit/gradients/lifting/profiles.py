"""What an L-layer model sees of a node: its L-hop profile, the colour of the Weisfeiler-Leman refinement.

``c_0`` is type and degree (GCN layers divide by degrees) or the type alone (GIN layers do not); ``c_l`` of a node is
its ``c_(l-1)`` with the multiset of those of its neighbours. Nodes of the same ``c_L`` have the same states, so any
gradient of a model with permutation-invariant pooling is a function of how often each ``c_L`` occurs.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

from oubli.errors import InputError
from oubli.graph.collection import LabelledGraph

Profile = tuple[Any, ...]
"""``(type, degree)`` or ``(type,)`` of no hops; ``(profile, (neighbours' profiles, sorted))`` of one hop more."""


def node_profiles(graph: LabelledGraph, hops: int, degrees: bool = True) -> list[Profile]:
    """Return the profile of each node.

    Parameters
    ----------
    graph : LabelledGraph
        With one-hot features.
    hops : int
        How far a profile sees.
    degrees : bool, default True
        Whether ``c_0`` has the degree, as for GCN layers, which see the degrees of nodes `hops` away too.

    Raises
    ------
    InputError
        When the features are not one-hot.
    """
    types = graph.types
    if types is None:
        raise InputError("profiles: supported for graphs whose feature rows are one-hot; these are not")
    profiles: list[Profile] = [(int(kind),) for kind in types]
    if degrees:
        profiles = [(*own, int(degree)) for own, degree in zip(profiles, graph.degrees, strict=True)]
    neighbours: list[list[int]] = [[] for _ in profiles]
    for u, v in graph.edges.tolist():
        neighbours[u].append(v)
        neighbours[v].append(u)
    for _ in range(hops):
        profiles = [
            (own, tuple(sorted(profiles[other] for other in near)))
            for own, near in zip(profiles, neighbours, strict=True)
        ]
    return profiles


def profile_histogram(graph: LabelledGraph, hops: int, degrees: bool = True) -> Counter[Profile]:
    """Return how often each profile occurs."""
    return Counter(node_profiles(graph, hops, degrees))


def profile_overlap(one: Counter[Profile], other: Counter[Profile]) -> float:
    """Return the share of nodes that two histograms have in common, of the larger; 1 when they are equal."""
    larger = max(one.total(), other.total())
    return (one & other).total() / larger if larger else 1.0


def node_type(profile: Profile, hops: int) -> int:
    """Return the type of the node that a profile of so many hops is about."""
    for _ in range(hops):
        profile = profile[0]
    return int(profile[0])
