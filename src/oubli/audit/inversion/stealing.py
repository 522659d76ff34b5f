"""Link stealing with a shadow: a network that weighs all distances between two nodes (He et al. 2021, attack 7)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray
from torch import nn

from oubli.audit.inversion.attack import Attack
from oubli.audit.inversion.distances import pair_distances
from oubli.audit.inversion.pair_training import hidden_layers, learned_scores
from oubli.audit.inversion.reference import reference_posteriors
from oubli.audit.inversion.supervision import matched_pairs, teaching_pairs
from oubli.audit.inversion.transcript import Transcript

Array = NDArray[np.float64]

HIDDEN = 64
LESSONS = {
    "retained": "retained edges",
    "removed": "unlearned and retained edges",
    "matched": "unlearned edges and edges that the model never had",
}
FARTHEST = 8.0
"""Standard deviations at which what is measured on the victim is cut off: the network learned nothing beyond."""


class LinkStealing(Attack):
    """Distances of features, of answers and of a reference model's answers, and entropies, to a small network.

    Parameters
    ----------
    lesson : {"retained", "removed", "matched"}
        What it learns to tell apart on the shadow: retained edges from pairs without an edge, as link stealing is
        published; unlearned edges as well from these, as TrendAttack does; or unlearned edges from edges that the model
        never had, which is the matched comparison itself.
    """

    source = "He et al. 2021"

    def __init__(self, lesson: str) -> None:
        self.lesson = lesson
        self.name = "stealing" if lesson == "retained" else f"stealing-{lesson}"
        self.describe = f"a network over distances of features and answers, taught {LESSONS[lesson]} of the shadow"

    def score(self, transcript: Transcript, seed: int) -> Array:
        """Return logits of the network."""
        shadow = transcript.shadow
        matched = self.lesson == "matched"
        pairs, truth = matched_pairs(shadow) if matched else teaching_pairs(shadow, self.lesson == "removed")
        taught, asked, _ = standardised_evidence(transcript, pairs, seed)
        network: Callable[[], nn.Module] = partial(hidden_layers, taught.shape[1], HIDDEN, 1)
        return learned_scores(network, [taught], truth, [asked], seed)


def standardised_evidence(
    transcript: Transcript, pairs: NDArray[np.int64], seed: int
) -> tuple[Array, Array, tuple[Array, Array]]:
    """Return what is known of pairs of the shadow and of those of the transcript, and the reference model's answers.

    Everything is standardised with mean and deviation over the shadow's pairs, which the paper does not do: a Canberra
    distance over a thousand words is hundreds, one of answers below ten.
    """
    reference = reference_posteriors(transcript, seed)
    shadow, victim = transcript.shadow.seen, transcript.seen
    taught = pair_evidence(shadow.features, shadow.posteriors, reference[0], pairs)
    asked = pair_evidence(victim.features, victim.posteriors, reference[1], transcript.pairs)
    mean, deviation = taught.mean(axis=0), taught.std(axis=0)
    scale = np.where(deviation > 1e-9, deviation, 1.0)
    return (taught - mean) / scale, np.clip((asked - mean) / scale, -FARTHEST, FARTHEST), reference


def pair_evidence(features: NDArray[np.float32], answers: Array, reference: Array, pairs: NDArray[np.int64]) -> Array:
    """Return distances of features, of answers and of the reference's, and entropies of both, shape (pairs, 32)."""
    parts = [pair_distances(rows, pairs) for rows in (features, answers, reference)]
    return np.concatenate([*parts, *(_entropies(rows, pairs) for rows in (answers, reference))], axis=1)


def _entropies(answers: Array, pairs: NDArray[np.int64]) -> Array:
    """Return mean, product, difference and squared difference of the entropies of both ends, shape (pairs, 4)."""
    entropy = -(answers * np.log(np.maximum(answers, 1e-12))).sum(axis=1)
    left, right = entropy[pairs[:, 0]], entropy[pairs[:, 1]]
    return np.stack([(left + right) / 2, left * right, np.abs(left - right), np.square(left - right)], axis=1)
