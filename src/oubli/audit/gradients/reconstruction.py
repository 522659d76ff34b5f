"""What an attack makes of a transcript."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oubli.audit.gradients.transcript import Transcript


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """A guess at what is behind one transcript, as far as the attack got; None is what it does not guess.

    Of several graphs the guess is their disjoint union, n nodes in all.

    Parameters
    ----------
    labels : tuple of int, optional
        Classes of the graphs, ascending.
    embedding : ndarray, optional, shape (width,)
        Pooled embedding; of one graph only.
    edge_scores : ndarray, optional, shape (n, n)
        Symmetric, zero diagonal: the higher, the likelier an edge.
    features : ndarray, optional, shape (n, d)
    adjacency : ndarray, optional, shape (n, n)
        Zeros and ones, where the attack commits itself to a graph.
    determined : bool, default False
        Whether what is guessed follows from the transcript, rather than being likely.
    ranks : dict of str to int
        Ranks that `determined` was decided on, by matrix.
    residual : float, optional
        Relative distance of the guess's own gradient from the one seen; 0 means that no gradient attack can tell the
        guess from the truth.
    note : str, default ""
        Why it stopped where it did.
    details : dict
        Further figures, as plain values.
    """

    labels: tuple[int, ...] | None = None
    embedding: NDArray[np.float64] | None = None
    edge_scores: NDArray[np.float64] | None = None
    features: NDArray[np.float64] | None = None
    adjacency: NDArray[np.float64] | None = None
    determined: bool = False
    ranks: dict[str, int] = field(default_factory=dict)
    residual: float | None = None
    note: str = ""
    details: dict[str, Any] = field(default_factory=dict)


class Attack(ABC):
    """An attack, a null (which makes no use of the gradient) or an oracle (which is given the structure).

    Attributes
    ----------
    name : str
        As the command line spells it.
    kind : {"attack", "null", "oracle"}
        What a score of it says.
    batch_size : int
        How many transcripts `reconstruct` takes at once; results may depend on who is in a batch by rounding alone.
    """

    name: str
    kind: str = "attack"
    batch_size: int = 1

    # Empty on purpose, and not abstract: most attacks take any transcript, and need no preparation.
    def check(self, transcript: Transcript) -> None:  # noqa: B027
        """Raise `InputError`, saying what is supported, when this attack cannot work on such transcripts."""

    def prepare(self, transcripts: Sequence[Transcript], seed: int = 0) -> None:  # noqa: B027
        """See all transcripts of a run before the first attack; form, weights and auxiliary graphs are the same."""

    @abstractmethod
    def reconstruct(self, transcripts: Sequence[Transcript], seed: int = 0) -> list[Reconstruction]:
        """Guess what is behind each of at most `batch_size` transcripts; the same seed gives the same guesses."""
