"""Rows as they were: read once, before a removal first changes them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray


class Former:
    """Wanted rows of an embedding, kept as they were.

    Parameters
    ----------
    read : callable
        Returns the rows of slots as they are.
    wanted : ndarray of bool
        Mask over slots.
    noted : ndarray of int64
        For each slot the last removal that noted it, kept between removals so that none has to clear it.
    epoch : int
        Of this removal; no other has the same.
    """

    def __init__(
        self,
        read: Callable[[NDArray[np.int64]], NDArray[np.float64]],
        wanted: NDArray[np.bool_],
        noted: NDArray[np.int64],
        epoch: int,
    ) -> None:
        self._read, self._wanted, self._noted, self._epoch = read, wanted, noted, epoch
        self._slots = [np.empty(0, np.int64)]
        self._rows = [read(self._slots[0])]

    def note(self, slots: NDArray[np.int64]) -> None:
        """Keep the rows of those `slots` that are wanted and have not been kept yet."""
        fresh = slots[self._wanted[slots] & (self._noted[slots] != self._epoch)]
        if fresh.size:
            self._noted[fresh] = self._epoch
            self._slots.append(fresh)
            self._rows.append(self._read(fresh))

    def ordered(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the slots, ascending, and their rows."""
        slots = np.concatenate(self._slots)
        order = np.argsort(slots)
        place = np.empty_like(order)
        place[order] = np.arange(order.size)
        rows = np.empty((slots.size, self._rows[0].shape[1]))
        first = 0
        # Straight to their places: of a large change, one copy instead of two.
        for part in self._rows:
            rows[place[first : first + len(part)]] = part
            first += len(part)
        return slots[order], rows
