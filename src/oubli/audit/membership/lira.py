"""The likelihood ratio attack: whether a node's confidence is that of models with its label or without it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oubli.audit.membership.attack import Attack
from oubli.audit.membership.confidence import logits
from oubli.audit.membership.transcript import Transcript

ENOUGH_FOR_OWN_SPREAD = 64
"""With fewer models one spread for all candidates is estimated better than one for each (Carlini et al., VI.A)."""
LEAST_SPREAD = 1e-12
"""Of models that all answer the same, so that a ratio remains."""


class LikelihoodRatio(Attack):
    """LiRA, online: Gaussians of the logit of models with the label and of models without it."""

    name = "lira"
    describe = "likelihood of the confidence under shadow models with the label against that without it"
    source = "Carlini et al. 2022"

    def score(self, transcript: Transcript, seed: int) -> NDArray[np.float64]:
        """Return the logarithm of the likelihood ratio."""
        seen, shadow = _logits(transcript)
        members = transcript.shadows.members
        inside, outside = _Gaussians(shadow, members), _Gaussians(shadow, ~members)
        return inside.log_likelihood(seen) - outside.log_likelihood(seen)


class OfflineLikelihoodRatio(Attack):
    """LiRA, offline: how far the logit lies above those of models without the label."""

    name = "lira-offline"
    describe = "how far the confidence lies above that of shadow models without the label, in standard deviations"
    source = "Carlini et al. 2022"

    def score(self, transcript: Transcript, seed: int) -> NDArray[np.float64]:
        """Return the standard score, which ranks as its tail probability does."""
        seen, shadow = _logits(transcript)
        outside = _Gaussians(shadow, ~transcript.shadows.members)
        score: NDArray[np.float64] = (seen - outside.mean) / outside.spread
        return score


class _Gaussians:
    """One Gaussian a candidate, of the models where `chosen`."""

    def __init__(self, values: NDArray[np.float64], chosen: NDArray[np.bool_]) -> None:
        counts = chosen.sum(axis=0)
        self.mean = (values * chosen).sum(axis=0) / counts
        squares = ((values - self.mean) ** 2 * chosen).sum(axis=0)
        if len(values) < ENOUGH_FOR_OWN_SPREAD:
            variances = np.full_like(self.mean, squares.sum() / (counts - 1).sum())
        else:
            variances = squares / (counts - 1)
        self.spread = np.maximum(np.sqrt(variances), LEAST_SPREAD)

    def log_likelihood(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        found: NDArray[np.float64] = -(((values - self.mean) / self.spread) ** 2) / 2 - np.log(self.spread)
        return found


def _logits(transcript: Transcript) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return those of the victim, shape (candidates,), and of the shadow models, shape (models, candidates)."""
    seen = logits(transcript.posteriors[transcript.candidates], transcript.classes)
    return seen, logits(transcript.shadows.posteriors, transcript.classes)
