"""The state of one part on a worker, and what it is asked to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from oubli.engines.base import Recipe
from oubli.engines.dask.carry import Carry, Report, Share
from oubli.engines.dask.hops import Parcel, ShardPropagation
from oubli.engines.dask.part import Part
from oubli.engines.dask.undo import UndoStorage
from oubli.engines.sums import add_rows
from oubli.errors import OubliError
from oubli.solve import ExactGram


@dataclass(frozen=True)
class Sums:
    """Sums of rows on their way to the client.

    Attributes
    ----------
    rows : int
        Training rows that changed, or were summed.
    gram : ExactGram or None
    """

    rows: int
    gram: ExactGram | None = None


class Shard:
    """Rows of one part: messages, totals, and what is needed to change them.

    Parameters
    ----------
    part : Part
    recipe : Recipe
    """

    def __init__(self, part: Part, recipe: Recipe) -> None:
        self.part, self.recipe = part, recipe
        self.storage = UndoStorage()
        self.propagation = ShardPropagation(recipe, part, self.storage)
        self.carry: Carry | None = None
        self.closed = 0
        self.stale = True

    def peers(self) -> tuple[int, ...]:
        """Return the parts that need rows of this one."""
        return self.part.peers

    def measure(self) -> tuple[int, int]:
        """Quantise all rows; return the bound of their values and the largest degree."""
        return self.propagation.measure()

    def settle_kinds(self, messages: DTypeLike, totals: DTypeLike) -> None:
        """Take the types that all shards share."""
        self.propagation.settle_kinds(messages, totals)

    def take_over(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Take over rows that were saved."""
        self.propagation.restore(arrays)
        self.stale = False

    def entering(self, hop: int, other: int) -> Parcel:
        """Return the messages that enter a hop, of the rows that another part needs."""
        rows = np.flatnonzero(self.part.beside(np.arange(self.part.size), other))
        return Parcel(self.part.own[rows], self.propagation.entering(hop, rows))

    def whole_hop(self, attempt: int, hop: int, parcels: list[Parcel]) -> Report:
        """Compute a hop whole; in a removal unless `attempt` is 0."""
        if attempt:
            self._open(attempt).overwritten = True
        self.stale = True
        self.propagation.whole_hop(hop, parcels)
        self.stale = hop < self.propagation.hops
        rows, size = sum(p.count for p in parcels), sum(p.bytes for p in parcels)
        return Report(0, False, (), self.part.size, rows, size)

    def sum_rows(self) -> Sums:
        """Sum all training rows."""
        slots = np.flatnonzero(self.part.codes >= 0)
        gram = self.recipe.empty_gram(self.part)
        return Sums(slots.size, add_rows(gram, self._embed_rows, self.part.codes, slots))

    def begin(self, attempt: int, share: Share, whole: bool) -> Report:
        """Begin a removal."""
        carry = self._open(attempt)
        report: Report = carry.once("begin", lambda: carry.begin(share, whole))
        return report

    def parcel(self, attempt: int, hop: int, other: int) -> Parcel:
        """Return what another shard is to know before a hop of a removal."""
        return self._open(attempt).parcel(hop, other)

    def push(self, attempt: int, hop: int, parcels: list[Parcel]) -> Report:
        """Carry a removal through a hop."""
        carry = self._open(attempt)
        report: Report = carry.once(hop, lambda: carry.push(hop, parcels))
        return report

    def finish(self, attempt: int, whole: bool, sums: bool) -> Sums:
        """Come to the end of a removal but for its confirmation; return what the sums gain, or all of them if whole."""
        carry = self._open(attempt)

        def finish() -> Sums:
            changed = carry.finish(whole)
            if sums and not whole:
                gram = self.recipe.empty_gram(self.part)
                return Sums(changed.size, carry.exchange(gram, self._embed_rows, changed))
            carry.drop_labels()
            return self.sum_rows() if sums else Sums(changed.size)

        result: Sums = carry.once("finish", finish)
        return result

    def settle(self, committed: int, latest: int) -> bool:
        """Keep what removals up to `committed` did, take back any other, and hear no more of those up to `latest`.

        Returns whether the totals have to be computed anew.
        """
        if self.carry is not None and self.carry.attempt > committed:
            self.carry.undo.roll_back()
            self.stale = self.stale or self.carry.overwritten
        self.carry = self.storage.undo = None
        self.closed = latest
        return self.stale

    def embed(self, slots: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return embedded rows."""
        return self._embed_rows(self.part.number(slots))

    def rows(self, name: str, slots: NDArray[np.int64]) -> NDArray[Any]:
        """Return rows of the stored arrays."""
        found: NDArray[Any] = self.propagation.stored()[name][self.part.number(slots)]
        return found

    def memory(self) -> dict[str, int]:
        """Return the bytes it holds, by what they are for."""
        found = {name: sum(a.nbytes for a in arrays) for name, arrays in self.part.arrays().items()}
        found |= {name: array.nbytes for name, array in self.propagation.stored().items()}
        found["undo"] = 0 if self.carry is None else self.carry.undo.bytes
        return found

    def _embed_rows(self, rows: NDArray[np.int64]) -> NDArray[np.int32]:
        return self.propagation.embed(self.part, rows)

    def _open(self, attempt: int) -> Carry:
        if attempt <= self.closed:
            raise OubliError(f"dask: step of removal {attempt}, which was given up")
        if self.carry is None:
            self.carry = Carry(attempt, self.propagation)
            self.storage.undo = self.carry.undo
        return self.carry
