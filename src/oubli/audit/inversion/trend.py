"""TrendAttack: who is less sure than its neighbours lost an edge (arXiv 2506.00808)."""

from __future__ import annotations

from abc import abstractmethod
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from oubli.audit.inversion.attack import Attack
from oubli.audit.inversion.neighbourhood import adjacency_matrix, trend_features
from oubli.audit.inversion.pair_training import hidden_layers, learned_scores
from oubli.audit.inversion.stealing import HIDDEN, standardised_evidence
from oubli.audit.inversion.supervision import teaching_pairs
from oubli.audit.inversion.transcript import Observation, Transcript

Array = NDArray[np.float64]

SIGNS = (1.0, -1.0, -1.0, 1.0)
"""An end below its neighbours, which are not below theirs, speaks for an edge that was there."""


class TrendAttack(Attack):
    """A predictor of edges, and a linear layer on the trends of both ends added to what it says.

    The shadow's unlearned and retained edges are taught, against pairs without an edge. As all attacks here see the
    graph, retained pairs under test are hidden from the edges on both sides; the public code hides them on the victim's
    side only.

    What trends add is to be compared with the same attack that no model answers to (`oubli.audit.inversion.blind`): of
    a network that is sure of most nodes, nine in ten signs and more are those of equal confidence, which tell of
    degrees.

    Parameters
    ----------
    order : int, default 2
        Signs a node.
    """

    source = "arXiv 2506.00808"

    def __init__(self, order: int = 2) -> None:
        self.order = order

    def trends(self, seen: Observation, confidence: Array, pairs: NDArray[np.int64]) -> Array:
        """Return the trend features of both ends, added, shape (pairs, 2 * order)."""
        found = trend_features(adjacency_matrix(seen.edges, len(seen.features)), confidence, self.order)
        # One linear layer for both ends: of the sum it is the same.
        added: Array = found[pairs[:, 0]] + found[pairs[:, 1]]
        return added

    @abstractmethod
    def score(self, transcript: Transcript, seed: int) -> Array:
        """Return logits of predictor and trends together."""


class TrendMIA(TrendAttack):
    """TrendAttack on a predictor that sees nothing but the answers."""

    name = "trend-mia"
    describe = "a network over the answers of both ends, with trends of confidence over neighbours"

    def score(self, transcript: Transcript, seed: int) -> Array:
        """Return logits of predictor and trends together."""
        shadow, seen = transcript.shadow.seen, transcript.seen
        pairs, truth = teaching_pairs(transcript.shadow, removed=True)
        width = max(shadow.posteriors.shape[1], seen.posteriors.shape[1])
        taught, asked = (
            [*_ends(part.posteriors, asked, width), self.trends(part, part.posteriors.max(axis=1), asked)]
            for part, asked in ((shadow, pairs), (seen, transcript.pairs))
        )
        return learned_scores(partial(_AnswersAndTrends, width, 2 * self.order), taught, truth, asked, seed)


class TrendSteal(TrendAttack):
    """TrendAttack on link stealing."""

    name = "trend-steal"
    describe = "link stealing with a shadow, with trends of confidence over neighbours"

    def score(self, transcript: Transcript, seed: int) -> Array:
        """Return logits of predictor and trends together."""
        pairs, truth = teaching_pairs(transcript.shadow, removed=True)
        taught, asked, _ = standardised_evidence(transcript, pairs, seed)
        shadow, seen = transcript.shadow.seen, transcript.seen
        network = partial(_DistancesAndTrends, taught.shape[1], 2 * self.order)
        return learned_scores(
            network,
            [taught, self.trends(shadow, shadow.posteriors.max(axis=1), pairs)],
            truth,
            [asked, self.trends(seen, seen.posteriors.max(axis=1), transcript.pairs)],
            seed,
        )


class _AnswersAndTrends(nn.Module):  # type: ignore[misc]
    """Each end's answers encoded, both multiplied entry by entry, and a logit of that; a logit of trends added."""

    def __init__(self, answers: int, trends: int) -> None:
        super().__init__()
        self.encoder = hidden_layers(answers, HIDDEN, HIDDEN)
        self.predictor = hidden_layers(HIDDEN, 16, 1)
        self.trends = _trend_layer(trends, 0.5)

    def forward(self, left: Tensor, right: Tensor, trends: Tensor) -> Tensor:
        """Return a logit a pair."""
        logits: Tensor = self.predictor(self.encoder(left) * self.encoder(right)) + self.trends(trends)
        return logits


class _DistancesAndTrends(nn.Module):  # type: ignore[misc]
    """A logit of what link stealing goes by, and one of trends added."""

    def __init__(self, evidence: int, trends: int) -> None:
        super().__init__()
        self.predictor = hidden_layers(evidence, HIDDEN, 1)
        self.trends = _trend_layer(trends, 0.7)

    def forward(self, evidence: Tensor, trends: Tensor) -> Tensor:
        """Return a logit a pair."""
        logits: Tensor = self.predictor(evidence) + self.trends(trends)
        return logits


def _trend_layer(trends: int, size: float) -> nn.Linear:
    """Return a linear layer that begins with the paper's belief, where there are two signs a node."""
    layer = nn.Linear(trends, 1)
    if trends == len(SIGNS):
        with torch.no_grad():
            layer.weight.copy_(size * torch.tensor([SIGNS]))
    return layer


def _ends(answers: Array, pairs: NDArray[np.int64], width: int) -> tuple[Array, Array]:
    """Return the answers for either end; classes that only the other side has get probability 0."""
    filled = np.zeros((len(answers), width))
    filled[:, : answers.shape[1]] = answers
    return filled[pairs[:, 0]], filled[pairs[:, 1]]
