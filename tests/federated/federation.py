"""A federation for tests: real apps, strategies and messages, small graphs, no Ray."""

from dataclasses import dataclass

import numpy as np
import torch
from flwr.app import ArrayRecord
from flwr.serverapp.strategy import FedAvg
from tests.federated.in_process import InProcessGrid

from oubli.audit.gradients import Defence, ModelForm, ParameterMap
from oubli.federated.simulation import client_app
from oubli.graph import generate_molecules

FORM = ModelForm(4, 2, (16, 16), "tanh")
PARAMETERS = ParameterMap.of_form(FORM)
GRAPHS = generate_molecules(8, seed=3, num_types=4)
RATE = 0.1
CLIENTS, ROUNDS = 4, 2
SHARDS = [[GRAPHS[CLIENTS * r + p] for r in range(ROUNDS)] for p in range(CLIENTS)]


@dataclass(frozen=True, kw_only=True)
class Noise(Defence):
    """Gaussian noise without clipping."""

    sigma: float
    name: str = "noise"

    def share(self, gradient, generator):
        return {
            name: value + self.sigma * torch.randn(value.shape, generator=generator, dtype=value.dtype)
            for name, value in gradient.items()
        }


def first_weights(dtype=torch.float32):
    return FORM.draw(1, dtype)


def run(strategy_class=FedAvg, mods=(), defence=None, shards=SHARDS, dtype=torch.float32, **arguments):
    """Run a federation to the end; returns the strategy and the arrays of the last round."""
    strategy = strategy_class(
        fraction_evaluate=0.0, min_train_nodes=len(shards), min_available_nodes=len(shards), **arguments
    )
    client = client_app(shards, PARAMETERS, RATE, defence or Defence(), list(mods))
    result = strategy.start(
        InProcessGrid(client, len(shards)), ArrayRecord(PARAMETERS.to_arrays(first_weights(dtype))), num_rounds=ROUNDS
    )
    return strategy, result.arrays.to_numpy_ndarrays()


def victim(observation):
    """The graph behind an observation."""
    return SHARDS[observation.metrics["partition-id"]][observation.round - 1]


def assert_same_arrays(one, two):
    for first, second in zip(one, two, strict=True):
        np.testing.assert_array_equal(first, second)
