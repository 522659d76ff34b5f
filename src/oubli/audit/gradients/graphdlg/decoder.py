"""From what a gradient gives away of a graph to its edges and features: memory of auxiliary graphs, and a network.

GraphDLG's decoder is a network from the embedding to an adjacency, trained on auxiliary graphs, with the encoder made
blind to whether an embedding is of an auxiliary graph or a target (a
reversed gradient: Ganin and Lempitsky, ICML 2015).
Molecules are few, so here the network corrects a kernel estimate over the same auxiliary graphs.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

EPOCHS = 40
AHEAD = 3  # steps of the judge per step of the encoder; with one, the two chase each other


@dataclass(frozen=True)
class Examples:
    """Graphs that the decoder learns from or is asked about.

    Parameters
    ----------
    evidence : Tensor, shape (graphs, p)
        What is known of each.
    mask : Tensor, shape (graphs, n)
        1 for nodes, 0 for padding.
    edges : Tensor, shape (graphs, n, n)
        Probabilities before the network's correction.
    """

    evidence: Tensor
    mask: Tensor
    edges: Tensor

    def select(self, which: Tensor) -> Examples:
        """Return those that a mask picks."""
        return Examples(self.evidence[which], self.mask[which], self.edges[which])


class StructureDecoder:
    """An encoder of evidence, a decoder to edges, and a judge that the encoder learns to deceive.

    Parameters
    ----------
    width : int, default 64
    rank : int, default 16
        Of the correction: an edge's logit moves by the product of its two places' vectors.
    adversarial : float, default 0.1
        Weight of the reversed gradient.
    epochs : int
    seed : int
    """

    def __init__(
        self, width: int = 64, rank: int = 16, adversarial: float = 0.1, epochs: int = EPOCHS, seed: int = 0
    ) -> None:
        self.width, self.rank, self.adversarial, self.epochs = width, rank, adversarial, epochs
        self.generator = torch.Generator().manual_seed(seed)

    def fit(self, known: Examples, truth: Tensor, asked: Examples) -> StructureDecoder:
        """Learn from auxiliary examples with known adjacencies; of those asked about, only the evidence is used."""
        self._build(known)
        pairs = _pairs(known.mask)
        learner = torch.optim.Adam([*self.encoder.parameters(), *self.places.parameters()], lr=2e-3, weight_decay=1e-3)
        critic = torch.optim.Adam(self.judge.parameters(), lr=1e-2, weight_decay=1e-2)
        for _ in range(self.epochs):
            order = torch.randperm(len(known.evidence), generator=self.generator)
            for batch in order.split(64):
                logits = self._logits(known, batch)
                apart = nn.functional.binary_cross_entropy_with_logits(logits, truth[batch], reduction="none")
                loss = (apart * pairs[batch]).sum() / pairs[batch].sum()
                if self.adversarial:
                    codes = torch.cat([self.encode(known.evidence[batch]), self.encode(asked.evidence)])
                    for _ in range(AHEAD):
                        critic.zero_grad()
                        self._verdict(codes.detach(), len(batch)).backward()
                        critic.step()
                    loss = loss + self._verdict(_reversed(codes, self.adversarial), len(batch))
                learner.zero_grad()
                loss.backward()
                learner.step()
        return self

    @torch.no_grad()
    def decode(self, asked: Examples) -> Tensor:
        """Return probabilities of edges, shape (graphs, n, n)."""
        return torch.sigmoid(self._logits(asked, torch.arange(len(asked.evidence)))) * _pairs(asked.mask)

    def encode(self, evidence: Tensor) -> Tensor:
        """Return the codes of evidence, shape (graphs, width)."""
        return torch.as_tensor(self.encoder((evidence - self.centre) / self.spread))

    def discrepancy(self, known: Tensor, asked: Tensor) -> float:
        """Return the distance between the mean codes of two samples, in units of the codes' own spread."""
        with torch.no_grad():
            one, two = self.encode(known), self.encode(asked)
            return float((one.mean(0) - two.mean(0)).norm() / (torch.cat([one, two]).std(0).norm() + 1e-12))

    def _build(self, known: Examples) -> None:
        evidence, nodes = known.evidence, known.mask.shape[1]
        self.centre, self.spread = evidence.mean(0), evidence.std(0) + 1e-3 * evidence.std() + 1e-6
        inner = [
            self._linear(evidence.shape[1], self.width),
            nn.ReLU(),
            self._linear(self.width, self.width),
            nn.Tanh(),
        ]
        self.encoder = nn.Sequential(*inner)
        self.places = self._linear(self.width, nodes * self.rank)
        with torch.no_grad():
            self.places.weight *= 0.01
            self.places.bias *= 0.01
        self.judge = nn.Sequential(self._linear(self.width, 32), nn.ReLU(), self._linear(32, 1))

    def _logits(self, examples: Examples, batch: Tensor) -> Tensor:
        codes = self.encode(examples.evidence[batch])
        places = self.places(codes).reshape(len(codes), -1, self.rank)
        half = self.rank // 2
        # A symmetric product of either sign.
        change = places[..., :half] @ places[..., :half].mT - places[..., half:] @ places[..., half:].mT
        return torch.as_tensor(torch.logit(examples.edges[batch].clamp(1e-6, 1 - 1e-6)) + change)

    def _verdict(self, codes: Tensor, known: int) -> Tensor:
        """Return the judge's loss, where the first codes are of auxiliary graphs."""
        sides = (torch.arange(len(codes)) < known).to(codes.dtype)
        return nn.functional.binary_cross_entropy_with_logits(self.judge(codes)[:, 0], sides)

    def _linear(self, inputs: int, outputs: int) -> nn.Linear:
        layer = nn.utils.skip_init(nn.Linear, inputs, outputs)
        limit = inputs**-0.5
        with torch.no_grad():
            for part in (layer.weight, layer.bias):
                part.uniform_(-limit, limit, generator=self.generator)
        return layer


def _reversed(codes: Tensor, weight: float) -> Tensor:
    """Return the codes as they are, with a gradient that points the other way."""
    return (1 + weight) * codes.detach() - weight * codes


def _pairs(mask: Tensor) -> Tensor:
    apart = 1 - torch.eye(mask.shape[1], dtype=mask.dtype, device=mask.device)
    return mask[:, :, None] * mask[:, None, :] * apart
