"""The attack that costs nothing and nearly always works: label and pooled embedding, by inverting the head alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from oubli.audit.gradients.computation import apply_head, losses, relative_distance
from oubli.audit.gradients.head import HeadInversion, invert_head
from oubli.audit.gradients.reconstruction import Attack, Reconstruction
from oubli.audit.gradients.transcript import Transcript

EXPLAINED = 1e-2
"""Relative distance of the head's gradients above which no guess is called determined, however coarse what came."""


class HeadOnly(Attack):
    """Inverts the head and stops there; the graph itself is not guessed.

    ``details["head_residual"]`` is the relative distance of the gradient that label and embedding give the head from
    the one that was seen: 0 when they explain it. Of a batch, labels and embeddings are mixed: nothing is guessed, and
    ``details["heaviest_label"]`` is the class that the update raises most.
    """

    name = "head"

    def reconstruct(self, transcripts: Sequence[Transcript], seed: int = 0) -> list[Reconstruction]:
        """Return label and embedding of each; nothing is random."""
        return [_reconstruct(transcript) for transcript in transcripts]


def head_residual(transcript: Transcript, found: HeadInversion) -> float:
    """Return the relative distance of the head's gradient at this label and embedding from the one seen."""
    form, weights = transcript.form, transcript.weights
    leaves = {name: value.detach().requires_grad_(True) for name, value in weights.items() if name[0] in "Vc"}
    embedding = found.embedding.detach()
    label = torch.tensor(found.label, device=embedding.device)
    loss = losses(apply_head(form, leaves, embedding), label)
    guessed: Mapping[str, Tensor] = dict(zip(leaves, torch.autograd.grad(loss, list(leaves.values())), strict=True))
    return relative_distance(guessed, {name: transcript.gradient[name] for name in leaves})


def _reconstruct(transcript: Transcript) -> Reconstruction:
    found = invert_head(transcript)
    residual = head_residual(transcript, found)
    if transcript.num_graphs > 1:
        return Reconstruction(
            note=f"{transcript.num_graphs} graphs: their labels and embeddings are mixed",
            details={"head_residual": residual, "heaviest_label": found.label},
        )
    return Reconstruction(
        labels=(found.label,),
        embedding=found.embedding.cpu().numpy(),
        determined=found.unique and residual <= min(EXPLAINED, max(1e-9, 30 * transcript.rounding)),
        details={"head_residual": residual},
    )
