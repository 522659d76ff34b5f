"""Whoever kept the answers from before the removal sees where they changed."""

from __future__ import annotations

from abc import abstractmethod

import numpy as np
from numpy.typing import NDArray

from oubli.audit.inversion.attack import Attack
from oubli.audit.inversion.distances import pair_distance
from oubli.audit.inversion.transcript import Transcript
from oubli.errors import InputError

Array = NDArray[np.float64]

LEAST = 1e-12
"""Probabilities below count as this."""


class Difference(Attack):
    """An attack on what a model answered before and answers after; it learns nothing from the shadow.

    It goes by logarithms: a network is nearly sure of most nodes, and what moves its logits by much moves those
    probabilities by nothing that stands out.
    """

    needs_before = True
    source = "after Chen et al. 2021, for edges"

    def score(self, transcript: Transcript, seed: int) -> Array:
        """Return how much the answers for both ends changed, in the attack's way.

        Raises
        ------
        InputError
            When the transcript has no answers from before.
        """
        seen = transcript.seen
        if seen.before is None:
            raise InputError(
                f"attack: {self.name} needs what the model answered before the removal, and this attacker did not keep "
                "it; leave the attack out, or give the transcript before="
            )
        return self._score(log_ratios(seen.before), log_ratios(seen.posteriors), transcript.pairs)

    @abstractmethod
    def _score(self, before: Array, after: Array, pairs: NDArray[np.int64]) -> Array: ...


def log_ratios(answers: Array) -> Array:
    """Return logarithms of probabilities less their mean over the classes: logits, as far as answers tell them."""
    logarithms = np.log(np.maximum(answers, LEAST))
    centred: Array = logarithms - logarithms.mean(axis=1, keepdims=True)
    return centred


class ConfidenceDifference(Difference):
    """Who loses a neighbour is less, or more, sure of its class; both ends do, so the end that changed less counts."""

    name = "difference-confidence"
    describe = "change of the logit of the class answered before, at the end where it is smaller"

    def _score(self, before: Array, after: Array, pairs: NDArray[np.int64]) -> Array:
        nodes, classes = np.arange(len(before)), before.argmax(axis=1)
        change = np.abs(before[nodes, classes] - after[nodes, classes])
        least: Array = change[pairs].min(axis=1)
        return least


class SimilarityDifference(Difference):
    """Who is no longer joined no longer averages over the other: answers that were alike are less so."""

    name = "difference-similarity"
    describe = "distance between the logits of both ends after the removal, less that before"

    def _score(self, before: Array, after: Array, pairs: NDArray[np.int64]) -> Array:
        return pair_distance("euclidean", after, pairs) - pair_distance("euclidean", before, pairs)


class LogitShift(Difference):
    """The whole answer moves at both ends of what was removed; the end that moved less counts."""

    name = "difference-shift"
    describe = "length of the change of the logits, at the end where it is smaller"

    def _score(self, before: Array, after: Array, pairs: NDArray[np.int64]) -> Array:
        least: Array = np.linalg.norm(after - before, axis=1)[pairs].min(axis=1)
        return least
