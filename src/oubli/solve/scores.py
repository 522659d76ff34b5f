"""Linear scores of integer rows in a fixed order of operations."""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

from oubli.propagation.threads import TwoWay


def linear_scores(
    rows: NDArray[np.signedinteger[Any]], weights: NDArray[np.float64], fraction_bits: int
) -> NDArray[np.float64]:
    """Return ``rows * 2**-fraction_bits @ weights[:-1] + weights[-1]``, shape (rows, classes).

    Each score adds its terms in the order of the columns, so the bytes do not depend on threads or BLAS.
    """
    out = np.empty((len(rows), weights.shape[1]))
    _scores(rows.size * out.shape[1], rows, weights, 2.0**-fraction_bits, out)
    return out


@TwoWay
def _scores(rows, weights, unit, out):  # type: ignore[no-untyped-def]
    width, classes = rows.shape[1], out.shape[1]
    for r in nb.prange(rows.shape[0]):
        for c in range(classes):
            out[r, c] = weights[width, c]
        for k in range(width):
            if rows[r, k] != 0:
                value = rows[r, k] * unit
                for c in range(classes):
                    out[r, c] += value * weights[k, c]
