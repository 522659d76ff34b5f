"""What a removal changes in a shard, kept until the removal is certain."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oubli.propagation.storage import Storage


class Undo:
    """Steps back, the last change first."""

    def __init__(self) -> None:
        self._steps: list[Callable[[], None]] = []
        self.bytes = 0

    def keep(self, array: NDArray[Any], places: NDArray[np.int64]) -> None:
        """Keep entries or rows of an array, which are about to change."""
        former = array[places]
        self.bytes += former.nbytes + places.nbytes

        def back() -> None:
            array[places] = former

        self._steps.append(back)

    def later(self, step: Callable[[], None]) -> None:
        """Keep another step back."""
        self._steps.append(step)

    def roll_back(self) -> None:
        """Take all changes back."""
        while self._steps:
            self._steps.pop()()


class UndoStorage(Storage):
    """Arrays in memory whose rows are kept before they change, while there is an `undo`."""

    undo: Undo | None = None

    def before(self, name: str, array: NDArray[Any], rows: NDArray[np.int64]) -> None:
        """Keep rows of an array."""
        if self.undo is not None:
            self.undo.keep(array, rows)
