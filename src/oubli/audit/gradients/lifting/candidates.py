"""Profiles that a graph may have: enumerated, from auxiliary graphs, or put together from profiles of one hop less."""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from math import comb, log, prod

import numpy as np
from numpy.typing import NDArray

from oubli.audit.gradients.lifting.profiles import Profile, node_profiles
from oubli.graph.collection import LabelledGraph

UNSEEN = 0.1  # Of an occurrence: what a profile counts for that no auxiliary graph has.


def enumerate_profiles(types: Sequence[int], max_degree: int, degrees: bool = True) -> list[Profile]:
    """Return all one-hop profiles in connected graphs of three nodes or more.

    Parameters
    ----------
    types : sequence of int
        Of nodes.
    max_degree : int
        The most neighbours of a node.
    degrees : bool, default True
        As in `node_profiles`.
    """
    if not degrees:
        near: list[Profile] = [(kind,) for kind in types]
        return [
            ((kind,), chosen)
            for kind in types
            for degree in range(1, max_degree + 1)
            for chosen in itertools.combinations_with_replacement(near, degree)
        ]
    near = [(kind, degree) for kind in types for degree in range(1, max_degree + 1)]
    # Two nodes that have but each other are a component of their own.
    return [
        (own, chosen)
        for own in near
        for chosen in itertools.combinations_with_replacement(near, own[1])
        if own[1] > 1 or chosen[0][1] > 1
    ]


class Dictionary:
    """Profiles of auxiliary graphs, by hops, with how often they occur.

    Parameters
    ----------
    graphs : sequence of LabelledGraph
    hops : int
        The most hops.
    degrees : bool, default True
        As in `node_profiles`.
    """

    def __init__(self, graphs: Sequence[LabelledGraph], hops: int, degrees: bool = True) -> None:
        self.frequencies: list[Counter[Profile]] = [Counter() for _ in range(hops + 1)]
        self.max_degree = max((int(graph.degrees.max()) for graph in graphs), default=0)
        for graph in graphs:
            for hop, found in enumerate(self.frequencies):
                found.update(node_profiles(graph, hop, degrees))

    def within(self, profiles: Sequence[Profile], hops: int) -> list[Profile]:
        """Return the profiles of so many hops whose nodes all have profiles, of one hop less, among these."""
        allowed = set(profiles)
        return [profile for profile in self.profiles(hops) if profile[0] in allowed and allowed.issuperset(profile[1])]

    def costs(self, profiles: Sequence[Profile], hops: int) -> NDArray[np.float64]:
        """Return minus the logarithm of each profile's share.

        One that was never met counts a tenth of an occurrence among those of its part of one hop less.
        """
        return np.array([self._cost(profile, hops) for profile in profiles])

    def _cost(self, profile: Profile, hops: int) -> float:
        found, total = self.frequencies[hops][profile], self.frequencies[hops].total()
        if found or hops == 0:
            return -log((found + UNSEEN) / (total + 1))
        return -log(UNSEEN / (self.frequencies[hops - 1][profile[0]] + 1)) + self._cost(profile[0], hops - 1)

    def profiles(self, hops: int) -> list[Profile]:
        """Return the profiles of so many hops, sorted."""
        return sorted(self.frequencies[hops])


def close_under_reciprocity(profiles: Iterable[Profile]) -> list[Profile]:
    """Return those profiles each of whose neighbours can be one of the others that lists it back."""
    kept = list(profiles)
    while True:
        # A profile c_l says that its own c_(l-1) meets each neighbour's; the neighbour has to say so too.
        meetings = {(own, other) for own, near in kept for other in near}
        left = [(own, near) for own, near in kept if all((other, own) in meetings for other in near)]
        if len(left) == len(kept):
            return left
        kept = left


def combine_profiles(profiles: Sequence[Profile], limit: int) -> list[Profile] | None:
    """Return all profiles of one hop more whose nodes all have profiles among these; None for more than the limit."""
    fits: dict[tuple[Profile, Profile], list[Profile]] = defaultdict(list)
    for profile in profiles:
        distinct: set[Profile] = set(profile[1])
        for other in distinct:
            fits[profile[0], other].append(profile)
    combined: list[Profile] = []
    for profile in profiles:
        own, near = profile
        slots: Counter[Profile] = Counter(near)
        wanted = [(fits[other, own], count) for other, count in slots.items()]
        if len(combined) + prod(comb(len(found) + count - 1, count) for found, count in wanted) > limit:
            return None
        choices = [itertools.combinations_with_replacement(found, count) for found, count in wanted]
        for chosen in itertools.product(*choices):
            combined.append((profile, tuple(sorted(itertools.chain.from_iterable(chosen)))))
    return combined
