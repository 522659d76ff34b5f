"""A model of the attacker's own, which knows features and labels of the shadow and no edge at all."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from oubli.audit.inversion.pair_training import hidden_layers
from oubli.audit.inversion.transcript import Transcript
from oubli.baselines.products import DENSE_FROM, Inputs, SparseMatrix, linear

HIDDEN, EPOCHS, LEARNING_RATE, WEIGHT_DECAY = 64, 60, 0.01, 5e-4


def reference_posteriors(transcript: Transcript, seed: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return what a network of two layers, trained on the shadow's nodes, says of the shadow's and the victim's.

    As in He et al. (2021): what it finds alike is alike without edges, so an edge is what the model under attack knows
    beyond it. Rows of features are scaled to sum 1.

    Returns
    -------
    tuple of ndarray of float64, shape (nodes, classes)
        Of the shadow, and of the victim. One class of probability 1 where the shadow has no two labels.
    """
    shadow = transcript.shadow
    known = np.flatnonzero(shadow.labels >= 0)
    classes, targets = np.unique(shadow.labels[known], return_inverse=True)
    rows, asked = shadow.seen.features, transcript.seen.features
    if classes.size < 2 or not rows.shape[1]:
        return np.ones((len(rows), 1)), np.ones((len(asked), 1))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = _Perceptron(rows.shape[1], classes.size)
        _train(network, _inputs(rows[known]), torch.from_numpy(targets.astype(np.int64)))
    with torch.no_grad():
        found = [network(_inputs(part)).double().softmax(1).numpy() for part in (rows, asked)]
    return found[0], found[1]


class _Perceptron(nn.Module):  # type: ignore[misc]
    """Two layers, the first of which takes sparse inputs as well."""

    def __init__(self, features: int, classes: int) -> None:
        super().__init__()
        self.first = nn.Linear(features, HIDDEN)
        self.rest = nn.Sequential(nn.ReLU(), nn.Dropout(0.5), hidden_layers(HIDDEN, classes))

    def forward(self, inputs: Inputs) -> Tensor:
        """Return a logit a class for each row."""
        logits: Tensor = self.rest(linear(inputs, self.first.weight, self.first.bias))
        return logits


def _train(network: nn.Module, inputs: Inputs, targets: Tensor) -> None:
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY, fused=True)
    network.train()
    for _ in range(EPOCHS):
        optimizer.zero_grad()
        functional.cross_entropy(network(inputs), targets).backward()
        optimizer.step()
    network.eval()


def _inputs(rows: NDArray[np.float32]) -> Inputs:
    """Return rows scaled to sum 1, compressed where most is zero."""
    sums = np.abs(rows).sum(axis=1, keepdims=True)
    scaled: Any = (rows / np.where(sums > 0, sums, 1)).astype(np.float32)
    if np.count_nonzero(scaled) < DENSE_FROM * scaled.size:
        return SparseMatrix(sp.csr_array(scaled))
    return torch.from_numpy(scaled)
