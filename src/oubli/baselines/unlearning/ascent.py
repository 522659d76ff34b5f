"""Gradient ascent on what is to be forgotten, gradient descent on what stays."""

from __future__ import annotations

import math

import numpy as np

from oubli.baselines.unlearning.classifier import check_number
from oubli.baselines.unlearning.step import Change, Step, SteppingGCN
from oubli.errors import InputError
from oubli.models.parameters import check_integer


class GradientAscentClassifier(SteppingGCN):
    """Two-layer graph convolutional network that unlearns by gradient ascent; nothing is guaranteed.

    Each epoch is a step of Adam down the mean loss of what stays, on the graph without the removal, minus
    `ascent_weight` times the mean loss, on the graph with it, of the training nodes that the removal reaches: for
    labels those that go, for edges and features those within two hops, for nodes both. Such a loss has no maximum: few
    epochs are part of the method. Needs ``pip install 'oubli[attacks]'``.

    Parameters
    ----------
    unlearning_epochs : int, default 10
    unlearning_rate : float, default 0.005
        Of Adam.
    ascent_weight : float, default 0.1
        Of the loss to be raised; that of the loss to be lowered is 1.
    hidden, epochs, learning_rate, weight_decay, dropout, seed
        As for `GIFClassifier`.

    Notes
    -----
    Ascent on what is forgotten: Golatkar, Achille and Soatto (2020); with descent on the rest, as here: Kurmanji,
    Triantafillou, Hayes and Triantafillou, "Towards unbounded machine unlearning" (2023), NegGrad+.
    """

    reason = "ascent on a loss is not the inverse of training: where it should end is not known"

    def __init__(
        self,
        *,
        unlearning_epochs: int = 10,
        unlearning_rate: float = 0.005,
        ascent_weight: float = 0.1,
        hidden: int = 64,
        epochs: int = 100,
        learning_rate: float = 0.05,
        weight_decay: float = 1e-4,
        dropout: float = 0.5,
        seed: int = 0,
    ) -> None:
        super().__init__(
            hidden=hidden,
            epochs=epochs,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            dropout=dropout,
            seed=seed,
        )
        self.unlearning_epochs, self.unlearning_rate = unlearning_epochs, unlearning_rate
        self.ascent_weight = ascent_weight

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_integer(self.unlearning_epochs, "unlearning_epochs", 0, 1_000_000)
        check_number(self.unlearning_rate, "unlearning_rate", 1e-12, math.inf)
        check_number(self.ascent_weight, "ascent_weight", 0.0, math.inf)

    def _step(self, change: Change) -> Step:
        import torch

        weights, forgotten = change.weights.clone(), np.count_nonzero(change.had)
        optimizer = torch.optim.Adam([weights], lr=self.unlearning_rate, fused=True)
        for _ in range(self.unlearning_epochs):
            descent = change.after.gradient(weights) / change.after.slots.size
            ascent = change.before.gradient(weights, change.had) / forgotten
            weights.grad = descent - self.ascent_weight * ascent
            optimizer.step()
        if not torch.isfinite(weights).all():
            raise InputError("unlearn: the weights are not finite; nothing was changed. Try a lower unlearning_rate")
        return Step(weights, f"{self.unlearning_epochs} epochs of ascent and descent", {})
