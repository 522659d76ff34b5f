"""Stable external node ids and the slots (row numbers) they stand for.

Slots never change after the graph is built. They are the ranks of the ids in ascending order, so what is computed "in
slot order" does not depend on the order of the input; where slots are in another order, for the sake of locality, the
index keeps the slots in ascending order of the ids.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from oubli.errors import AlreadyRemovedError, InputError, UnknownNodeError
from oubli.graph.foreign import as_numpy
from oubli.graph.ledger import Ledger

MAX_LENGTH = 1024
"""Characters of an id at most: NumPy gives every string the room of the longest."""

SURROGATES = (0xD800, 0xDFFF)
BLOCK = 1 << 22


def as_id_array(ids: ArrayLike, what: str = "node ids") -> NDArray[Any]:
    """Return `ids` as a one-dimensional int64 or unicode array.

    Raises
    ------
    InputError
        When the ids are neither all integers nor all strings, a string cannot be kept as it is (see `text_fault`), or
        the ids are not one-dimensional.
    """
    ids = as_numpy(ids)
    if isinstance(ids, np.ndarray) and (ids.dtype.kind not in "OT" or ids.ndim != 1):
        array = ids
    else:
        listed = _listed(ids)
        kinds = {str if isinstance(i, str) else int if _is_int(i) else type(i) for i in listed}
        if len(kinds) > 1 or (kinds and kinds not in ({int}, {str})):
            names = ", ".join(sorted(k.__name__ for k in kinds))
            raise InputError(f"{what}: ids must be all integers or all strings, got {names}")
        if kinds == {str}:
            _check_texts(listed, what)
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
        _check_text_array(array, what)
        return array
    if array.size == 0:
        return array.astype(np.int64)
    raise InputError(f"{what}: ids must be all integers or all strings, got an array of {array.dtype}")


def as_pairs(edges: Any, what: str = "edges") -> NDArray[Any]:
    """Return pairs of ids as an array of shape (pairs, 2).

    Raises
    ------
    InputError
        When an entry is no pair, or its ids are none.
    """
    if sp.issparse(edges):
        raise InputError(f"{what}: got a sparse matrix; give its coordinates, numpy.column_stack(matrix.nonzero())")
    given = as_numpy(edges)
    if isinstance(given, np.ndarray):
        if given.ndim == 2 and given.shape[1] == 2:
            return as_id_array(given.ravel(), what).reshape(-1, 2)
        if given.size or given.ndim == 0:
            hint = "; transpose it" if given.ndim == 2 and given.shape[0] == 2 else ""
            raise InputError(f"{what}: expected shape (edges, 2), got {given.shape}{hint}")
        given = ()
    if isinstance(given, str | bytes | bytearray) or not hasattr(given, "__iter__"):
        raise InputError(f"{what}: expected a list of pairs of node ids, got {given!r}; write [(u, v)]")
    listed = list(given)
    for at, pair in enumerate(listed):
        if not _is_pair(pair):
            raise InputError(f"{what}: entry {at} is {pair!r}; expected a pair of node ids")
    return as_id_array([end for pair in listed for end in pair], what).reshape(-1, 2)


def text_fault(text: str) -> str | None:
    """Return what keeps a text from being kept, for a message, or None."""
    if len(text) > MAX_LENGTH:
        return f"is longer than {MAX_LENGTH:,} characters"
    if "\0" in text:
        return "holds a NUL character, which arrays of strings drop at the end"
    if any(SURROGATES[0] <= ord(letter) <= SURROGATES[1] for letter in text):
        return "holds a lone surrogate, so it is no text in UTF-8"
    return None


def _check_texts(texts: list[str], what: str) -> None:
    # Before they become an array, which drops a NUL at the end and gives all of them the room of the longest.
    if "\0" in "".join(texts) or max(map(len, texts)) > MAX_LENGTH:
        raise _unfit(next(text for text in texts if text_fault(text)), what)


def _check_text_array(array: NDArray[Any], what: str) -> None:
    width = array.dtype.itemsize // 4
    rows = max(1, BLOCK // max(1, width))
    for start in range(0, array.size if width else 0, rows):
        block = np.ascontiguousarray(array[start : start + rows], array.dtype.newbyteorder("="))
        letters = block.view(np.uint32).reshape(-1, width)
        bad = ((letters >= SURROGATES[0]) & (letters <= SURROGATES[1])).any(axis=1)
        bad |= ((letters[:, :-1] == 0) & (letters[:, 1:] != 0)).any(axis=1)
        bad |= letters[:, MAX_LENGTH:].any(axis=1)
        if bad.any():
            raise _unfit(block[bad][0].item(), what)


def _unfit(text: str, what: str) -> InputError:
    shown = repr(text if len(text) <= 40 else f"{text[:40]}...")
    return InputError(f"{what}: {shown} {text_fault(text)}; give it another name")


def _is_pair(value: Any) -> bool:
    if isinstance(value, str | bytes | bytearray) or getattr(value, "ndim", 1) == 0:
        return False
    return hasattr(value, "__len__") and len(value) == 2


def as_narrow(array: NDArray[Any]) -> NDArray[Any]:
    """Return strings in the narrowest type that holds them: the width would tell of longer ones that went."""
    if array.dtype.kind != "U":
        return array
    return array.astype(f"U{max(1, int(np.char.str_len(array).max(initial=0)))}", copy=False)


def _listed(ids: Any) -> list[Any]:
    if isinstance(ids, str | bytes | bytearray) or not hasattr(ids, "__iter__") or getattr(ids, "ndim", 1) == 0:
        return [ids]
    return list(ids)


def _is_int(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool | np.bool_)


class NodeIndex:
    """External ids by slot, which of them are still there, and a ledger of what was removed.

    A removed id is overwritten at once; the ledger tells a second request for it from one for an id never seen.

    Parameters
    ----------
    ids : ndarray of int64 or unicode
        Ascending, unless there is an `order`.
    ledger : Ledger, optional
    alive : ndarray of bool, optional
        Which are still there, in an index that was kept; all of them without it.
    order : ndarray of int64, optional
        Slots in ascending order of their ids, where slots are in another.
    """

    def __init__(
        self,
        ids: NDArray[Any],
        ledger: Ledger | None = None,
        alive: NDArray[np.bool_] | None = None,
        order: NDArray[np.int64] | None = None,
    ) -> None:
        if alive is None:
            _check_ascending(ids, order)
        # Those of an index that was kept may be a file's, which a copy would part from it.
        self.ids = as_narrow(ids) if alive is None else ids
        self.alive = np.ones(ids.size, dtype=bool) if alive is None else alive
        self.num_alive = int(np.count_nonzero(self.alive))
        self.ledger = Ledger() if ledger is None else ledger
        self.order = order
        self._dense = self._is_dense()

    def _is_dense(self) -> bool:
        """Tell whether the ids are, or were, 0..n-1, the common case: the id is then the place in ascending order."""
        if self.ids.dtype != np.int64 or self.ids.size == 0:
            return False
        last = self.ids.size - 1
        if self.ids[self._at(0)] != 0 or self.ids[self._at(last)] != last:
            return False
        # Ids that were overwritten can reach from 0 to n-1 too, but some are then there twice.
        gone = np.flatnonzero(~(self.alive if self.order is None else self.alive[self.order]))
        return not np.any(self.ids[self._at(gone)] == self.ids[self._at(gone - 1)])

    def _at(self, places: Any) -> Any:
        """Return the slots at places in ascending order of the ids."""
        return places if self.order is None else self.order[places]

    def copy(self) -> NodeIndex:
        """Return an independent copy."""
        twin = NodeIndex.__new__(NodeIndex)
        # The order holds no ids and is never written to, so copies share it.
        twin.__dict__.update(self.__dict__)
        twin.ids, twin.alive, twin.ledger = self.ids.copy(), self.alive.copy(), self.ledger.copy()
        return twin

    def compacted(self) -> NodeIndex:
        """Return an index of the living ids alone, ascending, with a copy of the ledger."""
        return NodeIndex(self.living(), self.ledger.copy())

    def living(self) -> NDArray[Any]:
        """Return the ids that are still there, ascending."""
        return self.ids[self.alive] if self.order is None else self.ids[self.living_slots()]

    def living_slots(self) -> NDArray[np.int64]:
        """Return the slots of the ids that are still there, in ascending order of the ids."""
        return np.flatnonzero(self.alive) if self.order is None else self.order[self.alive[self.order]]

    def ascending(self, slots: NDArray[Any]) -> NDArray[Any]:
        """Return slots of living ids, which are given in ascending order, in that of their ids."""
        return slots if self.order is None else slots[np.argsort(self.ids[slots], kind="stable")]

    def ranks(self) -> NDArray[np.int64]:
        """Return by slot its place among the living ids in ascending order (meaningless where there is none)."""
        if self.order is None:
            return np.cumsum(self.alive) - 1
        ranks = np.empty(self.ids.size, np.int64)
        ranks[self.order] = np.cumsum(self.alive[self.order]) - 1
        return ranks

    def positions(self, wanted: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        """Return the slot of every wanted id and whether it is there (slots of absent ids are meaningless)."""
        if wanted.size == 0 or self.ids.size == 0 or wanted.dtype.kind != self.ids.dtype.kind:
            return np.zeros(wanted.size, np.int64), np.zeros(wanted.size, bool)
        if self._dense and self.order is None:
            slots = np.where((wanted >= 0) & (wanted < self.ids.size), wanted, 0)
            return slots, self.alive[slots] & (slots == wanted)
        if self._dense:
            places = np.where((wanted >= 0) & (wanted < self.ids.size), wanted, 0)
        else:
            places = np.minimum(np.searchsorted(self.ids, wanted, sorter=self.order), self.ids.size - 1)
        slots = self._at(places)
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
        if self._overwrites:
            self._overwrite(slots)

    @property
    def _overwrites(self) -> bool:
        # Where the id is the slot, there is nothing to overwrite it with.
        return not self._dense or self.order is not None

    def overwritten(self, slots: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the slots whose `ids` `remove` would write to: dead ones that follow take the same id."""
        if not self._overwrites:
            return slots[:0]
        places = set(self._places(slots).tolist())
        for place in sorted(places):
            after = place + 1
            while after < self.ids.size and not self.alive[self._at(after)] and after not in places:
                places.add(after)
                after += 1
        return np.sort(self._at(np.array(sorted(places), np.int64)))

    def _places(self, slots: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the places of slots in ascending order of the ids, before these are overwritten."""
        return slots if self.order is None else np.searchsorted(self.ids, self.ids[slots], sorter=self.order)

    def _overwrite(self, slots: NDArray[np.int64]) -> None:
        # A dead slot takes the id of the living slot before it, or the smallest value at the head: ids stay in order,
        # a binary search still lands on the living slot (the leftmost), and no removed id is left.
        smallest: Any = "" if self.ids.dtype.kind == "U" else np.iinfo(np.int64).min
        for place in np.sort(self._places(slots)).tolist():
            left = self.ids[self._at(place - 1)] if place else smallest
            # Stops where this pass has been: neighbours that go together are overwritten once, not once each.
            while place < self.ids.size and not self.alive[self._at(place)] and self.ids[self._at(place)] != left:
                self.ids[self._at(place)] = left
                place += 1


def _check_ascending(ids: NDArray[Any], order: NDArray[np.int64] | None) -> None:
    """Refuse ids that are there twice, and an order that is none, without a copy of them all."""
    if order is not None and order.size != ids.size:
        raise InputError(f"node ids: an order of {order.size} slots for {ids.size} ids; import the graph again")
    for first in range(0, ids.size, BLOCK):
        block = ids[max(0, first - 1) : first + BLOCK]
        if order is not None:
            places = order[max(0, first - 1) : first + BLOCK]
            if np.any((places < 0) | (places >= ids.size)) or np.any(ids[places[1:]] < ids[places[:-1]]):
                raise InputError("node ids: the order of the slots is damaged; import the graph again")
            block = ids[places]
        if np.any(block[1:] == block[:-1]):
            twice = block[1:][block[1:] == block[:-1]][0]
            raise InputError(f"node ids: {twice.item()!r} is given more than once; every node needs an id of its own")
