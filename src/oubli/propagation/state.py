"""Integer propagation of one graph: what a fit computes and what a removal changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from oubli.errors import CapacityError
from oubli.graph.distinct import distinct
from oubli.graph.graph import Graph
from oubli.graph.removal import RemovalPlan
from oubli.propagation import hop as kernels
from oubli.propagation import push
from oubli.propagation.operator import Operator
from oubli.propagation.quantise import CHUNK, LARGEST, Quantiser
from oubli.propagation.storage import MEMORY, Storage

PUSH_ARC, PUSH_ROW, PUSH_PAIR = 3, 5, 11
"""What pushing costs an arc written, a row reached and an edge lost, an arc of a full hop being 1; fitted to
whole calls on one graph (ogbn-arxiv); benchmarks.kernels shows where pushing and whole hops cross."""

EXACT_TOTAL = 2**48
"""Bound below which a rounded quotient is exact (docs/proofs/integer-propagation)."""


@dataclass
class OutputChange:
    """Which wanted rows of the embedding a removal changed, and what they were.

    Attributes
    ----------
    rows : list of ndarray of int64
        For each output hop, the changed rows, ascending order not promised.
    former : list of ndarray of int32
        For each output hop, the old blocks of those rows.
    reached : list of int
        For each hop, how many rows were looked at; the number of nodes where the hop was recomputed whole.
    full_from : int or None
        First hop that was recomputed whole; `rows` is then of no use.
    """

    rows: list[NDArray[np.int64]] = field(default_factory=list)
    former: list[NDArray[np.int32]] = field(default_factory=list)
    reached: list[int] = field(default_factory=list)
    full_from: int | None = None

    def before(self, rows: NDArray[np.int64], after: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return embedded rows as they were, given as they are; `rows` ascend and hold all that changed."""
        former = after.copy()
        width = after.shape[1] // max(len(self.rows), 1)
        for at, (changed, blocks) in enumerate(zip(self.rows, self.former, strict=True)):
            former[np.searchsorted(rows, changed), at * width : (at + 1) * width] = blocks
        return former


class Propagation:
    """Integer state of `hops` hops over a graph: quantised features and one accumulator a hop.

    A hop sums integer messages, so a removal that subtracts and adds what changed leaves the very integers that a fresh
    computation would (docs/proofs/integer-propagation).

    Parameters
    ----------
    operator : Operator
    hops : int
    outputs : tuple of int
        Hops whose embedding is wanted, ascending; 0 are the features themselves.
    quantiser : Quantiser
    storage : Storage, optional
        Where its arrays are; in memory without it.
    name : str, optional
        Put before the names of its arrays there, where it is one of several.

    Attributes
    ----------
    messages : ndarray of int16 or int32, shape (n, width)
        Quantised features, scaled by ``degree ** rho``.
    totals : list of ndarray of int32 or int64, shape (n, width)
        For each hop, the sum of the messages of a node and its neighbours.

    Notes
    -----
    arXiv 2605.25662 (local exact removal); the integer formulation is this project's.
    """

    def __init__(
        self,
        operator: Operator,
        hops: int,
        outputs: tuple[int, ...],
        quantiser: Quantiser,
        storage: Storage = MEMORY,
        name: str = "",
    ) -> None:
        self.operator, self.hops, self.outputs, self.quantiser = operator, hops, outputs, quantiser
        self.storage, self._name = storage, name
        self.messages: NDArray[Any] = np.empty((0, 0), np.int16)
        self.totals: list[NDArray[Any]] = []
        self._position = np.empty(0, np.int32)

    @property
    def width(self) -> int:
        """Columns of one hop's block."""
        return int(self.messages.shape[1])

    def fit(self, graph: Graph) -> Self:
        """Compute all hops of a graph.

        Raises
        ------
        CapacityError
            When a sum could leave the range in which it is exact.
        """
        self.messages, bound = self.quantiser.all_rows(
            graph.table,
            lambda slots: self._message_scale(graph, slots),
            lambda shape, dtype: self.storage.empty(self._called("messages"), shape, dtype),
        )
        largest_degree = int(graph.adjacency.count.max(initial=0)) + 1
        if bound * largest_degree >= EXACT_TOTAL or bound * largest_degree**-self.operator.rho > LARGEST:
            raise CapacityError(
                f"propagation: features up to 2**{bound.bit_length()} over {largest_degree} neighbours leave the range "
                f"of exact sums; lower fraction_bits or scale the features down"
            )
        kind = np.int32 if bound * largest_degree < 2**31 else np.int64
        names = [self._called(f"totals_{hop}") for hop in range(1, self.hops + 1)]
        self.totals = [self.storage.empty(name, self.messages.shape, kind) for name in names]
        self._position = np.full(graph.adjacency.count.size, -1, np.int32)
        self._full_from(1, graph)
        return self

    def arrays(self, slots: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """Return the state of `slots` by name, to be saved."""
        return {name: array[slots] for name, array in self.stored().items()}

    def stored(self) -> dict[str, NDArray[Any]]:
        """Return the state of all slots by name, as it is: not a copy."""
        totals = {self._called(f"totals_{hop}"): total for hop, total in enumerate(self.totals, start=1)}
        return {self._called("messages"): self.messages} | totals

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Take over a state that was saved."""
        self.messages = arrays[self._called("messages")]
        self.totals = [arrays[self._called(f"totals_{hop}")] for hop in range(1, self.hops + 1)]
        self._position = np.full(len(self.messages), -1, np.int32)
        return self

    def embed(self, graph: Graph, slots: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return the embedding of `slots`: the blocks of all output hops side by side, times ``2**fraction_bits``."""
        out = np.empty((slots.size, self.width * len(self.outputs)), np.int32)
        degrees = graph.adjacency.count[slots].astype(np.int64) + 1
        for at, hop in enumerate(self.outputs):
            self._scale(hop, slots, degrees, out[:, at * self.width : (at + 1) * self.width])
        return out

    def remove(self, graph: Graph, plan: RemovalPlan, wanted: NDArray[np.bool_]) -> OutputChange:
        """Apply `plan` to the graph and carry it through all hops; tell which `wanted` outputs changed."""
        carry = self.prepare(graph, plan, wanted)
        graph.apply(plan)
        return carry()

    def prepare(self, graph: Graph, plan: RemovalPlan, wanted: NDArray[np.bool_]) -> Callable[[], OutputChange]:
        """Read what a removal needs of the graph as it is; return what carries it through, once it is applied."""
        ends = plan.endpoints
        soon = distinct(plan.wiped, ends)
        sources = soon if self.operator.rho else plan.wiped
        # Endpoints push from the second hop on at the latest; a hop that is whole is cheapest with those before it.
        if self._prefers_full(graph, soon if self.hops > 1 else sources, plan):
            return lambda: self._recompute(graph, sources)
        former = self.messages[ends].astype(np.int32)
        old_rows = self.messages[sources].astype(np.int32)
        watched = sources[wanted[sources]] if 0 in self.outputs else sources[:0]
        old_outputs = np.empty((watched.size, self.width), np.int32)
        self._scale(0, watched, graph.adjacency.count[watched].astype(np.int64) + 1, old_outputs)

        def carry() -> OutputChange:
            change = OutputChange()
            rows = self._requantise(graph, sources)
            if 0 in self.outputs:
                self._note_outputs(change, 0, graph, watched, old_outputs)
            moved = (rows != old_rows).any(axis=1)
            step = _Step(sources[moved], rows[moved] - old_rows[moved], former, ends, plan.edges)
            for hop in range(1, self.hops + 1):
                if self._prefers_full(graph, step.changed, plan):
                    return self._finish_full(hop, graph, change)
                self._push(hop, graph, step, change, wanted)
            return change

        return carry

    def _recompute(self, graph: Graph, sources: NDArray[np.int64]) -> OutputChange:
        self._requantise_many(graph, sources)
        return self._finish_full(1, graph, OutputChange())

    def _called(self, name: str) -> str:
        return f"{self._name}{name}"

    def _message_scale(self, graph: Graph, slots: NDArray[np.int64]) -> NDArray[np.float64]:
        return self.operator.message_scale(graph.adjacency.count[slots].astype(np.int64) + 1)

    def _prefers_full(self, graph: Graph, changed: NDArray[np.int64], plan: RemovalPlan) -> bool:
        arcs = push.count_arcs(graph.adjacency.count, changed)
        rows = min(arcs + 2 * len(plan.edges), graph.num_nodes)
        cost = PUSH_ARC * arcs + PUSH_ROW * rows + PUSH_PAIR * len(plan.edges)
        return bool(cost > graph.adjacency.num_arcs + graph.num_nodes)

    def _finish_full(self, hop: int, graph: Graph, change: OutputChange) -> OutputChange:
        self._full_from(hop, graph)
        change.full_from = hop
        change.reached += [graph.num_nodes] * (self.hops + 1 - hop)
        return change

    def _requantise_many(self, graph: Graph, slots: NDArray[np.int64]) -> None:
        if 2 * slots.size < len(self.messages):
            self._requantise(graph, slots)
            return
        # Of most rows, all: they are written in place, without a copy of what is chosen.
        self.messages = self.storage.renew(self._called("messages"), self.messages)
        for first in range(0, len(self.messages), CHUNK):
            part = np.arange(first, min(first + CHUNK, len(self.messages)))
            scale = self._message_scale(graph, part)
            self.quantiser.rows(graph.table, part, scale, self.messages[first : first + CHUNK])

    def _requantise(self, graph: Graph, slots: NDArray[np.int64]) -> NDArray[np.int32]:
        rows = np.empty((slots.size, self.width), np.int32)
        self.quantiser.rows(graph.table, slots, self._message_scale(graph, slots), rows)
        self.storage.before(self._called("messages"), self.messages, slots)
        self.messages[slots] = rows
        return rows

    def _push(self, hop: int, graph: Graph, step: _Step, change: OutputChange, wanted: NDArray[np.bool_]) -> None:
        lists = graph.adjacency.start, graph.adjacency.count, graph.adjacency.neighbours
        totals = self.totals[hop - 1]
        room = min(len(self._position), push.count_arcs(lists[1], step.changed) + step.endpoints.size)
        rows = push.reached(*lists, step.endpoints, step.changed, self._position, room)
        delta = np.zeros((rows.size, self.width), totals.dtype)
        lost = np.zeros(rows.size, np.int32)
        push.scatter(*lists, step.changed, step.change, self._position, delta, rows)
        push.subtract_edges(step.pairs, self._position, step.former, delta, lost)
        self._position[rows] = -1
        change.reached.append(rows.size)
        self.storage.before(self._called(f"totals_{hop}"), totals, rows)
        seen = np.flatnonzero(wanted[rows]) if hop in self.outputs else rows[:0]
        watched = rows[seen]
        old_outputs = np.empty((watched.size, self.width), np.int32)
        self._scale(hop, watched, lists[1][watched].astype(np.int64) + 1 + lost[seen], old_outputs)
        if hop < self.hops:
            step.changed = push.settle_messages(rows, lists[1], lost, delta, totals, step.former)
            step.change = delta[: step.changed.size]
        else:
            push.add_deltas(delta.size, rows, delta, totals)
        if hop in self.outputs:
            self._note_outputs(change, hop, graph, watched, old_outputs)

    def _note_outputs(
        self, change: OutputChange, hop: int, graph: Graph, watched: NDArray[np.int64], old: NDArray[np.int32]
    ) -> None:
        new = np.empty_like(old)
        self._scale(hop, watched, graph.adjacency.count[watched].astype(np.int64) + 1, new)
        moved = (new != old).any(axis=1)
        change.rows.append(watched[moved])
        change.former.append(old[moved])

    def _scale(self, hop: int, slots: NDArray[np.int64], degrees: NDArray[np.int64], out: NDArray[np.int32]) -> None:
        source = self.messages if hop == 0 else self.totals[hop - 1]
        kernels.scale_rows(out.size, source, slots, self.operator.output_scale(degrees, hop), out)

    def _full_from(self, hop: int, graph: Graph) -> None:
        adjacency, kind = graph.adjacency, self.messages.dtype
        messages = self.messages
        if hop > 1:
            messages = self.storage.spare(self.messages.shape, kind)
            kernels.round_all(messages.size, self.totals[hop - 2], adjacency.count, messages)
        none = np.empty((0, self.width), kind)
        spare = none
        for at in range(hop, self.hops + 1):
            following = none
            if at < self.hops:
                following = self.storage.spare(self.messages.shape, kind) if spare is none else spare
            lists = adjacency.start, adjacency.count, adjacency.neighbours
            work = (adjacency.num_arcs + len(messages)) * self.width
            self.totals[at - 1] = self.storage.renew(self._called(f"totals_{at}"), self.totals[at - 1])
            kernels.full_hop(work, *lists, messages, self.totals[at - 1], following)
            spare = none if messages is self.messages else messages
            messages = following


@dataclass
class _Step:
    """What enters a hop: changed messages, their changes, and the former messages of the endpoints of lost edges."""

    changed: NDArray[np.int64]
    change: NDArray[np.int32]
    former: NDArray[np.int32]
    endpoints: NDArray[np.int64]
    pairs: NDArray[np.int64]
