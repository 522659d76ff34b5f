"""Hops over the own rows of a part; what others own arrives before each hop."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from oubli.engines.base import Recipe
from oubli.engines.dask.part import Part
from oubli.propagation import Attributed, Propagation
from oubli.propagation import hop as kernels
from oubli.propagation.change import OutputChange, Step
from oubli.propagation.push import Lists, no_marks
from oubli.propagation.quantise import CHUNK
from oubli.propagation.storage import Storage


@dataclass
class Parcel:
    """Rows that one shard sends another.

    Attributes
    ----------
    slots : ndarray of int32
    rows : ndarray, shape (slots, width)
        Changes of messages, or messages.
    end_slots : ndarray of int32
    end_rows : ndarray of int32, shape (end_slots, width)
        Former messages of endpoints of edges that go.
    """

    slots: NDArray[np.int32]
    rows: NDArray[Any]
    end_slots: NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    end_rows: NDArray[np.int32] = field(default_factory=lambda: np.empty((0, 0), np.int32))

    @property
    def count(self) -> int:
        """How many rows it holds."""
        return self.slots.size + self.end_slots.size

    @property
    def bytes(self) -> int:
        """What its arrays take."""
        return self.slots.nbytes + self.rows.nbytes + self.end_slots.nbytes + self.end_rows.nbytes


class ShardPropagation(Propagation):
    """The propagation of one part.

    Parameters
    ----------
    recipe : Recipe
    part : Part
    storage : Storage
    """

    def __init__(self, recipe: Recipe, part: Part, storage: Storage) -> None:
        super().__init__(recipe.operator, recipe.hops, recipe.outputs, recipe.quantiser, storage)
        self.part = part
        self._ends = np.empty(0, np.int64)
        self._arrived = (np.empty(0, np.int64), np.empty((0, 0), np.int32), np.empty((0, 0), np.int32))

    def measure(self) -> tuple[int, int]:
        """Quantise all rows; return the bound of their values and the largest degree."""
        self.messages, bound = self.quantiser.all_rows(
            self.part.table, lambda slots: self._message_scale(self.part, slots)
        )
        return bound, int(self.part.adjacency.count[: self.part.size].max(initial=0)) + 1

    def settle_kinds(self, messages: DTypeLike, totals: DTypeLike) -> None:
        """Take the types that all shards share, and make room for the totals."""
        self.messages = self.messages.astype(messages, copy=False)
        self.totals = [np.zeros(self.messages.shape, totals) for _ in range(self.hops)]
        self._marks = no_marks(len(self.messages))

    def entering(self, hop: int, rows: NDArray[np.int64]) -> NDArray[Any]:
        """Return the messages of own rows that enter a hop."""
        if hop == 1:
            return self.messages[rows]
        out = np.empty((rows.size, self.width), self.messages.dtype)
        kernels.round_all(out.size, self.totals[hop - 2][rows], self.part.adjacency.count[rows], out)
        return out

    def whole_hop(self, hop: int, parcels: Iterable[Parcel]) -> None:
        """Sum a hop's messages, those of the halo having arrived."""
        part, lists = self.part, self.part.adjacency
        m, messages = part.size, np.zeros((part.adjacency.count.size, self.width), self.messages.dtype)
        for first in range(0, m, CHUNK):
            rows = np.arange(first, min(m, first + CHUNK))
            messages[rows] = self.entering(hop, rows)
        for parcel in parcels:
            places, sent = self._known(parcel)
            messages[places] = sent
        none = np.empty((0, self.width), messages.dtype)
        work = (lists.num_arcs + m) * self.width
        kernels.full_hop(work, lists.start[:m], lists.count[:m], lists.neighbours, messages, self.totals[hop - 1], none)

    def push(
        self,
        hop: int,
        step: Step,
        ends: NDArray[np.int64],
        parcels: Iterable[Parcel],
        change: OutputChange,
        wanted: NDArray[np.bool_],
    ) -> None:
        """Carry a step through a hop, with what arrived of the halo; `ends` are endpoints in the halo."""
        part = self.part
        former = np.zeros((ends.size, self.width), np.int32)
        slots, changes = [np.empty(0, np.int64)], [np.empty((0, self.width), np.int32)]
        for parcel in parcels:
            rows, sent = self._known(parcel)
            slots.append(rows)
            changes.append(sent)
            if parcel.end_slots.size:
                former[np.searchsorted(ends, part.number(parcel.end_slots.astype(np.int64)))] = parcel.end_rows
        self._ends, self._arrived = ends, (np.concatenate(slots), np.concatenate(changes), former)
        self._push(hop, part, step, change, wanted)

    def _known(self, parcel: Parcel) -> tuple[NDArray[np.int64], NDArray[Any]]:
        # An owner that was not rebuilt may send rows to one that was, and knows them no more: their last edge went.
        known = self.part.known(parcel.slots)
        return self.part.number(parcel.slots[known].astype(np.int64)), parcel.rows[known]

    def _entering(self, graph: Attributed, step: Step) -> tuple[Lists, Step]:
        """Return own receivers: from own rows along edges within, from the halo along its own; and all that enters."""
        part = self.part
        slots, changes, former = self._arrived
        joined = Step(
            np.concatenate([step.changed, slots]),
            np.concatenate([step.change, changes]),
            np.concatenate([step.former, former]),
            np.concatenate([step.endpoints, self._ends]),
            step.pairs,
        )
        return Lists(part.adjacency.start, part.inner, part.adjacency.neighbours, part.size), joined
