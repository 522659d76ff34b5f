"""One threshold of similarity for pairs of one predicted class, another for pairs of two."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oubli.audit.inversion.attack import Attack
from oubli.audit.inversion.distances import pair_distance
from oubli.audit.inversion.supervision import teaching_pairs
from oubli.audit.inversion.transcript import Observation, Transcript


class GroupThresholds(Attack):
    """Cosine of the answers, less the threshold of the pair's group.

    The idea of grouping is that of Zhang et al. (2023): how vulnerable an edge is depends on the classes at its ends.
    The groups here are pairs whose ends are predicted to be of one class, and of two; each threshold is the one that
    decides most pairs of the shadow rightly, retained edges against pairs without one. At 0 the score decides as the
    threshold does; an area under its curve sees by how much as well.
    """

    name = "group"
    describe = "cosine of the answers, less a threshold for ends of one predicted class, or of two"
    source = "Zhang et al. 2023, thresholds set on the shadow"

    def score(self, transcript: Transcript, seed: int) -> NDArray[np.float64]:
        """Return similarities less thresholds."""
        shadow = transcript.shadow
        pairs, truth = teaching_pairs(shadow, removed=False)
        alike, same = _similarity(shadow.seen, pairs)
        scores, groups = _similarity(transcript.seen, transcript.pairs)
        for group in (True, False):
            scores[groups == group] -= best_threshold(alike[same == group], truth[same == group])
        return scores


def best_threshold(scores: NDArray[np.float64], truth: NDArray[np.bool_]) -> float:
    """Return the threshold above which "there is an edge" is right most often; the lowest of equals.

    It lies between two scores, or beyond the outermost; of no scores it is 1, which no cosine exceeds.
    """
    if not scores.size:
        return 1.0
    order = np.argsort(scores, kind="stable")
    ranked, hits = scores[order], truth[order]
    # Number k: the k lowest are said to have no edge; only between scores that differ.
    right = np.concatenate([[0], np.cumsum(~hits)]) + hits.sum() - np.concatenate([[0], np.cumsum(hits)])
    allowed = np.concatenate([[True], ranked[1:] > ranked[:-1], [True]])
    cut = int(np.argmax(np.where(allowed, right, -1)))
    edges = np.concatenate([[ranked[0] - 1.0], ranked, [ranked[-1] + 1.0]])
    return float((edges[cut] + edges[cut + 1]) / 2)


def _similarity(seen: Observation, pairs: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return cosines of the answers, and whether both ends are predicted to be of one class."""
    classes = seen.posteriors.argmax(axis=1)
    return 1.0 - pair_distance("cosine", seen.posteriors, pairs), classes[pairs[:, 0]] == classes[pairs[:, 1]]
