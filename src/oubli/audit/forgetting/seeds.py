"""Seeds of all that an audit draws, each its own."""

from __future__ import annotations

from zlib import crc32

import numpy as np


def derived_seed(seed: int, *words: str) -> int:
    """Return a seed below 2**32 that depends on `seed` and on the words, in their order, and on nothing else."""
    return int(np.random.SeedSequence([seed, *(crc32(word.encode()) for word in words)]).generate_state(1)[0])
