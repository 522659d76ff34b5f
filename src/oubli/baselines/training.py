"""Full-batch training with early stopping."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from oubli.baselines.networks import OPERATORS, Network, Shape
from oubli.baselines.products import feature_inputs
from oubli.errors import InputError
from oubli.graph import Graph
from oubli.models.scoring import score_predictions


@dataclass(frozen=True)
class Schedule:
    """How a network is trained; see `GNNClassifier`."""

    learning_rate: float
    weight_decay: float
    epochs: int
    patience: int
    evaluate_every: int
    scoring: str
    seed: int


@dataclass
class Trained:
    """The best network that training came by, and its scores of all nodes."""

    network: Network
    scores: NDArray[np.float64]
    best_epoch: int
    epochs: int


def train(
    graph: Graph, targets: NDArray[np.int64], classes: int, shape: Shape, schedule: Schedule, row_normalize: bool
) -> Trained:
    """Train on the training nodes; `targets` are class positions by slot, -1 where there is none.

    Raises
    ------
    InputError
        When training diverges from the start.
    """
    inputs, operator = feature_inputs(graph, row_normalize), OPERATORS[shape.kind](graph)
    # The seed of initial weights is set aside afterwards: what the caller draws stays as it was.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(schedule.seed)
        network = Network(shape, graph.num_features, classes, schedule.seed)
    optimizer = torch.optim.Adam(
        network.parameters(), lr=schedule.learning_rate, weight_decay=schedule.weight_decay, fused=True
    )
    taught = torch.from_numpy(graph.split_slots("train"))
    wanted = torch.from_numpy(targets)[taught]
    validation = _Validation(graph.split_slots("val"), targets, schedule.scoring)
    best, state, trained = (-np.inf, -np.inf), network.state_dict(), Trained(network, np.empty((0, 0)), 0, 0)
    for epoch in range(1, schedule.epochs + 1):
        _step(network, optimizer, (inputs, operator), taught, wanted)
        trained.epochs = epoch
        if epoch % schedule.evaluate_every and epoch < schedule.epochs:
            continue
        network.eval()
        with torch.no_grad():
            scores = network(inputs, operator)
        quality = validation.quality(scores)
        if math.isfinite(quality[1]) and quality > best:
            best, trained.best_epoch = quality, epoch
            trained.scores, state = scores.double().numpy(), copy.deepcopy(network.state_dict())
        if epoch - trained.best_epoch >= schedule.patience:
            break
    if not trained.best_epoch:
        raise InputError("fit: the network's scores were never finite; try a lower learning_rate")
    network.load_state_dict(state)
    return trained


def _step(network: Network, optimizer: Any, given: Any, taught: torch.Tensor, wanted: torch.Tensor) -> None:
    network.train()
    optimizer.zero_grad()
    functional.cross_entropy(network(*given)[taught], wanted).backward()
    optimizer.step()


class _Validation:
    def __init__(self, slots: NDArray[np.int64], targets: NDArray[np.int64], scoring: str) -> None:
        self.slots, self.targets, self.scoring = torch.from_numpy(slots), targets[slots], scoring
        # A class that no training node has counts as a mistake, and has no loss.
        self.known = torch.from_numpy(np.flatnonzero(self.targets >= 0))

    def quality(self, scores: torch.Tensor) -> tuple[float, float]:
        """Return the score and, for ties, the negated loss."""
        own = scores[self.slots]
        loss = functional.cross_entropy(own[self.known], torch.from_numpy(self.targets)[self.known])
        return score_predictions(own.double().numpy(), self.targets, self.scoring), -float(loss)
