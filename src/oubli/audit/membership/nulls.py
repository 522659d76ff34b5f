"""What can be said of memberships without asking the model: as they are drawn at random, nothing."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from oubli.audit.membership.attack import Attack
from oubli.audit.membership.transcript import Transcript


class Degree(Attack):
    """Members are those with many neighbours."""

    name = "degree"
    describe = "number of neighbours"
    kind: Literal["attack", "null"] = "null"

    def score(self, transcript: Transcript, seed: int) -> NDArray[np.float64]:
        """Return the degree."""
        degrees = np.bincount(transcript.edges.ravel(), minlength=len(transcript.posteriors))
        return degrees[transcript.candidates].astype(np.float64)


class ClassFrequency(Attack):
    """Members are those of frequent classes."""

    name = "class-frequency"
    describe = "how many candidates are of the same class"
    kind: Literal["attack", "null"] = "null"

    def score(self, transcript: Transcript, seed: int) -> NDArray[np.float64]:
        """Return the number of candidates of the own class."""
        return np.bincount(transcript.classes)[transcript.classes].astype(np.float64)
