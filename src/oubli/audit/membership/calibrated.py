"""The loss, less what it is without the label: some nodes are easy for any model."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oubli.audit.membership.attack import Attack
from oubli.audit.membership.confidence import losses
from oubli.audit.membership.transcript import Transcript


class CalibratedLoss(Attack):
    """Difficulty calibration: how much lower the loss is than shadow models without the label have it on average."""

    name = "calibrated-loss"
    describe = "how far the loss lies below the mean loss of shadow models without the label"
    source = "Watson et al. 2022"

    def score(self, transcript: Transcript, seed: int) -> NDArray[np.float64]:
        """Return mean minus own."""
        shadow, outside = losses(transcript.shadows.posteriors, transcript.classes), ~transcript.shadows.members
        usual = (shadow * outside).sum(axis=0) / outside.sum(axis=0)
        own = losses(transcript.posteriors[transcript.candidates], transcript.classes)
        score: NDArray[np.float64] = usual - own
        return score
