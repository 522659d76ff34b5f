"""What every attack on memberships is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from oubli.audit.membership.transcript import Transcript


class Attack(ABC):
    """A score for labelled nodes: the higher, the likelier that the label takes part in training, or took.

    Attributes
    ----------
    name : str
        As the command line spells it.
    describe : str
        What it does, in a sentence.
    kind : {"attack", "null"}
        A null makes no use of what the model answers.
    needs_before : bool
        Whether it needs what the model answered before the removal.
    source : str
        Paper, or "" of our own.
    """

    name: str
    describe: str
    kind: Literal["attack", "null"] = "attack"
    needs_before: bool = False
    source: str = ""

    @abstractmethod
    def score(self, transcript: Transcript, seed: int) -> NDArray[np.float64]:
        """Return a finite score for each candidate of the transcript; the same seed gives the same scores."""
