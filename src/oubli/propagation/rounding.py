"""From residues to a bound that floating point cannot undercut: weights of residues, and an account of rounding."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oubli.graph.graph import Graph
from oubli.propagation import residues as kernels
from oubli.propagation.operator import Operator

UNIT = 2.0**-53
EACH = 16.0
"""Units that one update of an entry can be off by; fewer are needed (docs/proofs/lazy-propagation)."""


class Rounding:
    """How far reserves and residues may be from their invariant, a hop, by rounding alone.

    An entry that is off by ``e`` in the row of a node of degree `d` is booked as ``d e``, in any one column: the units
    in which a residue counts that is left.

    Parameters
    ----------
    hops : int
    largest : float
        Largest entry of the feature rows.
    rmax : float
        Largest residue that is ever left.
    """

    def __init__(self, hops: int, largest: float = 0.0, rmax: float = 0.0) -> None:
        # No entry, while it is being computed, is larger than four times the features and what is left at each hop.
        self.entry = 4.0 * (largest + hops * rmax)
        self.off = np.zeros(hops + 1)

    def scale_features(self, degrees: NDArray[np.int32]) -> None:
        """Book that hop 0 was computed whole."""
        self.off[0] = self._each(degrees.sum(dtype=np.float64))

    def sweep(self, hop: int, degrees: NDArray[np.int32]) -> None:
        """Book that a hop was computed whole: means of `d` rows, and what they were off by before is gone."""
        d = degrees.astype(np.float64)
        self.off[hop] = self._each(float(d @ (d + 1.0)))

    def push(self, hop: int, arcs: int, volume: int) -> None:
        """Book that rows with `arcs` receivers were pushed, the degrees of which add up to `volume`."""
        self.off[hop] += self._each(arcs)
        self.off[hop + 1] += self._each(volume)

    def fold(self, hop: int, degrees: NDArray[np.int32]) -> None:
        """Book that all residues of a hop moved into its reserves."""
        self.off[hop] += self._each(degrees.sum(dtype=np.float64))

    def lose_edges(self, hop: int, degrees: NDArray[np.int32], lost: NDArray[np.int32]) -> None:
        """Book that nodes of these new degrees lost so many edges."""
        d, k = degrees.astype(np.float64), lost.astype(np.float64)
        self.off[hop] += self._each(float(k @ k + d.sum() + k.sum()))

    def outward(
        self,
        left: NDArray[np.float64],
        weights: NDArray[np.float64],
        degrees: NDArray[np.int32],
        operator: Operator,
    ) -> NDArray[np.float64]:
        """Return a bound on the error of all rows, given the weighted sums of residues that are left."""
        scales = operator.output_scale(degrees.astype(np.int64), 0)
        reading = self._each(len(weights) * float(np.abs(weights).sum()) * float(scales.sum()))
        booked = float(tails(weights) @ self.off) + reading
        # The sums over rows and over neighbours, and those above, are themselves rounded.
        terms = degrees.size * len(weights) + len(weights) * int(degrees.max(initial=0)) + 100
        return np.asarray((left + booked) * (1.0 + 4.0 * terms * UNIT))

    def array(self) -> NDArray[np.float64]:
        """Return the account as one array, to be saved."""
        return np.append(self.off, self.entry)

    @classmethod
    def from_array(cls, array: NDArray[np.float64]) -> Rounding:
        """Take over an account that was saved."""
        account = cls(array.size - 2)
        account.off, account.entry = array[:-1].copy(), float(array[-1])
        return account

    def _each(self, times: float) -> float:
        return EACH * UNIT * self.entry * float(times)


def tails(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ``c_k = sum of |w_l| over l >= k``."""
    return np.asarray(np.cumsum(np.abs(weights)[::-1])[::-1])


def residue_weights(
    operator: Operator, weights: NDArray[np.float64], degrees: NDArray[np.int32], graph: Graph | None
) -> list[NDArray[np.float64]]:
    """Return, for each hop, what an entry of each row's residue adds at most to the error of all rows.

    Without the graph that is ``d c_k``. With it, the sum over `l` of ``|w_l| g_(l-k)``, where ``g_m(u)`` is what an
    entry 1 at `u` adds to the rows after `m` more steps: ``g_0 = d^-rho``, ``g_(m+1) = A D^-1 g_m``.
    """
    hops = len(weights) - 1
    if graph is None:
        return [degrees * c for c in tails(weights)]
    reach = [operator.output_scale(degrees.astype(np.int64), 0)]
    lists = graph.adjacency.start, graph.adjacency.count, graph.adjacency.neighbours
    for _ in range(hops):
        reach.append(kernels.gather_back(*lists, reach[-1]))
    sizes = np.abs(weights)
    return [np.sum([sizes[hop] * reach[hop - k] for hop in range(k, hops + 1)], axis=0) for k in range(hops + 1)]
