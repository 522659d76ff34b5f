"""What attacks could do if they had the structure: bounds on how much of a failure is the structure's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from oubli.audit.gradients.computation import operator_of
from oubli.audit.gradients.form import ModelForm
from oubli.audit.gradients.graphdlg.refinement import gradient_residual
from oubli.audit.gradients.head import HeadInversion, invert_head
from oubli.audit.gradients.reconstruction import Attack, Reconstruction
from oubli.audit.gradients.recursion import ROUTES, recurse_features
from oubli.audit.gradients.transcript import Transcript
from oubli.errors import InputError


class RecursionOracle(Attack):
    """The closed-form recursion from the true structure, with the pooled embedding in place of every last state.

    Both routes are tried; the one whose features give back the gradient better is kept.
    """

    name = "recursion-oracle"
    kind = "oracle"

    def check(self, transcript: Transcript) -> None:
        """Raise `InputError` for a missing structure, several graphs, GIN layers or max pooling."""
        if transcript.structure is None:
            raise InputError("transcript.structure: missing; an oracle is given the true adjacency")
        form = transcript.form
        if transcript.num_graphs != 1 or form.layer != "gcn" or form.pooling == "max":
            raise InputError(
                f"{self.name}: supported for one graph, GCN layers and mean or sum pooling, got "
                f"{transcript.num_graphs} graphs, {form.layer} and {form.pooling}"
            )

    def reconstruct(self, transcripts: Sequence[Transcript], seed: int = 0) -> list[Reconstruction]:
        """Recurse from the last layer to the features of each transcript."""
        return [self._one(transcript) for transcript in transcripts]

    def _one(self, transcript: Transcript) -> Reconstruction:
        self.check(transcript)
        adjacency = np.asarray((transcript.structure or ())[0], np.float64)
        head = invert_head(transcript)
        operator = operator_of(transcript.form, torch.from_numpy(adjacency).to(transcript.device))
        last = broadcast_states(transcript.form, head, len(adjacency))
        found = []
        for route in ROUTES:
            recursion = recurse_features(
                transcript.form,
                transcript.weights,
                transcript.gradient,
                operator,
                head.sensitivity,
                last,
                route,
                transcript.rounding,
            )
            rows = torch.nan_to_num(recursion.features)
            features = (rows.clamp(0, 1) if transcript.one_hot else rows).cpu().numpy()
            apart = gradient_residual(transcript, adjacency, features, head.label)
            found.append((apart, route, features, recursion))
        apart, route, features, recursion = min(found, key=lambda each: each[0])
        return Reconstruction(
            labels=(head.label,),
            embedding=head.embedding.cpu().numpy(),
            edge_scores=adjacency,
            features=features,
            adjacency=adjacency,
            # Ranks say what follows from the last states, and those are not known.
            determined=recursion.determined and apart <= max(1e-6, 1e3 * transcript.rounding),
            ranks=recursion.ranks,
            residual=apart,
            note=recursion.reason,
            details={"route": route},
        )


def broadcast_states(form: ModelForm, head: HeadInversion, num_nodes: int) -> Tensor:
    """Return pre-activations ``Z_L`` that would pool to the embedding if all nodes were alike."""
    share = head.embedding / num_nodes if form.pooling == "sum" else head.embedding
    before = share if form.act.inverse is None else form.act.inverse(share)
    return torch.nan_to_num(before).expand(num_nodes, -1)
