"""Small networks that tell pairs with an edge from pairs without, trained on the shadow's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

Arrays = Sequence[NDArray[np.float64]]


@dataclass(frozen=True)
class Training:
    """How; the settings of the public code of TrendAttack (arXiv 2506.00808) and of its baselines.

    Parameters
    ----------
    epochs, batch_size : int
    learning_rate, weight_decay : float
        Of Adam.
    """

    epochs: int = 100
    batch_size: int = 512
    learning_rate: float = 0.01
    weight_decay: float = 1e-4


PUBLISHED = Training()


def hidden_layers(*widths: int, dropout: float = 0.5) -> nn.Sequential:
    """Return linear layers of these widths, with ReLU and dropout between them."""
    layers: list[nn.Module] = []
    for given, put_out in pairwise(widths):
        layers += [nn.ReLU(), nn.Dropout(dropout)] if layers else []
        layers.append(nn.Linear(given, put_out))
    return nn.Sequential(*layers)


def learned_scores(
    network: Callable[[], nn.Module], taught: Arrays, truth: NDArray[np.bool_], asked: Arrays, seed: int
) -> NDArray[np.float64]:
    """Train a network on what is known of the shadow's pairs, and return its logits for the pairs that are asked.

    Pairs with and without an edge weigh the same in the loss, however many there are.

    Parameters
    ----------
    network : callable
        Makes the network, which takes one tensor for each of the arrays and returns a logit a row.
    taught, asked : sequence of ndarray, shape (pairs, any)
    truth : ndarray of bool, shape (pairs,)
        Both kinds have to be there.
    seed : int
        On one thread, same seed, same scores. What the caller draws from torch stays as it was.
    """
    inputs, targets = _tensors(taught), torch.from_numpy(truth.astype(np.float32))
    weights = torch.where(targets > 0, 0.5 / targets.mean(), 0.5 / (1 - targets).mean())
    # Dropout has no generator of its own: all of it runs in a random state that is set aside afterwards.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        built = network()
        _train(built, inputs, targets, weights)
    with torch.no_grad():
        scores: NDArray[np.float64] = built(*_tensors(asked)).reshape(-1).double().numpy()
    return scores


def _train(network: nn.Module, inputs: list[Tensor], targets: Tensor, weights: Tensor) -> None:
    optimizer = torch.optim.Adam(
        network.parameters(), lr=PUBLISHED.learning_rate, weight_decay=PUBLISHED.weight_decay, fused=True
    )
    network.train()
    for _ in range(PUBLISHED.epochs):
        for batch in torch.randperm(len(targets)).split(PUBLISHED.batch_size):
            optimizer.zero_grad()
            logits = network(*(tensor[batch] for tensor in inputs)).reshape(-1)
            functional.binary_cross_entropy_with_logits(logits, targets[batch], weights[batch]).backward()
            optimizer.step()
    network.eval()


def _tensors(arrays: Arrays) -> list[Tensor]:
    return [torch.from_numpy(array.astype(np.float32)) for array in arrays]
