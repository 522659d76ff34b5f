"""What every attack on a model that forgot is."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Generic, Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

Transcript = TypeVar("Transcript")


class ForgettingAttack(ABC, Generic[Transcript]):
    """A score for what a transcript asks about: the higher, the likelier that the model has it, or had it.

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
