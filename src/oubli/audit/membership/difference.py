"""What an attacker can tell who asked the model before the removal, too."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oubli.audit.membership.attack import Attack
from oubli.audit.membership.confidence import losses
from oubli.audit.membership.transcript import Transcript
from oubli.errors import InputError


class LossDifference(Attack):
    """Unlearned are those whose loss grew. Exact removal does not hide that: a model without the label differs."""

    name = "difference-loss"
    describe = "growth of the loss of the true class by the removal"
    needs_before = True
    source = "after Chen et al. 2021"

    def score(self, transcript: Transcript, seed: int) -> NDArray[np.float64]:
        """Return loss after minus loss before."""
        if transcript.before is None:
            raise InputError(f"{self.name}: the transcript has no answers from before the removal; give before=")
        asked = transcript.candidates
        after = losses(transcript.posteriors[asked], transcript.classes)
        score: NDArray[np.float64] = after - losses(transcript.before[asked], transcript.classes)
        return score
