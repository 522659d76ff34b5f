"""Full-batch training for a fixed number of epochs: no validation node is looked at."""

from __future__ import annotations

import torch

from oubli.baselines.dropout import Dropout
from oubli.baselines.unlearning.objective import Objective
from oubli.errors import InputError


def train(objective: Objective, epochs: int, learning_rate: float, dropout: float, seed: int) -> torch.Tensor:
    """Return the weights after so many steps of Adam on the mean over training nodes.

    Raises
    ------
    InputError
        When training diverges.
    """
    weights = objective.shape.draw(seed)
    optimizer = torch.optim.Adam([weights], lr=learning_rate, fused=True)
    drops = (Dropout(seed), dropout) if dropout else None
    for _ in range(epochs):
        weights.grad = objective.gradient(weights, dropout=drops) / objective.slots.size
        optimizer.step()
    if not torch.isfinite(weights).all():
        raise InputError("fit: the network's weights are not finite; try a lower learning_rate")
    return weights
