"""Dropout from a generator of its own: one seed, one run, and several times as quick as torch's on a CPU."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
import torch
from numpy.typing import NDArray

from oubli.baselines.products import Inputs, SparseMatrix

STEPS = 256
"""Shares are rounded to a 256th: a byte an entry decides."""


class Dropout:
    """Zero a share of the entries at random, and enlarge the others by as much.

    Parameters
    ----------
    seed : int
    """

    def __init__(self, seed: int) -> None:
        self._random = np.random.SFC64(seed)

    def __call__(self, inputs: Inputs, share: float) -> Inputs:
        """Return the inputs with a share of them dropped; of a sparse matrix, a share of its non-zeros."""
        if not share:
            return inputs
        if isinstance(inputs, SparseMatrix):
            return inputs.masked(self.factors((inputs.rows.nnz,), share))
        return inputs * torch.from_numpy(self.factors(tuple(inputs.shape), share))

    def factors(self, shape: tuple[int, ...], share: float) -> NDArray[np.float32]:
        """Return the factor of each entry."""
        count = int(np.prod(shape))
        words: Any = self._random.random_raw(-(-count // 8))
        factors = np.empty(count, np.float32)
        dropped = round(share * STEPS)
        _fill(words.view(np.uint8), dropped, np.float32(STEPS / (STEPS - dropped)), factors)
        return factors.reshape(shape)


@nb.njit(cache=True)
def _fill(draws, dropped, factor, factors):  # type: ignore[no-untyped-def]
    for k in range(factors.size):
        factors[k] = factor if draws[k] >= dropped else np.float32(0)
