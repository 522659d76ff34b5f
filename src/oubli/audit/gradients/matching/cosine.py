"""Inverting gradients (Geiping et al., NeurIPS 2020): the direction of the gradient, signed Adam and a smooth prior."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from oubli.audit.gradients.matching.candidates import Candidates, Point, check_structure, squared_size
from oubli.audit.gradients.reconstruction import Attack, Reconstruction
from oubli.audit.gradients.transcript import Transcript

CHUNK = 25
"""Transcripts that are searched for side by side: more no longer fit the cache."""


class InvertingGradients(Attack):
    """The soft graph whose gradient has the direction of the one seen, by Adam on signs of the loss's gradient.

    The loss is ``1 - cos(dL, dL') + smoothness sum_uv a_uv ||x_u - x_v||^2 / (2 n) + sparsity sum_uv a_uv / n``: total
    variation over an image becomes variation over the soft edges. Steps shrink tenfold after 3/8, 5/8 and 7/8. As
    published, guesses are projected to their box after each step: edge weights, and one-hot features.

    Parameters
    ----------
    iterations : int, default 24000
        The published budget.
    learning_rate : float, default 0.1
    smoothness, sparsity : float, default 1e-6
        Weights of the prior. Directions of graphs' gradients differ by 1e-6 to 1e-5, and the weight of 1e-4 that is
        usual for images leaves the empty graph.
    oracle : bool, default False
        Whether the true structure is given.
    precision : {"float32", "float64"}, default "float32"
        Of the search, as published; guesses of one gradient agree in both to the attack's own spread over seeds.
    """

    name = "inverting"
    batch_size = 50

    def __init__(
        self,
        iterations: int = 24000,
        learning_rate: float = 0.1,
        smoothness: float = 1e-6,
        sparsity: float = 1e-6,
        oracle: bool = False,
        precision: str = "float32",
    ) -> None:
        self.iterations = iterations
        self.learning_rate = learning_rate
        self.smoothness = smoothness
        self.sparsity = sparsity
        self.precision = precision
        self.oracle = oracle
        if oracle:
            self.name, self.kind = "inverting-oracle", "oracle"

    def check(self, transcript: Transcript) -> None:
        """Raise `InputError` when sizes, or an oracle's structure, are missing."""
        check_structure(transcript, self.oracle)

    def reconstruct(self, transcripts: Sequence[Transcript], seed: int = 0) -> list[Reconstruction]:
        """Search from one standard normal start for each transcript."""
        for transcript in transcripts:
            self.check(transcript)
        # Graphs of like size together: less padding.
        order = sorted(range(len(transcripts)), key=lambda place: max(transcripts[place].num_nodes or (0,)))
        found: dict[int, Reconstruction] = {}
        for low in range(0, len(order), CHUNK):
            places = order[low : low + CHUNK]
            guesses = self._search([transcripts[place] for place in places], seed)
            found.update(zip(places, guesses, strict=True))
        return [found[place] for place in range(len(transcripts))]

    def _search(self, transcripts: Sequence[Transcript], seed: int) -> list[Reconstruction]:
        # Labels of one graph are known; those of several are searched for.
        known = all(transcript.num_graphs == 1 for transcript in transcripts)
        dtype = torch.float64 if self.precision == "float64" else torch.float32
        candidates = Candidates(transcripts, dtype, True, self.oracle, known)
        start = candidates.start(seed)
        one_hot = transcripts[0].one_hot
        rows = torch.sigmoid(start.features) if one_hot else start.features
        free = [part.requires_grad_(True) for part in (torch.sigmoid(start.edges), rows, start.labels)]
        point = Point(*free)
        optimiser = torch.optim.Adam(free, lr=self.learning_rate)
        steps = [round(self.iterations * eighths / 8) for eighths in (3, 5, 7)]
        schedule = torch.optim.lr_scheduler.MultiStepLR(optimiser, steps, 0.1)
        # A common factor of a gradient changes no direction, and may be too small for float32 to square.
        sizes = squared_size({name: value.double() for name, value in candidates.targets.items()}).sqrt()
        targets = {
            name: (value.double() / sizes.reshape(-1, *[1] * (value.ndim - 1))).to(dtype)
            for name, value in candidates.targets.items()
        }
        for _ in range(self.iterations):
            total = self._loss(candidates, targets, point).sum()
            slopes = torch.autograd.grad(total, free, allow_unused=True)
            for part, slope in zip(free, slopes, strict=True):
                part.grad = torch.zeros_like(part) if slope is None else slope.sign()
            optimiser.step()
            schedule.step()
            with torch.no_grad():
                for part in free[: 2 if one_hot else 1]:
                    part.clamp_(0, 1)
        with torch.no_grad():
            losses = self._loss(candidates, targets, point)
            details: list[dict[str, float]] = [{"loss": float(loss)} for loss in losses]
            return candidates.reconstructions(point, clip=True, details=details)

    def _loss(self, candidates: Candidates, targets: dict[str, Tensor], point: Point) -> Tensor:
        adjacency, features = candidates.adjacency(point), candidates.features(point)
        found = candidates.gradients(adjacency, features, point)
        size = squared_size(found).clamp(min=1e-30).sqrt()
        # 1 - cos of unit vectors is half their squared distance, which does not cancel in float32.
        unit = {name: value / size.reshape(-1, *[1] * (value.ndim - 1)) for name, value in found.items()}
        distance = squared_size({name: value - targets[name] for name, value in unit.items()}) / 2
        degrees = adjacency.sum(-1)
        variation = (degrees * features.square().sum(-1)).sum(-1)
        variation = variation - ((adjacency @ features) * features).sum((-1, -2))
        prior = (self.smoothness * variation + self.sparsity * degrees.sum(-1)) / candidates.mask.sum(-1)
        if len(prior) != len(distance):
            prior = torch.zeros_like(distance).index_add(0, candidates.owner, prior)
        return distance + prior
