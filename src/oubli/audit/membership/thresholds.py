"""Attacks that need no model of their own: one threshold for all nodes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oubli.audit.membership.attack import Attack
from oubli.audit.membership.confidence import losses, modified_entropies
from oubli.audit.membership.transcript import Transcript


class Loss(Attack):
    """Members are those of a low loss."""

    name = "loss"
    describe = "low loss of the true class"
    source = "Yeom et al. 2018"

    def score(self, transcript: Transcript, seed: int) -> NDArray[np.float64]:
        """Return the negated loss."""
        return -losses(transcript.posteriors[transcript.candidates], transcript.classes)


class ModifiedEntropy(Attack):
    """Members are those whose answer is sure, and right."""

    name = "entropy"
    describe = "low modified entropy: sure, and right"
    source = "Song and Mittal 2021"

    def score(self, transcript: Transcript, seed: int) -> NDArray[np.float64]:
        """Return the negated modified entropy."""
        return -modified_entropies(transcript.posteriors[transcript.candidates], transcript.classes)
