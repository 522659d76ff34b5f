"""What a removal changes: what enters a hop, and which wanted outputs come out otherwise."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from oubli.graph.adjacency import Adjacency
from oubli.graph.features import FeatureTable


class Attributed(Protocol):
    """What a hop reads of a graph, or of a part of one."""

    @property
    def adjacency(self) -> Adjacency:
        """Edges, by row."""

    @property
    def table(self) -> FeatureTable:
        """Features, by row."""


@dataclass
class OutputChange:
    """Which wanted rows of the embedding a removal changed, and what they were.

    Attributes
    ----------
    rows : list of ndarray of int64
        For each output hop, the changed rows, ascending order not promised.
    former : list of ndarray of int32
        For each output hop, the old blocks of those rows.
    reached : list of int
        For each hop, how many rows were looked at; the number of nodes where the hop was recomputed whole.
    full_from : int or None
        First hop that was recomputed whole; `rows` is then of no use.
    """

    rows: list[NDArray[np.int64]] = field(default_factory=list)
    former: list[NDArray[np.int32]] = field(default_factory=list)
    reached: list[int] = field(default_factory=list)
    full_from: int | None = None

    def before(self, rows: NDArray[np.int64], after: NDArray[np.int32]) -> NDArray[np.int32]:
        """Return embedded rows as they were, given as they are; `rows` ascend and hold all that changed."""
        former = after.copy()
        width = after.shape[1] // max(len(self.rows), 1)
        for at, (changed, blocks) in enumerate(zip(self.rows, self.former, strict=True)):
            former[np.searchsorted(rows, changed), at * width : (at + 1) * width] = blocks
        return former


@dataclass
class Step:
    """What enters a hop: changed messages, their changes, and the former messages of the endpoints of lost edges.

    Attributes
    ----------
    changed : ndarray of int64
        Rows whose message changed.
    change : ndarray of int32 or int64, shape (changed, width)
    former : ndarray of int32, shape (endpoints, width)
    endpoints : ndarray of int64
    pairs : ndarray of int64, shape (edges, 2)
        The edges that are lost.
    """

    changed: NDArray[np.int64]
    change: NDArray[Any]
    former: NDArray[np.int32]
    endpoints: NDArray[np.int64]
    pairs: NDArray[np.int64]

    def edges_lost(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how many edges each of the ascending `rows` loses."""
        lost = np.zeros(rows.size, np.int64)
        if rows.size and self.endpoints.size:
            by_end = np.bincount(np.searchsorted(self.endpoints, self.pairs.ravel()), minlength=self.endpoints.size)
            at = np.minimum(np.searchsorted(rows, self.endpoints), rows.size - 1)
            there = rows[at] == self.endpoints
            lost[at[there]] = by_end[there]
        return lost
