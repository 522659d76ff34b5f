"""Rows of the training nodes as they were last computed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class TrainingRows:
    """Rows by slot, of the slots that trained when they were first written.

    Parameters
    ----------
    slots : ndarray of int64
        Ascending.
    rows : ndarray of int16, shape (slots, width)
    """

    def __init__(self, slots: NDArray[np.int64], rows: NDArray[np.int16]) -> None:
        self._slots, self._rows = slots, rows

    def of(self, slots: NDArray[np.int64]) -> NDArray[np.int16]:
        """Return the rows of some of them."""
        return self._rows[np.searchsorted(self._slots, slots)]

    def drop(self, slots: NDArray[np.int64]) -> NDArray[np.int16]:
        """Return the rows of nodes that train no longer, and keep nothing of them."""
        rows = self.of(slots)
        self._rows[np.searchsorted(self._slots, slots)] = 0
        return rows

    def replace(self, slots: NDArray[np.int64], rows: NDArray[np.int16]) -> tuple[NDArray[np.int64], NDArray[np.int16]]:
        """Write rows; return the slots where they differ from what was there, and what that was."""
        former = self.of(slots)
        differs = (rows != former).any(axis=1)
        self._rows[np.searchsorted(self._slots, slots)] = rows
        return slots[differs], former[differs]
