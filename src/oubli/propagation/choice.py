"""Which embedding a threshold asks for."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oubli.propagation.embedding import Embedding, IntegerEmbedding
from oubli.propagation.lazy import LazyPropagation
from oubli.propagation.operator import Operator
from oubli.propagation.quantise import Quantiser


def make_embedding(
    operator: Operator, weights: NDArray[np.float64], quantiser: Quantiser, rmax: float = 0.0
) -> Embedding:
    """Return the exact embedding where `rmax` is 0, the default, and a lazy one where it is larger.

    Raises
    ------
    InputError
        When `rmax` is negative or not a finite number, or all weights are zero.
    """
    lazy = LazyPropagation(operator, weights, quantiser, rmax)
    return lazy if lazy.rmax else IntegerEmbedding(operator, weights, quantiser)
