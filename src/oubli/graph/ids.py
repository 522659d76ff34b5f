"""Stable external node ids and the slots (row numbers) they stand for.

Slots are the ranks of the ids in ascending order when the graph is built, and never change afterwards, so an order of
slots is an order of external ids: what is computed "in slot order" does not depend on the order of the input.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from oubli.errors import AlreadyRemovedError, InputError, UnknownNodeError
from oubli.graph.ledger import Ledger


def as_id_array(ids: ArrayLike, what: str = "node ids") -> NDArray[Any]:
    """Return `ids` as a one-dimensional int64 or unicode array.

    Raises
    ------
    InputError
        When the ids are neither all integers nor all strings, or not one-dimensional.
    """
    if isinstance(ids, np.ndarray) and ids.dtype != object:
        array = ids
    else:
        listed = _listed(ids)
        kinds = {str if isinstance(i, str) else int if _is_int(i) else type(i) for i in listed}
        if len(kinds) > 1 or (kinds and kinds not in ({int}, {str})):
            names = ", ".join(sorted(k.__name__ for k in kinds))
            raise InputError(f"{what}: ids must be all integers or all strings, got {names}")
        try:
            array = np.array(listed, dtype=np.int64 if kinds == {int} else None if listed else np.int64)
        except OverflowError:
            raise InputError(f"{what}: integer ids must fit 64 bits; use strings for longer ones") from None
    if array.ndim != 1:
        raise InputError(f"{what}: expected a one-dimensional list of ids, got shape {array.shape}")
    if array.dtype.kind in "iu":
        if array.size and array.dtype == np.uint64 and int(array.max()) > np.iinfo(np.int64).max:
            raise InputError(f"{what}: integer ids must fit 64 bits; use strings for longer ones")
        return array.astype(np.int64, copy=False)
    if array.dtype.kind == "U":
        return array
    if array.size == 0:
        return array.astype(np.int64)
    raise InputError(f"{what}: ids must be all integers or all strings, got an array of {array.dtype}")


def as_narrow(array: NDArray[Any]) -> NDArray[Any]:
    """Return strings in the narrowest type that holds them: the width would tell of longer ones that went."""
    if array.dtype.kind != "U":
        return array
    return array.astype(f"U{max(1, int(np.char.str_len(array).max(initial=0)))}", copy=False)


def _listed(ids: Any) -> list[Any]:
    if isinstance(ids, str | bytes) or not hasattr(ids, "__iter__") or getattr(ids, "ndim", 1) == 0:
        return [ids]
    return list(ids)


def _is_int(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool | np.bool_)


class NodeIndex:
    """External ids in ascending order, which of them are still there, and a ledger of what was removed.

    A removed id is overwritten at once; the ledger tells a second request for it from one for an id never seen.
    """

    def __init__(self, ids: NDArray[Any], ledger: Ledger | None = None) -> None:
        if ids.size and np.any(ids[1:] == ids[:-1]):
            twice = ids[1:][ids[1:] == ids[:-1]][0]
            raise InputError(f"node ids: {twice.item()!r} is given more than once; every node needs an id of its own")
        self.ids = as_narrow(ids)
        self.alive = np.ones(ids.size, dtype=bool)
        self.num_alive = int(ids.size)
        self.ledger = Ledger() if ledger is None else ledger
        # Dense integer ids 0..n-1 are the common case: the id is the slot.
        dense = ids.dtype == np.int64 and ids.size > 0 and ids[0] == 0 and ids[-1] == ids.size - 1
        self._dense = bool(dense)

    def copy(self) -> NodeIndex:
        """Return an independent copy."""
        twin = NodeIndex.__new__(NodeIndex)
        twin.__dict__.update(self.__dict__)
        twin.ids, twin.alive, twin.ledger = self.ids.copy(), self.alive.copy(), self.ledger.copy()
        return twin

    def compacted(self) -> NodeIndex:
        """Return an index of the living ids alone, with a copy of the ledger."""
        return NodeIndex(self.living(), self.ledger.copy())

    def living(self) -> NDArray[Any]:
        """Return the ids that are still there, ascending."""
        return self.ids[self.alive]

    def positions(self, wanted: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return the slot of every wanted id and whether it is there (slots of absent ids are meaningless)."""
        if wanted.size == 0 or self.ids.size == 0 or wanted.dtype.kind != self.ids.dtype.kind:
            return np.zeros(wanted.size, np.int64), np.zeros(wanted.size, bool)
        if self._dense:
            slots = np.where((wanted >= 0) & (wanted < self.ids.size), wanted, 0)
            return slots, self.alive[slots] & (slots == wanted)
        slots = np.minimum(np.searchsorted(self.ids, wanted), self.ids.size - 1)
        return slots, (self.ids[slots] == wanted) & self.alive[slots]

    def slots(self, wanted: ArrayLike, what: str = "nodes") -> NDArray[np.int64]:
        """Return the slots of `wanted`.

        Raises
        ------
        UnknownNodeError
            When an id is not there; `AlreadyRemovedError` when it was removed before.
        """
        array = as_id_array(wanted, what)
        found, there = self.positions(array)
        if not there.all():
            raise self.unknown(array[~there], what, mend="leave it out")
        return found

    def unknown(
        self, absent: NDArray[Any], what: str, mend: str = 'leave it out, or pass missing="ignore"'
    ) -> UnknownNodeError:
        """Return the error for ids that are not there; `mend` says what to do about them."""
        gone = absent[self.ledger.knows("nodes", absent)].tolist()
        rest = f" (and {absent.size - 1} more)" if absent.size > 1 else ""
        if gone:
            return AlreadyRemovedError(f"{what}: node {gone[0]!r}{rest} was removed before; {mend}")
        have = "the graph has no nodes left"
        living = self.living()
        if living.size:
            have = f"ids of this graph run from {living[0].item()!r} to {living[-1].item()!r}"
            if absent.dtype.kind != living.dtype.kind:
                have += ", and integers and strings are different ids"
        first = absent.tolist()[0]
        return UnknownNodeError(f"{what}: no node {first!r}{rest} in the graph; {have}; {mend}")

    def remove(self, slots: NDArray[np.int64]) -> None:
        """Forget the ids in `slots`; the ledger keeps hashes of them."""
        if slots.size == 0:
            return
        self.ledger.remember("nodes", self.ids[slots])
        self.alive[slots] = False
        self.num_alive -= int(slots.size)
        if not self._dense:
            self._overwrite(slots)

    def _overwrite(self, slots: NDArray[np.int64]) -> None:
        # A dead slot takes the id of the living slot before it, or the smallest value at the head: the array stays
        # sorted, a binary search still lands on the living slot (the leftmost), and no removed id is left in it.
        smallest: Any = "" if self.ids.dtype.kind == "U" else np.iinfo(np.int64).min
        for slot in np.sort(slots).tolist():
            left = self.ids[slot - 1] if slot else smallest
            # Stops where this pass has been: neighbours that go together are overwritten once, not once each.
            while slot < self.ids.size and not self.alive[slot] and self.ids[slot] != left:
                self.ids[slot] = left
                slot += 1
