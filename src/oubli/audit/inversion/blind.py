"""An attack that asks no model: what is left of its score is not what the model gives away."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from oubli.audit.inversion.attack import Attack
from oubli.audit.inversion.transcript import Observation, Transcript


class Blind(Attack):
    """Another attack, with every answer replaced by the same: all classes equally likely.

    It keeps features, known edges, the shadow's truth and the reference model, which needs no answer either. With
    confidence the same everywhere, the trends of TrendAttack tell of degrees alone.

    Parameters
    ----------
    attack : Attack
    """

    kind = "null"

    def __init__(self, attack: Attack) -> None:
        self.attack = attack
        self.name = f"{attack.name}-blind"
        self.describe = f"{attack.name}, to which no model answers"
        self.source = attack.source

    def score(self, transcript: Transcript, seed: int) -> NDArray[np.float64]:
        """Return what the attack makes of everything but answers."""
        shadow = replace(transcript.shadow, seen=_without_answers(transcript.shadow.seen))
        return self.attack.score(replace(transcript, seen=_without_answers(transcript.seen), shadow=shadow), seed)


def _without_answers(seen: Observation) -> Observation:
    even = np.full_like(seen.posteriors, 1.0 / seen.posteriors.shape[1])
    return replace(seen, posteriors=even, before=None if seen.before is None else even)
