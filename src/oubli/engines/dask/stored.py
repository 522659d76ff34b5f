"""Arrays whose rows are on the workers, read as they are sliced."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray


class StoredRows:
    """An array by slot that is fetched from the shards, as many rows as are asked for.

    Parameters
    ----------
    shape : tuple of int
    dtype : dtype
    fetch : callable
        Returns the rows of slots.
    """

    def __init__(
        self, shape: tuple[int, int], dtype: np.dtype[Any], fetch: Callable[[NDArray[np.int64]], NDArray[Any]]
    ) -> None:
        self.shape, self.dtype, self._fetch = shape, dtype, fetch

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, key: NDArray[np.int64] | slice) -> NDArray[Any]:
        return self._fetch(np.arange(self.shape[0])[key])
