"""Lazy propagation: an embedding kept up to date but for residues too small to push, with a bound on the error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oubli.errors import InputError
from oubli.graph.distinct import distinct
from oubli.graph.graph import Graph
from oubli.graph.removal import RemovalPlan
from oubli.propagation import residues as kernels
from oubli.propagation.embedding import EmbeddingChange, last_hop
from oubli.propagation.former import Former
from oubli.propagation.operator import Operator
from oubli.propagation.push import count_arcs
from oubli.propagation.quantise import Quantiser
from oubli.propagation.rounding import Rounding, residue_weights
from oubli.propagation.threads import sharers

PUSH_ARC = 3
"""What an arc that is pushed along costs, one that a whole hop reads being 1."""


class LazyPropagation:
    """Reserves and residues of every hop: ``Z = sum of w_l P^l X`` but for what has not been pushed yet.

    With ``N[u]`` a node and its neighbours, ``d(u)`` their number and ``rho`` the operator's exponent, ::

        q^0(u) + r^0(u) = d(u)^rho x(u)
        q^l(u) + r^l(u) = sum of q^(l-1)(t) over t in N[u], divided by d(u)        l >= 1

    and the estimate is ``z(u) = d(u)^-rho sum of w_l q^l(u)``. A removal changes residues where edges or features went;
    a residue is then pushed, moved to its reserve and spread to the next hop's residues, if it exceeds `rmax` in some
    column. The last hop has no residues: what reaches it goes into the reserve.

    Parameters
    ----------
    operator : Operator
    weights : ndarray of float64
        Of the hops, that of the features first (`hop_weights`).
    quantiser : Quantiser
        Its scaling and projection of feature rows; nothing is rounded to integers.
    rmax : float
        Largest entry of a residue that is left. It is absolute, on the scale of what a node sends to each neighbour:
        feature rows times ``d^rho``, so with rows of unit length no entry exceeds 1. With 0 every change is pushed.

    Attributes
    ----------
    reserves : ndarray of float64, shape (hops + 1, n, width)
    residues : ndarray of float64, shape (hops - 1, n, width)
        Of hops 1 .. hops-1. That of hop 0 is a multiple of the reserve, as both are multiples of the features.
    sent : ndarray of float64, shape (n,)
        ``q^0 = sent * x``: the power of the degree that the features were last pushed with.
    degrees : ndarray of int32, shape (n,)
        Self-loops counted.

    Notes
    -----
    arXiv 2408.09212, whose reserves and residues are these times the degree. Divided by it, those of a node that loses
    an edge need no rescaling for its other neighbours to stay right. docs/proofs/lazy-propagation.
    """

    def __init__(
        self, operator: Operator, weights: NDArray[np.float64], quantiser: Quantiser, rmax: float = 0.0
    ) -> None:
        self.operator, self.weights, self.quantiser = operator, weights, quantiser
        self.hops, self.rmax = last_hop(weights), _threshold(rmax)
        self.reserves = np.empty((0, 0, 0))
        self.residues = np.empty((0, 0, 0))
        self.sent, self.degrees = np.empty(0), np.empty(0, np.int32)
        self._rounding = Rounding(self.hops)
        # Rows of residues that may not be zero: a bound need not read the others.
        self._held: NDArray[np.bool_] = np.empty((0, 0), bool)
        self._reset_stamps()

    @property
    def width(self) -> int:
        """Columns of a row."""
        return int(self.reserves.shape[2])

    def fit(self, graph: Graph) -> LazyPropagation:
        """Compute all hops of a graph, without residues: whole hops cost less than pushing everything."""
        self.degrees = graph.adjacency.count + np.int32(1)
        self.sent = self._scales()
        shape = graph.adjacency.count.size, self.quantiser.width(graph.table)
        self.reserves = np.empty((self.hops + 1, *shape))
        # Written, not only promised by the system: no deletion should wait for its first touch.
        self.residues = np.full((max(self.hops - 1, 0), *shape), 0.0)
        self._held = np.zeros(self.residues.shape[:2], bool)
        self._reset_stamps()
        features = self.reserves[0]
        self.quantiser.float_rows(graph.table, features)
        largest = max(features.max(initial=0.0), -features.min(initial=0.0))
        self._rounding = Rounding(self.hops, float(largest), self.rmax)
        self._rounding.scale_features(self.degrees)
        features *= self.sent[:, None]
        self._sweep_from(1, graph)
        return self

    def rows(self, graph: Graph, slots: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the estimated rows of `slots`, shape (slots, width)."""
        out = np.empty((slots.size, self.width))
        hops = np.flatnonzero(self.weights)
        scale = self.operator.output_scale(self.degrees[slots].astype(np.int64), 0)
        kernels.combine(out.size * hops.size, slots, self.reserves, hops, self.weights[hops], scale, out)
        return out

    def remove(self, graph: Graph, plan: RemovalPlan, wanted: NDArray[np.bool_]) -> EmbeddingChange:
        """Apply `plan` to the graph and bring the estimate up to date; `wanted` is a mask over slots."""
        ends = plan.endpoints
        former = self._former(graph, wanted)
        former.note(distinct(plan.wiped, ends))
        lost = self.degrees[ends]
        graph.apply(plan)
        self.degrees[ends] = graph.adjacency.count[ends] + 1
        lost = lost - self.degrees[ends]
        self._lose_edges(graph, ends, lost, plan)
        reached, whole = self._push(graph, self._due(ends, plan), ends, former)
        if whole:
            return EmbeddingChange(np.empty(0, np.int64), np.empty((0, self.width)), reached, True)
        return EmbeddingChange(*former.ordered(), reached, False)

    def error_bounds(self, graph: Graph | None = None) -> NDArray[np.float64]:
        """Return, for each column, a bound on the summed absolute error of all its rows, rounding included.

        Without the graph each residue counts times the degree; given the graph, times what would reach the rows, which
        is several times less.
        """
        weights = residue_weights(self.operator, self.weights[: self.hops + 1], self.degrees, graph)
        total = np.zeros(self.width)
        late = np.flatnonzero(self.sent != self._scales())
        left = self._feature_residues(late)
        kernels.weighted_sizes(np.arange(late.size), left, weights[0][late], total)
        for hop in range(1, self.hops):
            held = np.flatnonzero(self._held[hop - 1])
            kernels.weighted_sizes(held, self.residues[hop - 1], weights[hop], total)
        return self._rounding.outward(total, self.weights[: self.hops + 1], self.degrees, self.operator)

    def tighten(self, graph: Graph, rmax: float) -> None:
        """Push until no residue exceeds `rmax`, and keep to it from now on; any row may change.

        Raises
        ------
        InputError
            When the threshold is above the one in use.
        """
        if _threshold(rmax) > self.rmax:
            raise InputError(f"rmax: {rmax} is above {self.rmax}, to which the residues have been pushed already")
        self.rmax = float(rmax)
        everyone = np.arange(self.degrees.size)
        self._push(graph, self._late(everyone), everyone, self._former(graph, np.zeros(everyone.size, bool)))
        self._held = np.asarray(self.residues.any(axis=2))

    def arrays(self, slots: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """Return the state of `slots` by name, to be saved."""
        found: dict[str, NDArray[Any]] = {"sent": self.sent[slots], "degrees": self.degrees[slots]}
        found |= {f"reserves_{hop}": reserve[slots] for hop, reserve in enumerate(self.reserves)}
        found |= {f"residues_{hop}": residue[slots] for hop, residue in enumerate(self.residues, start=1)}
        return found | {"rmax": np.array([self.rmax]), "rounding": self._rounding.array()}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> LazyPropagation:
        """Take over a state that was saved."""
        self.reserves = np.stack([arrays[f"reserves_{hop}"] for hop in range(self.hops + 1)])
        residues = [arrays[f"residues_{hop}"] for hop in range(1, self.hops)]
        self.residues = np.stack(residues) if residues else np.zeros((0, *self.reserves.shape[1:]))
        self.sent, self.degrees = arrays["sent"].copy(), arrays["degrees"].copy()
        self.rmax = float(arrays["rmax"][0])
        self._rounding = Rounding.from_array(arrays["rounding"])
        self._held = np.asarray(self.residues.any(axis=2))
        self._reset_stamps()
        return self

    def _reset_stamps(self) -> None:
        # A slot is marked by the number of the walk that saw it: nothing to clear between walks.
        self._stamp = np.zeros(self.degrees.size, np.int64)
        self._noted = np.zeros(self.degrees.size, np.int64)
        self._epoch = 0

    def _former(self, graph: Graph, wanted: NDArray[np.bool_]) -> Former:
        self._epoch += 1
        return Former(lambda slots: self.rows(graph, slots), wanted, self._noted, self._epoch)

    def _lose_edges(self, graph: Graph, ends: NDArray[np.int64], lost: NDArray[np.int32], plan: RemovalPlan) -> None:
        lists = graph.adjacency.start, graph.adjacency.count, graph.adjacency.neighbours
        pairs = np.searchsorted(ends, plan.edges)
        for hop in range(1, self.hops + 1):
            last = hop == self.hops
            residue = self.reserves[hop] if last else self.residues[hop - 1]
            kernels.lose_edges(lists, pairs, ends, lost, self.reserves[hop - 1], self.reserves[hop], residue, last)
            self._rounding.lose_edges(hop, self.degrees[ends], lost)
        self._held[:, ends] = True
        # A removed node is alone with its self-loop and its zero features.
        self.reserves[:, plan.nodes] = 0.0
        self.residues[:, plan.nodes] = 0.0
        self._held[:, plan.nodes] = False

    def _due(self, slots: NDArray[np.int64], plan: RemovalPlan) -> NDArray[np.int64]:
        """Return the rows of hop 0 to push: features that went whatever their size, and scales that changed enough."""
        self.sent[plan.nodes] = 1.0
        # A scale of zero says that the features went.
        self.sent[plan.features] = 0.0
        return distinct(plan.features, self._late(slots[self.sent[slots] != 0.0]))

    def _late(self, slots: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return those of `slots` whose residue of hop 0 is to be pushed."""
        late: NDArray[np.int64] = slots[self.sent[slots] != self._scales(slots)]
        if not self.hops:
            return late
        largest: NDArray[np.float64] = np.abs(self._feature_residues(late)).max(axis=1, initial=0.0)
        return np.asarray(late[largest > self.rmax])

    def _scales(self, slots: NDArray[np.int64] | slice = slice(None)) -> NDArray[np.float64]:
        return self.operator.message_scale(self.degrees[slots].astype(np.int64))

    def _feature_residues(self, slots: NDArray[np.int64]) -> NDArray[np.float64]:
        ratio: NDArray[np.float64] = self._scales(slots) / self.sent[slots] - 1.0
        return np.asarray(self.reserves[0][slots] * ratio[:, None])

    def _push_features(self, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        target = self._scales(rows)
        gone = self.sent[rows] == 0.0
        self.sent[rows[gone]] = target[gone]
        values = self._feature_residues(rows)
        values[gone] = -self.reserves[0][rows[gone]]
        self.reserves[0][rows] += values
        self.sent[rows] = target
        return values

    def _push(
        self, graph: Graph, rows: NDArray[np.int64], seeds: NDArray[np.int64], former: Former
    ) -> tuple[list[int], bool]:
        """Push `rows` of hop 0, then what exceeds the threshold hop by hop, `seeds` being looked at in each."""
        reached: list[int] = []
        if not self.hops:
            self._push_features(rows)
        for hop in range(self.hops):
            if self._prefers_sweep(hop, rows, graph):
                self._fold(hop)
                self._sweep_from(hop + 1, graph)
                return reached + [graph.num_nodes] * (self.hops - hop), True
            if hop and self.weights[hop]:
                former.note(rows)
            seen = self._push_hop(hop, rows, seeds, graph, former)
            reached.append(seen.size)
            if hop + 1 < self.hops:
                rows = kernels.above(seen, self.residues[hop], self.rmax)
        return reached, False

    def _push_hop(
        self, hop: int, rows: NDArray[np.int64], seeds: NDArray[np.int64], graph: Graph, former: Former
    ) -> NDArray[np.int64]:
        lists = graph.adjacency.start, graph.adjacency.count, graph.adjacency.neighbours
        values = kernels.take(rows, self.residues[hop - 1], self.reserves[hop]) if hop else self._push_features(rows)
        self._epoch += 1
        arcs, seen = kernels.frontier(*lists, rows, seeds, self._stamp, self._epoch)
        if hop:
            self._held[hop - 1, rows] = False
        last = hop + 1 == self.hops
        if last:
            former.note(seen)
        else:
            self._held[hop, seen] = True
        work = arcs.size * self.width
        kernels.spread(
            work, rows, values, arcs, lists[1], self.reserves[-1] if last else self.residues[hop], sharers(work)
        )
        self._rounding.push(hop, arcs.size, kernels.volume(lists[1], arcs))
        return np.asarray(seen)

    def _prefers_sweep(self, hop: int, rows: NDArray[np.int64], graph: Graph) -> bool:
        ahead = (self.hops - hop) * (graph.adjacency.num_arcs + graph.num_nodes)
        return bool(PUSH_ARC * count_arcs(graph.adjacency.count, rows) > ahead)

    def _fold(self, hop: int) -> None:
        """Move all residues of a hop into its reserves; whoever calls this computes the later hops anew."""
        if hop:
            self.reserves[hop] += self.residues[hop - 1]
            self.residues[hop - 1] = 0.0
            self._held[hop - 1] = False
            self._rounding.fold(hop, self.degrees)
            return
        self._push_features(np.flatnonzero(self.sent != self._scales()))
        self._rounding.fold(0, self.degrees)

    def _sweep_from(self, hop: int, graph: Graph) -> None:
        adjacency = graph.adjacency
        lists = adjacency.start, adjacency.count, adjacency.neighbours
        work = (adjacency.num_arcs + self.degrees.size) * self.width
        for at in range(hop, self.hops + 1):
            kernels.sweep(work, *lists, self.reserves[at - 1], self.reserves[at])
            self._rounding.sweep(at, self.degrees)
        for residue, held in zip(self.residues[hop - 1 :], self._held[hop - 1 :], strict=True):
            residue[held] = 0.0
            held[:] = False


def _threshold(rmax: float) -> float:
    if isinstance(rmax, bool) or not isinstance(rmax, int | float | np.number) or not 0 <= rmax < np.inf:
        raise InputError(f"rmax: expected a finite number, 0 or more; got {rmax!r}")
    return float(rmax)
