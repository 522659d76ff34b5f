"""One removal in one shard, hop by hop, until it is certain or taken back."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oubli.engines.dask.hops import Parcel, ShardPropagation
from oubli.engines.dask.undo import Undo
from oubli.engines.sums import Embed, exchange_rows
from oubli.graph.distinct import distinct, distinct_slots
from oubli.propagation import push
from oubli.propagation.change import OutputChange, Step
from oubli.solve import ExactGram


@dataclass(frozen=True)
class Share:
    """A shard's share of a removal, in slots.

    Attributes
    ----------
    pairs : ndarray of int64, shape (edges, 2)
        Edges that go, with at least one end here.
    wiped : ndarray of int64
        Rows of features that go.
    gone : ndarray of int64
        Nodes whose label goes, or that go.
    """

    pairs: NDArray[np.int64] = field(default_factory=lambda: np.empty((0, 2), np.int64))
    wiped: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    gone: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))


@dataclass(frozen=True)
class Report:
    """What a shard says after a step.

    Attributes
    ----------
    arcs : int
        Along how many arcs its changed rows would push.
    busy : bool
        Whether it has part in the next hop, whatever arrives.
    parcels : tuple of int
        The shards that something is to be sent to.
    reached : int
        Rows it looked at.
    rows, bytes : int
        What had arrived.
    """

    arcs: int
    busy: bool
    parcels: tuple[int, ...]
    reached: int = 0
    rows: int = 0
    bytes: int = 0


class Carry:
    """A removal being carried through a shard.

    Parameters
    ----------
    attempt : int
        Its number.
    propagation : ShardPropagation
    """

    def __init__(self, attempt: int, propagation: ShardPropagation) -> None:
        self.attempt, self.propagation, self.part = attempt, propagation, propagation.part
        self.undo, self.overwritten = Undo(), False
        self._peers = self.part.peers
        self._trained = self.part.codes >= 0
        self._change = OutputChange()
        self._gone = self._ends = np.empty(0, np.int64)
        nothing = np.empty((0, propagation.width), np.int32)
        self._step = Step(self._gone, nothing, nothing, self._gone, np.empty((0, 2), np.int64))
        self._replies: dict[Any, Any] = {}
        self._outboxes: dict[int, dict[int, Parcel]] = {}

    def once(self, name: Any, compute: Callable[[], Any]) -> Any:
        """Return what was computed under this name, computing it now if it was not: Dask may ask twice."""
        if name not in self._replies:
            self._replies[name] = compute()
        return self._replies[name]

    def begin(self, share: Share, whole: bool) -> Report:
        """Take edges, features and degrees into account, and tell what enters the first hop."""
        part, propagation = self.part, self.propagation
        pairs = part.number(share.pairs)
        wiped, gone = part.number(share.wiped), part.number(share.gone)
        ends = distinct_slots(pairs) if pairs.size else self._ends
        ours, self._ends = ends[ends < part.size], ends[ends >= part.size]
        self._gone = gone[self._trained[gone]]
        sources = distinct(wiped, ours) if propagation.operator.rho else wiped
        first = propagation.note(part, sources, ours, pairs, self._trained)
        part.remove(pairs, self.undo)
        part.wipe(wiped, self.undo)
        self._step = first(self._change)
        return self._report(0 if not whole else propagation.hops)

    def push(self, hop: int, parcels: list[Parcel]) -> Report:
        """Carry what is here and what arrived through a hop."""
        self._pad(hop)
        before = len(self._change.reached)
        self.propagation.push(hop, self._step, self._ends, parcels, self._change, self._trained)
        reached = sum(self._change.reached[before:])
        return self._report(hop, reached, parcels)

    def parcel(self, hop: int, other: int) -> Parcel:
        """Return what another shard is to know before a hop."""
        return self._outboxes[hop][other]

    def finish(self, whole: bool) -> NDArray[np.int64]:
        """Return the training rows that changed or went, ascending; of a whole computation, those that went."""
        self._pad(self.propagation.hops + 1)
        return self._gone if whole else distinct(self._gone, *self._change.rows)

    def exchange(self, gram: ExactGram, embed: Embed, changed: NDArray[np.int64]) -> ExactGram:
        """Take back the rows that changed or went in a gram, and add those that stay."""
        self.undo.keep(self.part.codes, self._gone)
        return exchange_rows(gram, embed, self.part.codes, self._change, changed, self._gone)

    def drop_labels(self) -> None:
        """Take the nodes whose label goes out of training."""
        self.part.drop_codes(self._gone, self.undo)

    def _pad(self, hop: int) -> None:
        """Note, for output hops before this one that had nothing to do here, that nothing changed."""
        outputs = sum(output < hop for output in self.propagation.outputs)
        for _ in range(outputs - len(self._change.rows)):
            self._change.rows.append(np.empty(0, np.int64))
            self._change.former.append(np.empty((0, self.propagation.width), np.int32))

    def _report(self, done: int, reached: int = 0, arrived: Iterable[Parcel] = ()) -> Report:
        """Pack what others are to know before the hop after the one done, and tell of it."""
        step, count = self._step, self.part.adjacency.count
        outbox = {}
        if done < self.propagation.hops:
            outbox = {other: packed for other in self._peers if (packed := self._packed(other)).count}
        # What was packed before the hop just done may still be on its way to others.
        self._outboxes = {hop: packed for hop, packed in self._outboxes.items() if hop == done} | {done + 1: outbox}
        return Report(
            arcs=int(push.count_arcs(count, step.changed)),
            busy=bool(step.changed.size or step.endpoints.size),
            parcels=tuple(outbox),
            reached=reached,
            rows=sum(parcel.count for parcel in arrived),
            bytes=sum(parcel.bytes for parcel in arrived),
        )

    def _packed(self, other: int) -> Parcel:
        part, step = self.part, self._step
        chosen = np.flatnonzero(part.beside(step.changed, other))
        ends = self._ends_toward(other)
        return Parcel(
            part.own[step.changed[chosen]],
            step.change[chosen].astype(np.int32, copy=False),
            part.own[step.endpoints[ends]],
            step.former[ends],
        )

    def _ends_toward(self, other: int) -> NDArray[np.int64]:
        """Return the places among the endpoints of those that lose an edge to another part."""
        pairs, m = self._step.pairs, self.part.size
        across = pairs[(pairs >= m).any(axis=1)]
        if not across.size:
            return np.empty(0, np.int64)
        ours, theirs = across.min(axis=1), across.max(axis=1)
        toward = self.part.halo_owners[theirs - m] == other
        return np.searchsorted(self._step.endpoints, distinct(ours[toward]))
