"""DLG and iDLG: a graph whose gradient is the nearest to the one that was seen, by L-BFGS.

DLG (Zhu, Liu and Han, "Deep leakage from gradients", NeurIPS 2019) searches for data and a soft label together; iDLG
(Zhao, Mopuri and Bilen, arXiv 2001.02610) takes the label from the sign of the head's gradient.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from oubli.audit.gradients.matching.candidates import Candidates, Point, check_structure, squared_size
from oubli.audit.gradients.matching.limited_memory import minimise
from oubli.audit.gradients.reconstruction import Attack, Reconstruction
from oubli.audit.gradients.transcript import Transcript
from oubli.errors import InputError

INNER = 20
"""Evaluations per published iteration: one step of torch's L-BFGS, as the published code runs it, is up to 20."""


class DLG(Attack):
    """Deep leakage from gradients: adjacency, features and soft label by ``||dL - dL'||^2 / ||dL||^2``.

    Parameters
    ----------
    iterations : int, default 300
        As published, where one is a step of torch's L-BFGS with 20 inner ones: here 20 evaluations of the loss. The
        search is L-BFGS with backtracking, so that it does not diverge as the published one with a step of 1 does.
    oracle : bool, default False
        Whether the true structure is given.
    """

    name = "dlg"
    batch_size = 50
    know_label = False

    def __init__(self, iterations: int = 300, oracle: bool = False) -> None:
        self.iterations = iterations
        self.oracle = oracle
        if oracle:
            self.name, self.kind = f"{self.name}-oracle", "oracle"

    def check(self, transcript: Transcript) -> None:
        """Raise `InputError` when sizes, or an oracle's structure, are missing."""
        check_structure(transcript, self.oracle)

    def reconstruct(self, transcripts: Sequence[Transcript], seed: int = 0) -> list[Reconstruction]:
        """Search from one standard normal start for each transcript."""
        for transcript in transcripts:
            self.check(transcript)
        candidates = Candidates(transcripts, torch.float64, False, self.oracle, self.know_label)
        start = candidates.start(seed)
        layout = _Layout(candidates, start)
        targets = candidates.targets
        scale = squared_size(targets)

        def objective(points: Tensor) -> tuple[Tensor, Tensor]:
            points = points.detach().requires_grad_(True)
            point = layout.point(points)
            found = candidates.gradients(candidates.adjacency(point), candidates.features(point), point)
            apart = {name: value - targets[name] for name, value in found.items()}
            values = squared_size(apart) / scale
            slopes = torch.autograd.grad(values.sum(), points)[0]
            return values.detach(), slopes

        points, values, used = minimise(objective, layout.flat, INNER * self.iterations, enough=1e-26)
        details = [{"loss": float(value), "evaluations": used} for value in values]
        with torch.no_grad():
            return candidates.reconstructions(layout.point(points), clip=True, details=details)


class IDLG(DLG):
    """Improved DLG: the label is known from the head's inversion, so of one graph only.

    Parameters
    ----------
    iterations, oracle
        As of `DLG`.
    """

    name = "idlg"
    know_label = True

    def check(self, transcript: Transcript) -> None:
        """Raise `InputError` for several graphs: the head's gradient tells one label."""
        super().check(transcript)
        if transcript.num_graphs != 1:
            raise InputError(
                f"idlg: reads the label of one graph, got the gradient of {transcript.num_graphs}; use dlg"
            )


class _Layout:
    """The free numbers of each transcript in a row; of a transcript with several graphs those of all its slots."""

    def __init__(self, candidates: Candidates, start: Point) -> None:
        self.parts = [start.edges.shape[1:], start.features.shape[1:], start.labels.shape[1:]]
        slots = torch.cat([start.edges.flatten(1), start.features.flatten(1), start.labels], 1)
        owner = candidates.owner
        order = [int((owner[:slot] == owner[slot]).sum()) for slot in range(len(owner))]
        self.place = (owner, torch.tensor(order, device=owner.device))
        wide = slots.new_zeros(len(candidates.transcripts), max(order) + 1, slots.shape[1])
        wide[self.place] = slots
        self.flat, self.wide = wide.flatten(1), wide.shape

    def point(self, flat: Tensor) -> Point:
        slots = flat.reshape(self.wide)[self.place]
        edges, features, labels = slots.split([part.numel() for part in self.parts], 1)
        return Point(
            edges.reshape(-1, *self.parts[0]), features.reshape(-1, *self.parts[1]), labels.reshape(-1, *self.parts[2])
        )
