"""Transcripts of problems whose answer is known."""

import numpy as np

from oubli.audit.membership.shadows import draw_halves
from oubli.audit.membership.transcript import Shadows, Transcript


def two_classes(logit):
    """Return posteriors of two classes whose first has this logit."""
    share = 1 / (1 + np.exp(-logit))
    return np.stack([share, 1 - share], axis=-1)


def gaussian_problem(candidates, models, shift, seed, spread=None):
    """Return a transcript in which a member's logit lies `shift` higher, and who is a member.

    Logits are Gaussian about a difficulty of each candidate's own; `spread` is their standard deviation, 1 without it.
    """
    generator = np.random.default_rng(seed)
    difficulty, width = generator.normal(0, 3, candidates), np.ones(candidates) if spread is None else spread
    members = draw_halves(candidates, models, seed)
    shadow = difficulty + width * generator.normal(size=(models, candidates)) + shift * members
    truth = generator.random(candidates) < 0.5
    victim = difficulty + width * generator.normal(size=candidates) + shift * truth
    transcript = Transcript(
        features=np.zeros((candidates, 1), np.float32),
        edges=np.array([[0, 1], [1, 2]]),
        posteriors=two_classes(victim),
        candidates=np.arange(candidates),
        classes=np.zeros(candidates, np.int64),
        shadows=Shadows(two_classes(shadow), members),
        before=two_classes(victim),
    )
    return transcript, truth
