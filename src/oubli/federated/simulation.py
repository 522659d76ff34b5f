"""A small federation that is observed, in Flower's simulation engine: graphs spread over clients, one graph a round.

Flower reports each run, and Ray each start, to their makers unless told not to: set ``FLWR_TELEMETRY_ENABLED=0`` before
flwr is imported, and ``RAY_USAGE_STATS_ENABLED=0``.
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from flwr.app import ArrayRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid, ServerApp
from flwr.simulation import run_simulation

from oubli.audit.gradients import Attack, Case, Defence, ModelForm, ParameterMap, Secret
from oubli.audit.gradients.computation import loss_gradient
from oubli.audit.gradients.head_only import HeadOnly
from oubli.errors import InputError, OubliError
from oubli.federated.mods import Mod, defence_mod
from oubli.federated.strategy import AuditStrategy, single_record
from oubli.federated.update import Observation, UpdateAudit
from oubli.graph.collection import GraphCollection, LabelledGraph


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a curious server has at the end of a federation, and the truth.

    Parameters
    ----------
    defence : Defence
    observations : tuple of Observation
        One a client and round.
    victims : tuple of int
        Position in the collection of the graph behind each.
    secrets : tuple of Secret
        The truth behind each.
    weights : dict of str to Tensor
        Of the model at the end.
    seconds : float
        Wall time of the simulation.
    """

    defence: Defence
    observations: tuple[Observation, ...]
    victims: tuple[int, ...]
    secrets: tuple[Secret, ...] = field(repr=False)
    weights: dict[str, torch.Tensor] = field(repr=False)
    seconds: float


def simulate(
    graphs: GraphCollection,
    form: ModelForm,
    defence: Defence | None = None,
    attacks: Sequence[Attack] | None = None,
    *,
    num_clients: int = 4,
    num_rounds: int = 2,
    learning_rate: float = 0.1,
    auxiliary: Sequence[LabelledGraph] = (),
    auxiliary_source: str = "none",
    max_degree: int | None = None,
    seed: int = 0,
    num_cpus: int = 2,
) -> Outcome:
    """Run federated averaging over clients that train on one graph a round, and observe each reply.

    The clients compute in float32 and reply with weights; the nodes of their graphs are in random order. With the same
    arguments victims and noise are the same, and weights but for the order in which replies come in and are summed.

    Parameters
    ----------
    graphs : GraphCollection
        Those of all clients; each is used once at the most.
    form : ModelForm
    defence : Defence, optional
        Applied by each client to what it sends, as a mod; with local steps each client takes that many.
    attacks : sequence of Attack, optional
        By default head inversion.
    num_clients, num_rounds : int
    learning_rate : float, default 0.1
    auxiliary, auxiliary_source, max_degree
        As in `Transcript`.
    seed : int, default 0
        Of the weights at the start, of who has which graphs, of noise and of attacks.
    num_cpus : int, default 2
        Cores for clients.

    Raises
    ------
    InputError
        When there are too few graphs, or the defence mixes several.
    ImportError
        Without Ray.
    OubliError
        When a client failed; Flower's log says how.
    """
    defence = defence or Defence()
    _check(graphs, defence, num_clients * num_rounds)
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(graphs))
    shards = order[: num_clients * num_rounds].reshape(num_clients, num_rounds)
    parameters = ParameterMap.of_form(form)
    audit = UpdateAudit(
        parameters,
        learning_rate,
        defence.local_steps,
        (HeadOnly(),) if attacks is None else tuple(attacks),
        defence=defence,
        one_hot=graphs.one_hot,
        max_degree=max_degree,
        auxiliary=tuple(auxiliary),
        auxiliary_source=auxiliary_source,
        seed=seed,
    )
    strategy = AuditStrategy(
        audit=audit, fraction_evaluate=0.0, min_train_nodes=num_clients, min_available_nodes=num_clients
    )
    mod = defence_mod(replace(defence, local_steps=1), learning_rate, defence.local_steps, parameters, seed)
    # In the order of a data set, the numbers of two nodes tell much about whether they are tied.
    held = {int(i): graphs[i].permuted(rng.permutation(graphs[i].num_nodes)) for i in shards.ravel()}
    client = client_app([[held[int(i)] for i in shard] for shard in shards], parameters, learning_rate, defence, [mod])
    began = time.perf_counter()
    weights = _run(strategy, client, parameters, form.draw(seed, torch.float32), shards.shape, num_cpus)
    seconds = time.perf_counter() - began
    seen = sorted(strategy.observations, key=lambda each: (each.round, each.metrics["partition-id"]))
    victims = tuple(int(shards[each.metrics["partition-id"], each.round - 1]) for each in seen)
    secrets = tuple(
        Case(form, each.transcript.weights).observe([held[victim]])[1]
        for each, victim in zip(seen, victims, strict=True)
    )
    return Outcome(defence, tuple(seen), victims, secrets, weights, seconds)


def _check(graphs: GraphCollection, defence: Defence, needed: int) -> None:
    if defence.num_graphs != 1:
        raise InputError(f"defence {defence.name}: mixes graphs, and clients of this federation train on one a round")
    if needed > len(graphs):
        raise InputError(f"{graphs.name}: {len(graphs)} graphs, and {needed} are needed, one a client and round")
    if importlib.util.find_spec("ray") is None:
        raise ImportError('Flower simulates with Ray: pip install "oubli[flower]"')


def _run(
    strategy: AuditStrategy,
    client: ClientApp,
    parameters: ParameterMap,
    first: dict[str, torch.Tensor],
    shape: tuple[int, ...],
    num_cpus: int,
) -> dict[str, torch.Tensor]:
    """Simulate (clients, rounds), and return the weights at the end."""
    num_clients, num_rounds = shape
    server, weights = ServerApp(), dict(first)

    @server.main()
    def main(grid: Grid, context: Context) -> None:
        arrays = ArrayRecord(parameters.to_arrays(first))
        result = strategy.start(grid=grid, initial_arrays=arrays, num_rounds=num_rounds)
        weights.update(parameters.from_arrays(result.arrays.to_numpy_ndarrays()))

    settings: dict[str, Any] = {
        "client_resources": {"num_cpus": 1, "num_gpus": 0.0},
        "init_args": {"num_cpus": num_cpus, "include_dashboard": False},
    }
    run_simulation(server, client, num_clients, backend_config=settings)
    seen, expected = len(strategy.observations), num_clients * num_rounds
    if seen != expected:
        raise OubliError(f"simulation: {seen} of {expected} replies came; Flower's log says why")
    return weights


def client_app(
    shards: Sequence[Sequence[LabelledGraph]],
    parameters: ParameterMap,
    learning_rate: float,
    defence: Defence,
    mods: list[Mod],
) -> ClientApp:
    """Return an app whose client of partition p trains on ``shards[p][round - 1]`` by plain SGD.

    Parameters
    ----------
    shards : sequence of sequence of LabelledGraph
    parameters : ParameterMap
    learning_rate : float
    defence : Defence
        Its local steps are taken here.
    mods : list of Mod
    """
    app = ClientApp(mods=mods)

    @app.train()
    def train(message: Message, context: Context) -> Message:
        partition = int(context.node_config["partition-id"])
        graph = shards[partition][int(str(message.content.config_records["config"]["server-round"])) - 1]
        weights = parameters.from_arrays(single_record(message).to_numpy_ndarrays())
        for _ in range(defence.local_steps):
            gradient = loss_gradient(parameters.form, weights, [graph])
            weights = {name: value - learning_rate * gradient[name] for name, value in weights.items()}
        reply = RecordDict()
        reply["arrays"] = ArrayRecord(parameters.to_arrays(weights))
        reply["metrics"] = MetricRecord({"num-examples": 1, "partition-id": partition})
        return Message(reply, reply_to=message)

    return app
