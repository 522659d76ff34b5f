"""What gradient matching searches over: soft graphs side by side, and the gradients that they would have given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from oubli.audit.gradients.backpropagation import graph_gradients
from oubli.audit.gradients.computation import Tensors, operator_of, relative_distance
from oubli.audit.gradients.head import invert_head
from oubli.audit.gradients.reconstruction import Reconstruction
from oubli.audit.gradients.sizes import sizes_of
from oubli.audit.gradients.transcript import Transcript
from oubli.errors import InputError


def check_structure(transcript: Transcript, oracle: bool) -> None:
    """Raise `InputError` when an oracle is given no structure, or nothing tells the sizes of graphs."""
    if oracle and transcript.structure is None:
        raise InputError("transcript.structure: missing; an oracle is given the true adjacencies")
    sizes_of(transcript)


@dataclass(frozen=True, eq=False)
class Point:
    """Where the search is; the batch has one soft graph per slot, and a slot belongs to one transcript.

    Parameters
    ----------
    edges : Tensor, shape (slots, n, n)
        The adjacency is their symmetric part, or the logistic function of it. Not used when it is given.
    features : Tensor, shape (slots, n, d)
    labels : Tensor, shape (slots, classes)
        Free numbers whose softmax is the label.
    """

    edges: Tensor
    features: Tensor
    labels: Tensor


class Candidates:
    """Soft graphs for some transcripts of the same form and weights.

    Parameters
    ----------
    transcripts : sequence of Transcript
    dtype : torch.dtype
        Of the search.
    direct : bool
        Whether edges are the weights themselves, which the search keeps between 0 and 1, rather than logits.
    oracle : bool
        Whether the adjacency is the true one.
    know_label : bool
        Whether labels are taken from the head's inversion rather than searched for.
    """

    def __init__(
        self, transcripts: Sequence[Transcript], dtype: torch.dtype, direct: bool, oracle: bool, know_label: bool
    ) -> None:
        first = transcripts[0]
        self.transcripts, self.dtype, self.direct, self.form = transcripts, dtype, direct, first.form
        self.weights = {name: value.to(dtype) for name, value in first.weights.items()}
        self.targets = {
            name: torch.stack([transcript.gradient[name] for transcript in transcripts]).to(dtype)
            for name in first.form.shapes()
        }
        self.sizes = [sizes_of(transcript) for transcript in transcripts]
        flat = [n for each in self.sizes for n in each]
        largest, device = max(flat), first.device
        self.mask = torch.zeros(len(flat), largest, dtype=dtype, device=device)
        for slot, n in enumerate(flat):
            self.mask[slot, :n] = 1
        apart = 1 - torch.eye(largest, dtype=dtype, device=device)
        self.pairs = self.mask[:, :, None] * self.mask[:, None, :] * apart
        self.owner = torch.tensor([place for place, each in enumerate(self.sizes) for _ in each], device=device)
        self.structure = self._true_structure(largest) if oracle else None
        self.labels = self._seen_labels() if know_label else None

    def _true_structure(self, largest: int) -> Tensor:
        given = [matrix for transcript in self.transcripts for matrix in transcript.structure or ()]
        out = torch.zeros(len(given), largest, largest, dtype=self.dtype, device=self.mask.device)
        for slot, matrix in enumerate(given):
            out[slot, : len(matrix), : len(matrix)] = torch.from_numpy(np.asarray(matrix, np.float64)).to(self.dtype)
        return out

    def _seen_labels(self) -> Tensor:
        classes = torch.eye(self.form.num_classes, dtype=self.dtype, device=self.mask.device)
        return classes[[invert_head(transcript).label for transcript in self.transcripts]]

    def start(self, seed: int) -> Point:
        """Draw a standard normal start for each slot, from its transcript's size alone: padding changes nothing."""
        slots, largest = self.mask.shape
        features, classes = self.form.num_features, self.form.num_classes
        point = Point(
            torch.zeros(slots, largest, largest, dtype=self.dtype),
            torch.zeros(slots, largest, features, dtype=self.dtype),
            torch.zeros(slots, classes, dtype=self.dtype),
        )
        slot = 0
        for each in self.sizes:
            generator = torch.Generator().manual_seed(seed)
            for n in each:
                point.edges[slot, :n, :n] = torch.randn(n, n, generator=generator, dtype=torch.float64)
                point.features[slot, :n] = torch.randn(n, features, generator=generator, dtype=torch.float64)
                point.labels[slot] = torch.randn(classes, generator=generator, dtype=torch.float64)
                slot += 1
        device = self.mask.device
        return Point(point.edges.to(device), point.features.to(device), point.labels.to(device))

    def adjacency(self, point: Point) -> Tensor:
        """Return the soft adjacencies."""
        if self.structure is not None:
            return self.structure
        symmetric = (point.edges + point.edges.mT) / 2
        return (symmetric if self.direct else torch.sigmoid(symmetric)) * self.pairs

    def features(self, point: Point) -> Tensor:
        """Return the features, zero in the padding."""
        return point.features * self.mask[..., None]

    def gradients(self, adjacency: Tensor, features: Tensor, point: Point) -> dict[str, Tensor]:
        """Return what each transcript's gradient would be; of several graphs it is the mean."""
        labels = self.labels if self.labels is not None else torch.softmax(point.labels, -1)
        operator = operator_of(self.form, adjacency)
        found = graph_gradients(self.form, self.weights, operator, features, self.mask, labels)
        if len(self.owner) == len(self.transcripts):
            return found
        count = torch.bincount(self.owner)
        means = {}
        for name, value in found.items():
            total = value.new_zeros(len(count), *value.shape[1:]).index_add(0, self.owner, value)
            means[name] = total / count.reshape(-1, *[1] * (value.ndim - 1))
        return means

    def reconstructions(self, point: Point, clip: bool, details: list[dict[str, float]]) -> list[Reconstruction]:
        """Return what the point says of each transcript; `clip` bounds features by 0 and 1 where they are one-hot."""
        adjacency, features = self.adjacency(point), self.features(point)
        found = self.gradients(adjacency, features, point)
        labels = self.labels if self.labels is not None else point.labels
        out = []
        for place, transcript in enumerate(self.transcripts):
            slots = torch.nonzero(self.owner == place)[:, 0].tolist()
            parts = [
                (adjacency[slot, :n, :n], features[slot, :n]) for slot, n in zip(slots, self.sizes[place], strict=True)
            ]
            rows = torch.cat([part[1] for part in parts]).double()
            own = {name: value[place] for name, value in found.items()}
            out.append(
                Reconstruction(
                    labels=tuple(sorted(labels[slots].argmax(-1).tolist())),
                    embedding=_embedding(transcript),
                    edge_scores=torch.block_diag(*[part[0] for part in parts]).double().cpu().numpy(),
                    features=(rows.clamp(0, 1) if clip and transcript.one_hot else rows).cpu().numpy(),
                    residual=relative_distance(own, transcript.gradient),
                    details=details[place],
                )
            )
        return out


def _embedding(transcript: Transcript) -> np.ndarray | None:
    return invert_head(transcript).embedding.cpu().numpy() if transcript.num_graphs == 1 else None


def squared_size(gradients: Tensors) -> Tensor:
    """Return the squared norm over all parameters, shape (transcripts,)."""
    return torch.stack([value.square().flatten(1).sum(1) for value in gradients.values()]).sum(0)
