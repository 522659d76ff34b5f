"""How likely a graph's rings are, which gradients of few layers do not tell: a prior over the ring of each edge."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from math import log

from oubli.audit.gradients.lifting.profiles import Profile, node_profiles
from oubli.graph.collection import LabelledGraph

LONGEST = 12
# Without graphs to learn from: rings of five and six are common, smaller and larger ones are not.
DEFAULT_COSTS = {0: 0.0, 3: 1.0, 4: 1.0, 5: 0.1, 6: 0.0}
BACKOFF = 1.0


def shortest_cycle(neighbours: Sequence[int], u: int, v: int) -> int:
    """Return the length of the shortest cycle through an edge, up to `LONGEST`; 0 for a bridge or longer ones.

    Parameters
    ----------
    neighbours : sequence of int
        Of each node a set of nodes, as bits.
    u, v : int
        The ends of the edge.
    """
    seen = 1 << u
    front = (neighbours[u] & ~(1 << v)) & ~seen
    length, goal = 2, 1 << v
    while front and length <= LONGEST:
        if front & goal:
            return length
        seen |= front
        following = 0
        while front:
            lowest = front & -front
            following |= neighbours[lowest.bit_length() - 1]
            front ^= lowest
        front = following & ~seen
        length += 1
    return 0


class RingPrior:
    """Costs of an edge's shortest cycle: minus the logarithm of its share among such edges of auxiliary graphs.

    Parameters
    ----------
    graphs : sequence of LabelledGraph
        None of them: `DEFAULT_COSTS`.
    degrees : bool, default True
        As in `node_profiles`, for the one-hop profiles of an edge's ends.
    """

    def __init__(self, graphs: Sequence[LabelledGraph] = (), degrees: bool = True) -> None:
        self.overall: Counter[int] = Counter()
        self.by_ends: dict[tuple[Profile, Profile], Counter[int]] = defaultdict(Counter)
        for graph in graphs:
            profiles = node_profiles(graph, 1, degrees)
            neighbours = bit_sets(graph.num_nodes, graph.edges.tolist())
            for u, v in graph.edges.tolist():
                length = shortest_cycle(neighbours, u, v)
                self.overall[length] += 1
                self.by_ends[_ends(profiles[u], profiles[v])][length] += 1

    def cost(self, one: Profile, other: Profile, length: int) -> float:
        """Return the cost of an edge between nodes of these one-hop profiles in a ring of this length."""
        if not self.overall:
            return DEFAULT_COSTS.get(length, 0.1 * (length - 5))
        general = (self.overall[length] + 0.1) / (self.overall.total() + 1)
        special = self.by_ends.get(_ends(one, other), Counter())
        return -log((special[length] + BACKOFF * general) / (special.total() + BACKOFF))


def _ends(one: Profile, other: Profile) -> tuple[Profile, Profile]:
    return (one, other) if one < other else (other, one)


def bit_sets(num_nodes: int, edges: Sequence[Sequence[int]]) -> list[int]:
    """Return the neighbours of each node as bits."""
    sets = [0] * num_nodes
    for u, v in edges:
        sets[u] |= 1 << v
        sets[v] |= 1 << u
    return sets
