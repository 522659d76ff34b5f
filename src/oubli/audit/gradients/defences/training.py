"""Training where every client's update passes through a defence."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from oubli.audit.gradients.case import Defence
from oubli.audit.gradients.computation import DenseGraphs, check_fits, forward, losses, operator_of
from oubli.audit.gradients.form import ModelForm
from oubli.errors import InputError
from oubli.graph.collection import LabelledGraph

GRAPHS_A_ROUND = 32
SERVER_RATE = 0.01
DECAYS = (0.9, 0.99)  # of the server's momentum and scale, as Reddi and others use them
ADAPTIVITY = 1e-3  # their tau


@dataclass(frozen=True, eq=False)
class Trained:
    """A model, and how often a client took part in making it.

    Parameters
    ----------
    weights : dict of str to Tensor
        In float64.
    rounds : int
        Most rounds of any one client.
    """

    weights: dict[str, Tensor]
    rounds: int


def train(
    form: ModelForm,
    collection: Sequence[LabelledGraph],
    epochs: int = 20,
    seed: int = 0,
    *,
    server_rate: float = SERVER_RATE,
) -> dict[str, Tensor]:
    """Return the weights, in float64, of a model trained without any defence; see `train_under`."""
    return train_under(Defence(), form, collection, epochs=epochs, seed=seed, server_rate=server_rate).weights


def train_under(
    defence: Defence,
    form: ModelForm,
    collection: Sequence[LabelledGraph],
    *,
    epochs: int = 20,
    seed: int = 0,
    server_rate: float = SERVER_RATE,
) -> Trained:
    """Train a federation in float32: clients share defended updates, the server takes a step along their mean.

    Each client holds as many graphs as the defence puts into one update, one where it puts none together. In each epoch
    every client takes part once, in random order, in rounds of 32 graphs; the server steps by FedAdam (Reddi and
    others, "Adaptive federated optimization", ICLR 2021).

    Parameters
    ----------
    defence : Defence
    form : ModelForm
    collection : sequence of LabelledGraph
        The training graphs.
    epochs : int, default 20
        Rounds that each client takes part in.
    seed : int, default 0
        Of first weights (``form.draw(seed)``), clients, their order, and noise.
    server_rate : float, default 0.01
        Learning rate of the server.

    Returns
    -------
    Trained

    Raises
    ------
    InputError
        For values out of range, or graphs that do not fit the form.
    """
    if epochs < 1:
        raise InputError(f"epochs: expected one or more, got {epochs}")
    if not server_rate > 0:
        raise InputError(f"server_rate: expected a number above 0, got {server_rate}")
    graphs = tuple(collection)
    check_fits(form, graphs)
    rng = np.random.default_rng(seed)
    noise = torch.Generator().manual_seed(seed)
    clients = _Clients(form, graphs, defence, rng)
    weights = form.draw(seed, torch.float32)
    server = _FedAdam(server_rate)
    a_round = max(1, GRAPHS_A_ROUND // defence.graphs_per_client)
    for _ in range(epochs):
        order = rng.permutation(len(clients))
        for start in range(0, len(order), a_round):
            updates = clients.updates(weights, order[start : start + a_round])
            messages = [defence.share(update, noise) for update in updates]
            mean = {name: torch.stack([message[name] for message in messages]).mean(0) for name in weights}
            weights = server.step(weights, mean)
    return Trained({name: value.double() for name, value in weights.items()}, epochs)


class _Clients:
    """Graphs dealt to clients, and their updates, all clients of a round at once."""

    def __init__(
        self, form: ModelForm, graphs: Sequence[LabelledGraph], defence: Defence, rng: np.random.Generator
    ) -> None:
        self._defence = defence
        size = min(defence.graphs_per_client, len(graphs))
        hands = np.array_split(rng.permutation(len(graphs)), max(1, len(graphs) // size))
        # Hands of different sizes are padded by graphs that count nothing.
        most = max(map(len, hands))
        self._hands = torch.tensor([[*hand, *[0] * (most - len(hand))] for hand in hands])
        self._shares = torch.tensor([[1 / len(hand)] * len(hand) + [0.0] * (most - len(hand)) for hand in hands])
        dense = DenseGraphs.of(graphs, torch.float32)
        self._dense, self._operator = dense, operator_of(form, dense.adjacency)
        self._labels = torch.tensor([graph.label for graph in graphs])

        def loss(
            weights: dict[str, Tensor], operator: Tensor, rows: Tensor, mask: Tensor, labels: Tensor, shares: Tensor
        ) -> Tensor:
            return (losses(forward(form, weights, operator, rows, mask).logits, labels) * shares).sum()

        self._gradients = torch.func.vmap(torch.func.grad(loss))

    def __len__(self) -> int:
        return len(self._hands)

    def updates(self, weights: dict[str, Tensor], chosen: NDArray[np.int64]) -> list[dict[str, Tensor]]:
        """Return what each of these clients computes, before its defence."""
        hands = self._hands[torch.from_numpy(chosen)]
        data = (self._operator[hands], self._dense.features[hands], self._dense.mask[hands], self._labels[hands])
        shares = self._shares[torch.from_numpy(chosen)]
        rate, steps = self._defence.learning_rate, self._defence.local_steps
        own = {name: value.expand(len(chosen), *value.shape) for name, value in weights.items()}
        walked = {name: torch.zeros_like(value) for name, value in own.items()}
        for _ in range(steps):
            gradient = self._gradients(own, *data, shares)
            own = {name: value - rate * gradient[name] for name, value in own.items()}
            walked = {name: value + gradient[name] / steps for name, value in walked.items()}
        return [{name: value[i] for name, value in walked.items()} for i in range(len(chosen))]


class _FedAdam:
    """The server's step along a mean update; moments are not corrected for their start, as in the paper."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._first: dict[str, Tensor] = {}
        self._second: dict[str, Tensor] = {}

    def step(self, weights: dict[str, Tensor], mean: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the next weights."""
        keep, keep_square = DECAYS
        out = {}
        for name, value in weights.items():
            first = self._first.get(name, torch.zeros_like(value))
            second = self._second.get(name, torch.full_like(value, ADAPTIVITY**2))
            self._first[name] = first = keep * first + (1 - keep) * mean[name]
            self._second[name] = second = keep_square * second + (1 - keep_square) * mean[name] ** 2
            out[name] = value - self._rate * first / (second.sqrt() + ADAPTIVITY)
        return out
