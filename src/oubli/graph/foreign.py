"""Arrays of other libraries (tensors, data frames, columns), taken over without importing their libraries."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp


def as_numpy(value: Any) -> Any:
    """Return what holds an array as an ndarray; anything else, SciPy's sparse matrices among it, as it is."""
    if isinstance(value, np.ndarray):
        # Subclasses such as `numpy.matrix` have shapes of their own.
        return np.asarray(value)
    if isinstance(value, np.generic) or sp.issparse(value):
        return value
    if getattr(value, "is_sparse", False):
        value = value.to_dense()
    # Tensors, wherever they live, and whether or not they are part of a computation.
    for step in ("detach", "cpu", "numpy"):
        value = getattr(value, step)() if hasattr(value, step) else value
    return np.asarray(value) if hasattr(value, "__array__") else value
