"""What a two-layer graph convolutional network minimises on one graph, with its first and second derivatives."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from oubli.baselines.dropout import Dropout
from oubli.baselines.products import feature_inputs, linear, symmetric_operator
from oubli.graph import Graph

Product = Callable[[torch.Tensor], torch.Tensor]
"""Multiplies a vector by a symmetric matrix."""


@dataclass(frozen=True)
class Shape:
    """Widths of a two-layer network, whose weights are one vector: both matrices and offsets, layer by layer.

    Parameters
    ----------
    features, hidden, classes : int
    """

    features: int
    hidden: int
    classes: int

    @property
    def sizes(self) -> list[int]:
        """How many weights each part has."""
        return [self.hidden * self.features, self.hidden, self.classes * self.hidden, self.classes]

    def split(self, weights: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return views: (hidden, features), (hidden,), (classes, hidden), (classes,)."""
        first, offsets, last, biases = weights.split(self.sizes)
        return first.view(self.hidden, self.features), offsets, last.view(self.classes, self.hidden), biases

    def draw(self, seed: int) -> torch.Tensor:
        """Return initial weights: matrices after Glorot and Bengio (2010), uniform, and zero offsets."""
        generator = torch.Generator().manual_seed(seed)
        weights = torch.zeros(sum(self.sizes))
        for matrix in self.split(weights)[::2]:
            bound = (6 / sum(matrix.shape)) ** 0.5
            matrix.uniform_(-bound, bound, generator=generator)
        return weights

    def narrow(self, weights: torch.Tensor, kept: NDArray[np.bool_]) -> torch.Tensor:
        """Return the weights without those of the classes that are not kept."""
        first, offsets, last, biases = self.split(weights)
        chosen = torch.from_numpy(kept)
        return torch.cat([first.flatten(), offsets, last[chosen].flatten(), biases[chosen]])


class Objective:
    """Cross entropy summed over training nodes, with a penalty for each, and a linear term if there is one.

    ``sum_i (loss_i(w) + weight_decay / 2 |w|^2) + noise . w`` for the network ``A relu(A X W + b) V + c`` of Kipf and
    Welling (2017), `A` being the adjacency with self-loops, normalised on both sides.

    Parameters
    ----------
    graph : Graph
        With living nodes only.
    classes : ndarray
        Ascending, those of all training nodes among them.
    shape : Shape
    weight_decay : float
    noise : torch.Tensor, optional
        The linear term.
    """

    def __init__(
        self,
        graph: Graph,
        classes: NDArray[Any],
        shape: Shape,
        weight_decay: float,
        noise: torch.Tensor | None = None,
    ) -> None:
        self.shape, self.weight_decay, self.noise = shape, weight_decay, noise
        self.inputs, self.operator = feature_inputs(graph, row_normalize=False), symmetric_operator(graph)
        self.slots = graph.split_slots("train")
        targets = np.searchsorted(classes, graph.label_values[graph.label_codes[self.slots]])
        self._slots, self._targets = torch.from_numpy(self.slots), torch.from_numpy(targets)

    def narrowed(self, kept: NDArray[np.bool_]) -> Objective:
        """Return the objective without the classes that are not kept; none of them may have a training node."""
        fresh = copy.copy(self)
        fresh.shape = replace(self.shape, classes=int(np.count_nonzero(kept)))
        fresh.noise = None if self.noise is None else self.shape.narrow(self.noise, kept)
        fresh._targets = torch.from_numpy(np.cumsum(kept) - 1)[self._targets]
        return fresh

    def scores(self, weights: torch.Tensor, dropout: tuple[Dropout, float] | None = None) -> torch.Tensor:
        """Return a score a class for every node; with dropout of hidden entries while training."""
        first, offsets, last, biases = self.shape.split(weights)
        hidden = functional.relu(self.operator.times(linear(self.inputs, first)) + offsets)
        if dropout is not None:
            draw, share = dropout
            hidden = draw(hidden, share)
        return self.operator.times(linear(hidden, last)) + biases

    def gradient(
        self,
        weights: torch.Tensor,
        among: NDArray[np.bool_] | None = None,
        dropout: tuple[Dropout, float] | None = None,
    ) -> torch.Tensor:
        """Return the gradient of the terms of some training nodes, or of the whole objective.

        Parameters
        ----------
        weights : torch.Tensor
        among : ndarray of bool, optional
            Of the length of `slots`; the linear term belongs to no node.
        dropout : pair of Dropout and float, optional
        """
        count = self.slots.size if among is None else int(np.count_nonzero(among))
        gradient = self._loss_gradient(weights, among, dropout) + (count * self.weight_decay) * weights
        return gradient if among is not None or self.noise is None else gradient + self.noise

    def curvature(self, weights: torch.Tensor) -> Product:
        """Return the product with the Hessian of the whole objective (Pearlmutter 1994)."""
        variable = weights.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(self._loss(variable, None, None), variable, create_graph=True)
        decay = self.slots.size * self.weight_decay

        def product(vector: torch.Tensor) -> torch.Tensor:
            (along,) = torch.autograd.grad(gradient, variable, vector, retain_graph=True)
            return along + decay * vector

        return product

    def _loss(
        self, weights: torch.Tensor, among: NDArray[np.bool_] | None, dropout: tuple[Dropout, float] | None
    ) -> torch.Tensor:
        slots, targets = self._slots, self._targets
        if among is not None:
            chosen = torch.from_numpy(among)
            slots, targets = slots[chosen], targets[chosen]
        return functional.cross_entropy(self.scores(weights, dropout)[slots], targets, reduction="sum")

    def _loss_gradient(
        self, weights: torch.Tensor, among: NDArray[np.bool_] | None, dropout: tuple[Dropout, float] | None
    ) -> torch.Tensor:
        variable = weights.detach().requires_grad_()
        gradient: torch.Tensor = torch.autograd.grad(self._loss(variable, among, dropout), variable)[0]
        return gradient
