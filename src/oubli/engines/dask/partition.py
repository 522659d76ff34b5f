"""Who owns which slot: ranges of them, or the parts that METIS cuts."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from oubli.errors import InputError
from oubli.graph.adjacency import Adjacency

Way = Literal["range", "metis"]


@dataclass(frozen=True)
class Partition:
    """Each slot in one part.

    Attributes
    ----------
    bounds : ndarray of int64, shape (parts + 1,)
        Part `p` owns as many slots as lie between its bounds: these slots, where there are no `owners`.
    owners : ndarray of int32, shape (slots,), or None
        The part of each slot.
    """

    bounds: NDArray[np.int64]
    owners: NDArray[np.int32] | None = None

    @property
    def parts(self) -> int:
        """How many there are."""
        return self.bounds.size - 1

    def owner(self, slots: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the part of each slot."""
        if self.owners is not None:
            return self.owners[slots].astype(np.int64)
        return np.searchsorted(self.bounds, slots, "right") - 1

    def own(self, part: int) -> NDArray[np.int32]:
        """Return the slots of a part, ascending."""
        if self.owners is not None:
            return np.flatnonzero(self.owners == part).astype(np.int32)
        return np.arange(self.bounds[part], self.bounds[part + 1], dtype=np.int32)


def range_partition(adjacency: Adjacency, parts: int, row_weight: int) -> Partition:
    """Cut the slots into ranges of about equal weight, that of a row being `row_weight` times that of an arc."""
    nodes = adjacency.start.size
    # Where a row starts is how many arcs there are before it, or were: no array of weights is needed.
    whole = row_weight * nodes + adjacency.neighbours.size
    bounds = [
        bisect_left(range(nodes), whole * part // parts, key=lambda i: row_weight * i + int(adjacency.start[i]))
        for part in range(1, parts)
    ]
    return Partition(np.array([0, *bounds, nodes], np.int64))


def metis_partition(adjacency: Adjacency, parts: int, row_weight: int) -> Partition:
    """Cut few edges, by METIS, with parts of about equal weight.

    Raises
    ------
    ImportError
        Without pymetis.
    """
    try:
        import pymetis
    except ImportError:
        raise ImportError(
            'partition="metis" needs pymetis: pip install \'oubli[dask]\'; or use partition="range"'
        ) from None
    nodes = adjacency.start.size
    if parts == 1 or adjacency.num_arcs == 0 or nodes < 2 * parts:
        return range_partition(adjacency, parts, row_weight)
    first = np.zeros(nodes + 1, np.int32)
    np.cumsum(adjacency.count, out=first[1:])
    # Places freed by a deletion hold -1.
    lists: dict[str, Any] = {"xadj": first, "adjncy": adjacency.neighbours[adjacency.neighbours >= 0]}
    if hasattr(pymetis, "CSRAdjacency"):
        lists = {"adjacency": pymetis.CSRAdjacency(lists["xadj"], lists["adjncy"])}
    _, labels = pymetis.part_graph(parts, **lists, vweights=(adjacency.count + row_weight).tolist())
    owners = np.array(labels, np.int32)
    return Partition(np.concatenate([[0], np.cumsum(np.bincount(owners, minlength=parts))]), owners)


MAKERS = {"range": range_partition, "metis": metis_partition}


def check_partition(way: str, parts: int | None) -> None:
    """Refuse what is no way to cut a graph, or no number of parts.

    Raises
    ------
    InputError
    """
    if way not in MAKERS:
        raise InputError(f'partition: expected "range" or "metis", got {way!r}')
    if parts is not None and (isinstance(parts, bool) or not isinstance(parts, int) or parts < 1):
        raise InputError(f"partitions: expected an integer from 1 on, got {parts!r}")
