"""Distinct values by sorting: NumPy's own way hashes integers, which is many times slower on large arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

MANY = 10_000
"""Values from which marking small integers is quicker than sorting them."""


def distinct(*values: NDArray[Any]) -> NDArray[Any]:
    """Return the distinct values of all arrays, ascending."""
    ordered = np.sort(values[0] if len(values) == 1 else np.concatenate(values), kind="stable")
    if ordered.size < 2:
        return ordered
    first = np.ones(ordered.size, bool)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    return ordered[first]


def distinct_slots(slots: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return distinct slots, ascending; of many, by marking them."""
    if slots.size < MANY:
        return distinct(slots.ravel())
    seen = np.zeros(int(slots.max()) + 1, bool)
    seen[slots.ravel()] = True
    return np.flatnonzero(seen)
