"""From the ends of edges, as they are given, to ranks of ids in ascending order."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oubli.errors import UnknownNodeError
from oubli.graph.importing.sources import Block
from oubli.graph.tables import comment_or_id


class Identity(ABC):
    """Which nodes there are.

    Attributes
    ----------
    num_nodes : int
    """

    num_nodes: int

    @abstractmethod
    def ranks(self, block: Block) -> NDArray[Any]:
        """Return the ends of edges as ranks, shape (edges, 2).

        Raises
        ------
        UnknownNodeError
            With the place, for an end that is no node.
        """

    def unknown(self, block: Block, row: int) -> UnknownNodeError:
        """Return the error for an edge that names an end which is no node."""
        pair = block.pairs[row].tolist()
        name = next((end for end in pair if not self.has(end)), pair[0])
        return UnknownNodeError(
            f"{block.where(row)}: node {name!r} is none of the {self.num_nodes:,} nodes ({self.known()}); add it "
            "there, or drop the edge"
        )

    @abstractmethod
    def has(self, end: Any) -> bool:
        """Tell whether an end is a node."""

    @abstractmethod
    def known(self) -> str:
        """Return in words which nodes there are."""


class DenseIdentity(Identity):
    """Integers ``0 .. n-1``, which are the ranks, or positions of which the ranks are known.

    Parameters
    ----------
    num_nodes : int
    by_position : ndarray of int64, optional
        The rank of the id at each position.
    """

    def __init__(self, num_nodes: int, by_position: NDArray[np.int64] | None = None) -> None:
        self.num_nodes, self._by_position = num_nodes, by_position

    def ranks(self, block: Block) -> NDArray[Any]:
        """Return the ends of edges as ranks."""
        pairs = block.pairs
        if block.is_text:
            raise self.unknown(block, 0)
        if pairs.size and (int(pairs.min()) < 0 or int(pairs.max()) >= self.num_nodes):
            out = (pairs < 0) | (pairs >= self.num_nodes)
            raise self.unknown(block, int(np.flatnonzero(out.any(axis=1))[0]))
        return pairs if self._by_position is None else self._by_position[pairs]

    def has(self, end: Any) -> bool:
        """Tell whether an end is a node."""
        return isinstance(end, int) and 0 <= end < self.num_nodes

    def known(self) -> str:
        """Return in words which nodes there are."""
        return f"0 to {self.num_nodes - 1:,}" if self.num_nodes else "none at all"


class SparseIdentity(Identity):
    """Integers of any size.

    Parameters
    ----------
    ids : ndarray of int64
        Ascending; may be mapped.
    """

    def __init__(self, ids: NDArray[np.int64]) -> None:
        self.ids, self.num_nodes = ids, ids.size

    def ranks(self, block: Block) -> NDArray[Any]:
        """Return the ends of edges as ranks."""
        if block.is_text:
            pairs = block.pairs
            raise self.unknown(
                block, next(row for row, pair in enumerate(pairs.tolist()) if not all(map(self.has, pair)))
            )
        # Ascending, so that neighbours in the search are neighbours in the file.
        ends, inverse = np.unique(block.pairs, return_inverse=True)
        places = np.searchsorted(self.ids, ends)
        there = places < self.num_nodes
        there[there] = self.ids[places[there]] == ends[there]
        inverse = inverse.reshape(-1, 2)
        if not there.all():
            raise self.unknown(block, int(np.flatnonzero(~there[inverse].all(axis=1))[0]))
        ranks: NDArray[Any] = places[inverse]
        return ranks

    def has(self, end: Any) -> bool:
        """Tell whether an end is a node."""
        if isinstance(end, str):
            if not end.removeprefix("-").isdecimal() or str(int(end)) != end or abs(int(end)) >= 2**63:
                return False
            end = int(end)
        place = int(np.searchsorted(self.ids, end))
        return place < self.num_nodes and int(self.ids[place]) == end

    def known(self) -> str:
        """Return in words which nodes there are."""
        return f"integers from {self.ids[0]} to {self.ids[-1]}" if self.num_nodes else "none at all"


class TextIdentity(Identity):
    """Strings, all in memory.

    Parameters
    ----------
    ids : ndarray of str
        Ascending.
    """

    def __init__(self, ids: NDArray[np.str_]) -> None:
        self.num_nodes = ids.size
        self._ranks = {text: rank for rank, text in enumerate(ids.tolist())}
        # What a line that begins with # may have been: a comment, or an edge.
        self._marked = next((text for text in self._ranks if text.startswith("#")), None)

    def ranks(self, block: Block) -> NDArray[Any]:
        """Return the ends of edges as ranks."""
        if self._marked is not None and block.source.comment is not None:
            raise comment_or_id(Path(block.source.name), block.source.comment, self._marked)
        ends = as_texts(block)
        try:
            ranks = [self._ranks[end] for end in ends]
        except KeyError:
            row = next(at for at, end in enumerate(ends) if end not in self._ranks) // 2
            raise self.unknown(block, row) from None
        return np.array(ranks, np.int64).reshape(-1, 2)

    def has(self, end: Any) -> bool:
        """Tell whether an end is a node."""
        return str(end) in self._ranks

    def known(self) -> str:
        """Return in words which nodes there are."""
        return f"names such as {next(iter(self._ranks))!r}" if self._ranks else "none at all"


def as_texts(block: Block) -> list[str]:
    """Return the ends of a block's edges as strings, one after the other."""
    ends = block.pairs.ravel().tolist()
    return ends if block.is_text else list(map(str, ends))
