"""The statistics of embedded training rows: summed anew, or brought up to date with what changed."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from oubli.propagation import OutputChange
from oubli.solve import ExactGram

CHUNK = 8192

Embed = Callable[[NDArray[np.int64]], NDArray[np.int32]]


def add_rows(gram: ExactGram, embed: Embed, codes: NDArray[np.int32], slots: NDArray[np.int64]) -> ExactGram:
    """Add the rows of training `slots`, a part at a time."""
    for first in range(0, slots.size, CHUNK):
        part = slots[first : first + CHUNK]
        gram.update(embed(part), codes[part])
    return gram


def exchange_rows(
    gram: ExactGram,
    embed: Embed,
    codes: NDArray[np.int32],
    change: OutputChange,
    changed: NDArray[np.int64],
    gone: NDArray[np.int64],
) -> ExactGram:
    """Take back `changed` training rows as they were and add them as they are, without those `gone`.

    The codes of those gone become -1.
    """
    new, labels = embed(changed), codes[changed]
    gram.revert(change.before(changed, new), labels)
    codes[gone] = -1
    stays = codes[changed] >= 0
    return gram.update(new[stays], labels[stays])
