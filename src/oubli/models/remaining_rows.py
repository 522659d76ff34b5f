"""Embedded rows that owe nothing to what was removed, to predict from."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from oubli.graph.graph import Graph
from oubli.propagation import Embedding


class RemainingRows:
    """Rows of a lazy embedding as a fit on what remains has them, computed when they are first asked for.

    The reserves that an unlearned embedding reads its rows from hold what removed neighbours sent, up to the threshold:
    whoever saw predictions made of them could tell what went, whatever the noise on the weights.
    """

    def __init__(self) -> None:
        self._rows: NDArray[np.float64] | None = None

    def forget(self) -> None:
        """Drop what was computed, since the graph changes."""
        self._rows = None

    def rows(
        self, graph: Graph, slots: NDArray[np.int64], make_embedding: Callable[[], Embedding]
    ) -> NDArray[np.float64]:
        """Return the rows of `slots`; `make_embedding` returns an embedding that is not fitted yet."""
        if self._rows is None:
            compact = graph.compacted()
            self._rows = make_embedding().fit(compact).rows(compact, np.arange(compact.num_nodes))
        places = np.cumsum(graph.index.alive) - 1
        chosen: NDArray[np.float64] = self._rows[places[slots]]
        return chosen
