"""R-MAT edges for tests of scale: whole, or a block at a time where they are more than memory holds."""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
from numpy.typing import NDArray

from oubli.graph.distinct import distinct
from oubli.graph.generate import expect, generator_of, pair_keys, pairs_of_keys

BLOCK = 1 << 16
"""Pairs drawn at a time, to stay in the processor's cache; part of what a seed means."""


@dataclass(frozen=True)
class Rmat:
    """Pairs of nodes, each of which falls into a quadrant of the adjacency matrix, `scale` times over.

    Any block of them can be drawn without those before it, so several threads may draw the same pairs as one.

    Parameters
    ----------
    scale : int
        There are ``2 ** scale`` nodes.
    pairs : int
        How many are drawn, repeated ones and self-loops among them.
    a, b, c : float
        Chances of three of the four quadrants.
    seed : int
        Same seed, same pairs.

    Raises
    ------
    InputError
        For values out of range.

    Examples
    --------
    >>> from oubli.graph.rmat import Rmat
    >>> drawn = Rmat(scale=20, pairs=100_000)
    >>> drawn.blocks, drawn.block(1).shape
    (2, (34464, 2))
    """

    scale: int
    pairs: int
    a: float = 0.57
    b: float = 0.19
    c: float = 0.19
    seed: int = 0

    def __post_init__(self) -> None:
        expect(0 <= self.scale <= 30 and self.pairs >= 0, "scale in 0 .. 30 and no negative number of edges")
        expect(min(self.a, self.b, self.c) >= 0 and self.a + self.b + self.c <= 1, "a, b, c >= 0 with a + b + c <= 1")

    @property
    def blocks(self) -> int:
        """Number of blocks."""
        return -(-self.pairs // BLOCK)

    def block(self, at: int) -> NDArray[np.int64]:
        """Return the pairs ``at * BLOCK`` and following, shape (BLOCK, 2); fewer in the last block."""
        size = min(BLOCK, self.pairs - at * BLOCK)
        rng = generator_of(self.seed)
        # A 64-bit number of the generator gives two draws.
        rng.bit_generator.advance(at * self.scale * BLOCK // 2)  # type: ignore[attr-defined]
        rows, columns, draws = np.zeros(size, np.int32), np.zeros(size, np.int32), np.empty(size, np.float32)
        bounds = [np.float32(bound) for bound in (self.a, self.a + self.b, self.a + self.b + self.c)]
        for _ in range(self.scale):
            rng.random(dtype=np.float32, out=draws)
            _descend(draws, *bounds, rows, columns)
        return np.column_stack([rows, columns]).astype(np.int64)


def rmat_edges(
    scale: int, edge_factor: int = 16, a: float = 0.57, b: float = 0.19, c: float = 0.19, seed: int = 0
) -> NDArray[np.int64]:
    """Draw the edges of an R-MAT graph: each falls into a quadrant of the adjacency matrix, `scale` times over.

    Parameters
    ----------
    scale : int
        The graph has ``2 ** scale`` nodes, ``0 .. 2 ** scale - 1``; many of them have no edge.
    edge_factor : int, default 16
        Edges drawn for each node; repeated edges and self-loops then go, so fewer remain.
    a, b, c : float
        Chances of three of the four quadrants.
    seed : int, default 0
        Same seed, same edges.

    Returns
    -------
    ndarray of int64, shape (edges, 2)
        Pairs ``u < v``, each once, ascending.

    Raises
    ------
    InputError
        For values out of range.
    """
    expect(0 <= scale <= 30 and edge_factor >= 0, "scale in 0 .. 30 and edge_factor >= 0")
    drawn = Rmat(scale, edge_factor << scale, a, b, c, seed)
    keys = [np.empty(0, np.int64)]
    for at in range(drawn.blocks):
        u, v = drawn.block(at).T
        keys.append(pair_keys(u, v, 1 << scale))
    return pairs_of_keys(distinct(*keys), 1 << scale)


@nb.njit(cache=True, nogil=True)
def _descend(draws, first, upper, last, rows, columns):  # type: ignore[no-untyped-def]
    # Without branches, and on the smallest integers that do: this is what vectorises.
    for e in range(draws.size):
        lower = np.int32(draws[e] >= upper)
        right = np.int32(draws[e] >= first) - lower + np.int32(draws[e] >= last)
        rows[e] = rows[e] + rows[e] + lower
        columns[e] = columns[e] + columns[e] + right
