"""From how often each profile occurs to a graph: match slots, then swap edges in ways that no gradient shows.

A node of profile ``(p, (q, r, ...))`` has a slot for each neighbour: one of profile ``q``, one of ``r``. Slots ``p``
for ``q`` are joined to slots ``q`` for ``p``. Crossing two such edges keeps all profiles, and with them the
gradient. So among the graphs that are alike the likeliest is looked for, by simulated annealing.
"""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from oubli.audit.gradients.lifting.profiles import Profile
from oubli.audit.gradients.lifting.rings import RingPrior, bit_sets, shortest_cycle

BROKEN = 30.0  # Cost of a loop or a parallel edge, on the way to a simple graph.
APART = 30.0  # Cost of a component more than one.
RESTARTS = 4
STEPS = 200
UNTANGLING = 1000


@dataclass(frozen=True, eq=False)
class Realisation:
    """A graph with the given profiles.

    Parameters
    ----------
    profiles : tuple of Profile
        Of each node.
    edges : ndarray, shape (edges, 2)
    cost : float
        Of its rings, less likely being dearer.
    others : int
        How many other graphs with the same profiles were met, told apart by rings and by refinement of colours.
    """

    profiles: tuple[Profile, ...]
    edges: NDArray[np.int64]
    cost: float
    others: int


@dataclass(eq=False)
class _Matching:
    """Edges by the kinds of their ends; crossing two of a kind keeps profiles."""

    prior: RingPrior
    views: list[Profile]
    kinds: NDArray[np.uint64]
    groups: list[list[tuple[int, int]]] = field(default_factory=list)
    symmetric: list[bool] = field(default_factory=list)

    def edges(self) -> list[tuple[int, int]]:
        return [edge for group in self.groups for edge in group]

    def broken(self) -> int:
        """Return how many loops and parallel edges there are."""
        edges = self.edges()
        return len(edges) - len({(min(edge), max(edge)) for edge in edges if edge[0] != edge[1]})

    def cost(self) -> tuple[float, tuple[int, ...] | None]:
        """Return the cost, and the graph's signature: its rings' lengths and its stable colours; None if not simple."""
        edges = self.edges()
        simple = {(min(edge), max(edge)) for edge in edges if edge[0] != edge[1]}
        broken = len(edges) - len(simple)
        neighbours = bit_sets(len(self.views), list(simple))
        total = BROKEN * broken + APART * (_components(neighbours) - 1)
        lengths = []
        for u, v in simple:
            length = shortest_cycle(neighbours, u, v)
            total += self.prior.cost(self.views[u], self.views[v], length)
            lengths.append(length)
        return total, None if broken else (*sorted(lengths), *_stable_colours(self.kinds, list(simple)))


def realise(profiles: Sequence[Profile], prior: RingPrior, hops: int, seed: int) -> Realisation | None:
    """Return the likeliest graph found whose nodes have these profiles; None when slots do not match.

    Parameters
    ----------
    profiles : sequence of Profile
        Of each node, of one hop or more.
    prior : RingPrior
    hops : int
        Of the profiles.
    seed : int
    """
    slots: dict[tuple[Profile, Profile], list[int]] = defaultdict(list)
    for node, (own, near) in enumerate(profiles):
        for other in near:
            slots[own, other].append(node)
    for (own, other), nodes in slots.items():
        if len(slots.get((other, own), ())) != len(nodes) or (own == other and len(nodes) % 2):
            return None
    views = list(profiles)
    for _ in range(hops - 1):
        views = [view[0] for view in views]
    generator = random.Random(seed)
    kinds = np.array([list(dict.fromkeys(profiles)).index(profile) for profile in profiles], np.uint64)
    best: tuple[float, list[tuple[int, int]]] = (math.inf, [])
    signatures: set[tuple[int, ...]] = set()
    for _ in range(RESTARTS):
        matching = _match(slots, _Matching(prior, views, kinds), generator)
        if not _untangle(matching, generator):
            continue
        found = _anneal(matching, generator, signatures)
        if found[0] < best[0]:
            best = found
        if not any(len(group) > 1 for group in matching.groups):
            break
    if best[0] == math.inf:
        return None
    edges = np.array(best[1], np.int64).reshape(-1, 2)
    return Realisation(tuple(profiles), edges, best[0], max(0, len(signatures) - 1))


def _match(slots: dict[tuple[Profile, Profile], list[int]], matching: _Matching, generator: random.Random) -> _Matching:
    for own, other in sorted(slots):
        if other < own:
            continue
        nodes, partners = list(slots[own, other]), list(slots[other, own])
        generator.shuffle(nodes)
        generator.shuffle(partners)
        pairs = zip(nodes[::2], nodes[1::2], strict=True) if own == other else zip(nodes, partners, strict=True)
        matching.groups.append(list(pairs))
        matching.symmetric.append(own == other)
    return matching


def _untangle(matching: _Matching, generator: random.Random) -> bool:
    """Cross edges at random until there are no loops and no parallel edges; return whether that was reached."""
    free = [group for group in matching.groups if len(group) > 1]
    broken = matching.broken()
    for _ in range(UNTANGLING if free else 0):
        if not broken:
            break
        group = generator.choice(free)
        i, j = generator.sample(range(len(group)), 2)
        (a, b), (x, y) = group[i], group[j]
        group[i], group[j] = (a, y), (x, b)
        after = matching.broken()
        # Now and then a step back, against dead ends.
        if after <= broken or generator.random() < 0.02:
            broken = after
        else:
            group[i], group[j] = (a, b), (x, y)
    return not broken


def _anneal(
    matching: _Matching, generator: random.Random, signatures: set[tuple[int, ...]]
) -> tuple[float, list[tuple[int, int]]]:
    """Cross edges toward a lower cost; note the signature of each simple graph met."""
    present, signature = matching.cost()
    best: tuple[float, list[tuple[int, int]]] = (math.inf, [])
    free = [position for position, group in enumerate(matching.groups) if len(group) > 1]
    weights = [len(matching.groups[position]) for position in free]
    temperature = 2.0
    for _ in range(STEPS):
        if signature is not None:
            signatures.add(signature)
            if present < best[0]:
                best = present, matching.edges()
        if not free:
            break
        position = generator.choices(free, weights)[0]
        group = matching.groups[position]
        i, j = generator.sample(range(len(group)), 2)
        (a, b), (x, y) = group[i], group[j]
        if matching.symmetric[position] and generator.random() < 0.5:
            x, y = y, x
        group[i], group[j] = (a, y), (x, b)
        after, seen = matching.cost()
        if after <= present or generator.random() < math.exp((present - after) / temperature):
            present, signature = after, seen
        else:
            group[i], group[j] = (a, b), (x, y)
        temperature *= 0.99
    return best


def _stable_colours(kinds: NDArray[np.uint64], edges: list[tuple[int, int]]) -> list[int]:
    """Return hashes of what nodes see as far as the graph goes, sorted; of isomorphic graphs they are the same."""
    adjacency = np.zeros((len(kinds), len(kinds)), np.uint64)
    for u, v in edges:
        adjacency[u, v] = adjacency[v, u] = 1
    colours = _scramble(kinds + np.uint64(1))
    for _ in range(len(kinds)):
        colours = _scramble(np.uint64(3) * colours + adjacency @ colours)
    return [int(colour) for colour in np.sort(colours)]


def _scramble(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return a mix of the bits of each number (the finaliser of SplitMix64), so that sums tell multisets apart."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(values ^ (values >> np.uint64(31)))


def _components(neighbours: Sequence[int]) -> int:
    left, count = (1 << len(neighbours)) - 1, 0
    while left:
        count += 1
        front = left & -left
        while front:
            left &= ~front
            following = 0
            while front:
                lowest = front & -front
                following |= neighbours[lowest.bit_length() - 1]
                front ^= lowest
            front = following & left
    return count
