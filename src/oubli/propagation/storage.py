"""Where the arrays of a propagation are, and who is told before they change."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


class Storage:
    """Arrays in memory, of which no former state is kept; the base of other places to keep them."""

    def empty(self, name: str, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """Return an array to be filled, which lasts; one of the same name before it is given up."""
        return np.empty(shape, dtype)

    def spare(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """Return an array for what lies between two hops."""
        return np.empty(shape, dtype)

    def renew(self, name: str, array: NDArray[Any]) -> NDArray[Any]:
        """Return the array to write when all of `array` is computed anew: the same one, here."""
        return array

    def before(self, name: str, array: NDArray[Any], rows: NDArray[np.int64]) -> None:
        """Take notice that rows of an array are about to change."""


MEMORY = Storage()
