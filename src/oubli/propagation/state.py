"""Integer propagation of one graph: what a fit computes and what a removal changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from oubli.graph.distinct import distinct
from oubli.graph.graph import Graph
from oubli.graph.removal import RemovalPlan
from oubli.propagation import hop as kernels
from oubli.propagation import push
from oubli.propagation.change import Attributed, OutputChange, Step
from oubli.propagation.operator import Operator
from oubli.propagation.quantise import CHUNK, Quantiser
from oubli.propagation.storage import MEMORY, Storage


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
        self._marks = np.empty(0, np.uint64)

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
        kind = kernels.total_kind(bound, largest_degree, self.operator.rho)
        names = [self._called(f"totals_{hop}") for hop in range(1, self.hops + 1)]
        self.totals = [self.storage.empty(name, self.messages.shape, kind) for name in names]
        self._marks = push.no_marks(len(self.messages))
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
        self._marks = push.no_marks(len(self.messages))
        return self

    def embed(self, graph: Attributed, slots: NDArray[np.int64]) -> NDArray[np.int32]:
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
        first = self.note(graph, sources, ends, plan.edges, wanted)

        def carry() -> OutputChange:
            change = OutputChange()
            step = first(change)
            for hop in range(1, self.hops + 1):
                if self._prefers_full(graph, step.changed, plan):
                    return self._finish_full(hop, graph, change)
                self._push(hop, graph, step, change, wanted)
            return change

        return carry

    def note(
        self,
        graph: Attributed,
        sources: NDArray[np.int64],
        ends: NDArray[np.int64],
        pairs: NDArray[np.int64],
        wanted: NDArray[np.bool_],
    ) -> Callable[[OutputChange], Step]:
        """Read what the first hop needs of rows as they are; return what makes its step, once the removal is applied.

        Parameters
        ----------
        graph : Graph, or a part of one
        sources : ndarray of int64
            Rows whose messages are to be made anew.
        ends, pairs : ndarrays of int64
            Endpoints of the edges that go, and these edges.
        wanted : ndarray of bool
            Mask of the rows whose outputs are watched.
        """
        former = self.messages[ends].astype(np.int32)
        old_rows = self.messages[sources].astype(np.int32)
        watched = sources[wanted[sources]] if 0 in self.outputs else sources[:0]
        old_outputs = np.empty((watched.size, self.width), np.int32)
        self._scale(0, watched, graph.adjacency.count[watched].astype(np.int64) + 1, old_outputs)

        def first(change: OutputChange) -> Step:
            rows = self._requantise(graph, sources)
            if 0 in self.outputs:
                self._note_outputs(change, 0, graph, watched, old_outputs)
            moved = (rows != old_rows).any(axis=1)
            return Step(sources[moved], rows[moved] - old_rows[moved], former, ends, pairs)

        return first

    def _recompute(self, graph: Graph, sources: NDArray[np.int64]) -> OutputChange:
        self._requantise_many(graph, sources)
        return self._finish_full(1, graph, OutputChange())

    def _called(self, name: str) -> str:
        return f"{self._name}{name}"

    def _message_scale(self, graph: Attributed, slots: NDArray[np.int64]) -> NDArray[np.float64]:
        return self.operator.message_scale(graph.adjacency.count[slots].astype(np.int64) + 1)

    def _prefers_full(self, graph: Graph, changed: NDArray[np.int64], plan: RemovalPlan) -> bool:
        arcs = push.count_arcs(graph.adjacency.count, changed)
        lost, all_arcs = len(plan.edges), graph.adjacency.num_arcs
        return push.costs_more(int(arcs), lost, all_arcs, graph.num_nodes, self.width)

    def _finish_full(self, hop: int, graph: Graph, change: OutputChange) -> OutputChange:
        self._full_from(hop, graph)
        change.full_from = hop
        change.reached += [graph.num_nodes] * (self.hops + 1 - hop)
        return change

    def _requantise_many(self, graph: Attributed, slots: NDArray[np.int64]) -> None:
        if 2 * slots.size < len(self.messages):
            self._requantise(graph, slots)
            return
        # Of most rows, all: they are written in place, without a copy of what is chosen.
        self.messages = self.storage.renew(self._called("messages"), self.messages)
        for first in range(0, len(self.messages), CHUNK):
            part = np.arange(first, min(first + CHUNK, len(self.messages)))
            scale = self._message_scale(graph, part)
            self.quantiser.rows(graph.table, part, scale, self.messages[first : first + CHUNK])

    def _requantise(self, graph: Attributed, slots: NDArray[np.int64]) -> NDArray[np.int32]:
        rows = np.empty((slots.size, self.width), np.int32)
        self.quantiser.rows(graph.table, slots, self._message_scale(graph, slots), rows)
        self.storage.before(self._called("messages"), self.messages, slots)
        self.messages[slots] = rows
        return rows

    def _push(self, hop: int, graph: Attributed, step: Step, change: OutputChange, wanted: NDArray[np.bool_]) -> None:
        count, totals, inner = graph.adjacency.count, self.totals[hop - 1], hop < self.hops
        lists, given = self._entering(graph, step)
        pushing = push.Push(lists, given.changed, self.width)
        rows = pushing.rows(given.endpoints, self._marks)
        change.reached.append(rows.size)
        self.storage.before(self._called(f"totals_{hop}"), totals, rows)
        watched = rows[wanted[rows]] if hop in self.outputs else rows[:0]
        old_outputs = np.empty((watched.size, self.width), np.int32)
        self._scale(hop, watched, count[watched] + 1 + given.edges_lost(watched), old_outputs)
        if inner:
            former = np.empty((rows.size, self.width), np.int32)
            push.round_rows(former.size, totals, rows, count[rows] + 1 + given.edges_lost(rows), former)
        pushing.scatter(given.change, totals)
        push.subtract_edges(given.pairs, given.endpoints, given.former, totals)
        if inner:
            step.former = former[np.searchsorted(rows, step.endpoints)]
            step.changed, step.change = push.changed_messages(totals, rows, count[rows] + np.int64(1), former)
        if hop in self.outputs:
            self._note_outputs(change, hop, graph, watched, old_outputs)

    def _entering(self, graph: Attributed, step: Step) -> tuple[push.Lists, Step]:
        """Return what rows write to, and all that enters a hop."""
        lists = graph.adjacency
        return push.Lists(lists.start, lists.count, lists.neighbours, len(self.messages)), step

    def _note_outputs(
        self, change: OutputChange, hop: int, graph: Attributed, watched: NDArray[np.int64], old: NDArray[np.int32]
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
