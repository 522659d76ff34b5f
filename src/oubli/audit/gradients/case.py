"""A round of a federation, acted out: a client computes its update, a defence changes it, the server sees the rest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from oubli.audit.gradients.computation import DenseGraphs, forward, loss_gradient, operator_of
from oubli.audit.gradients.form import ModelForm
from oubli.audit.gradients.transcript import Secret, Transcript
from oubli.errors import InputError
from oubli.graph.collection import LabelledGraph

PRECISIONS = {"float64": (torch.float64, 2.0**-53), "float32": (torch.float32, 2.0**-24)}


@dataclass(frozen=True)
class Defence:
    """What a client does to its update before sharing it; this one does nothing, and is the base of all others.

    Parameters
    ----------
    name : str, default "none"
        As the command line spells it.
    num_graphs : int, default 1
        How many graphs are in what the server sees.
    local_steps : int, default 1
        Gradient steps that a client takes before it reports; the server divides the difference of the weights by
        ``learning_rate * local_steps``.
    learning_rate : float, default 0.1
        Of local steps; of no importance when there is one.
    num_clients : int, default 1
        How many clients' messages the server sees only the mean of; the graphs are theirs in equal parts.

    Raises
    ------
    InputError
        When a number is below one, or clients cannot have equally many graphs.
    """

    name: str = "none"
    num_graphs: int = 1
    local_steps: int = 1
    learning_rate: float = 0.1
    num_clients: int = 1

    def __post_init__(self) -> None:
        if min(self.num_graphs, self.local_steps, self.num_clients) < 1 or self.num_graphs % self.num_clients:
            raise InputError(
                f"defence {self.name}: needs a graph, a step and a client or more, and as many graphs of each client, "
                f"got {self.num_graphs} graphs, {self.local_steps} steps, {self.num_clients} clients"
            )
        if not 0 < self.learning_rate < float("inf"):
            raise InputError(f"defence {self.name}: learning rate {self.learning_rate}; it must be above 0 and finite")

    @property
    def graphs_per_client(self) -> int:
        """How many graphs a client computes its update from."""
        return self.num_graphs // self.num_clients

    def share(self, gradient: Mapping[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        """Return what one client sends in place of its gradient."""
        return dict(gradient)

    def rounding(self, precision: float) -> float:
        """Return the relative error of what is sent, as anyone who knows the protocol can tell.

        Parameters
        ----------
        precision : float
            That of the client's arithmetic, such as 2**-24.
        """
        return precision

    def rounding_of(self, seen: Mapping[str, Tensor], precision: float) -> float:
        """Return the relative error of a message, as who knows the protocol and sees the message can tell."""
        return self.rounding(precision)

    def describe(self) -> str:
        """Say in words what is done, for the threat model."""
        return "nothing is done to it"


@dataclass(frozen=True, eq=False)
class Case:
    """A model under audit, and what the server knows beside.

    Parameters
    ----------
    form : ModelForm
    weights : mapping of str to Tensor
        What the server sends.
    precision : {"float64", "float32"}, default "float64"
        In which clients compute.
    device : str, default "cpu"
        Where client and attacks compute.
    one_hot, max_degree, auxiliary, auxiliary_source
        As in `Transcript`.
    num_nodes_known : bool, default True
        Whether the server knows the sizes of graphs.

    Raises
    ------
    InputError
        When the weights are not those of the form, or the precision is unknown.
    """

    form: ModelForm
    weights: Mapping[str, Tensor]
    precision: str = "float64"
    device: str = "cpu"
    one_hot: bool = False
    max_degree: int | None = None
    auxiliary: tuple[LabelledGraph, ...] = field(default=(), repr=False)
    auxiliary_source: str = "none"
    num_nodes_known: bool = True

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            raise InputError(f"precision: {self.precision!r} is not supported; supported: {', '.join(PRECISIONS)}")
        for name, shape in self.form.shapes().items():
            if name not in self.weights or tuple(self.weights[name].shape) != shape:
                found = tuple(self.weights[name].shape) if name in self.weights else "nothing"
                raise InputError(f"weights: {name} should be of shape {shape}, and is {found}")
        dtype = PRECISIONS[self.precision][0]
        sent = {name: self.weights[name].detach().to(self.device, dtype) for name in self.form.shapes()}
        object.__setattr__(self, "weights", sent)

    def observe(
        self, graphs: Sequence[LabelledGraph], defence: Defence | None = None, seed: int = 0
    ) -> tuple[Transcript, Secret]:
        """Act out one update of one client.

        Parameters
        ----------
        graphs : sequence of LabelledGraph
            Those of the client; as many as the defence says.
        defence : Defence, optional
            By default none.
        seed : int, default 0
            Of the defence's noise.

        Returns
        -------
        transcript : Transcript
            What the server sees.
        secret : Secret
            What it does not.
        """
        defence = defence or Defence()
        if len(graphs) != defence.num_graphs:
            raise InputError(f"graphs: defence {defence.name} puts {defence.num_graphs} together, got {len(graphs)}")
        seen = self._seen(graphs, defence, torch.Generator().manual_seed(seed))
        transcript = Transcript(
            form=self.form,
            weights={name: value.double() for name, value in self.weights.items()},
            gradient=seen,
            rounding=defence.rounding_of(seen, PRECISIONS[self.precision][1]),
            num_graphs=len(graphs),
            num_nodes=tuple(graph.num_nodes for graph in graphs) if self.num_nodes_known else None,
            one_hot=self.one_hot,
            max_degree=self.max_degree,
            auxiliary=self.auxiliary,
            auxiliary_source=self.auxiliary_source,
            protocol=f"computed in {self.precision}; {defence.describe()}",
        )
        return transcript, self._secret(graphs)

    def _seen(self, graphs: Sequence[LabelledGraph], defence: Defence, generator: torch.Generator) -> dict[str, Tensor]:
        """Return the mean over clients of what each sends, in float64."""
        size = defence.graphs_per_client
        clients = [graphs[start : start + size] for start in range(0, len(graphs), size)]
        messages = [defence.share(self._update(client, defence), generator) for client in clients]
        return {name: sum(message[name].double() for message in messages) / len(messages) for name in self.weights}

    def _update(self, graphs: Sequence[LabelledGraph], defence: Defence) -> dict[str, Tensor]:
        if defence.local_steps == 1:
            return loss_gradient(self.form, self.weights, graphs)
        weights = dict(self.weights)
        for _ in range(defence.local_steps):
            gradient = loss_gradient(self.form, weights, graphs)
            weights = {name: value - defence.learning_rate * gradient[name] for name, value in weights.items()}
        walked = defence.learning_rate * defence.local_steps
        return {name: (value - weights[name]) / walked for name, value in self.weights.items()}

    def _secret(self, graphs: Sequence[LabelledGraph]) -> Secret:
        weights = {name: value.double() for name, value in self.weights.items()}
        embeddings = []
        for graph in graphs:
            dense = DenseGraphs.of([graph], torch.float64, self.device)
            states = forward(self.form, weights, operator_of(self.form, dense.adjacency), dense.features, dense.mask)
            embeddings.append(states.embedding[0])
        return Secret(tuple(graphs), torch.stack(embeddings))

    def with_weights(self, weights: Mapping[str, Tensor]) -> Case:
        """Return the same case at another point of training."""
        return replace(self, weights=weights)
