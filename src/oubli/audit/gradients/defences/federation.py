"""Protocols that put more into one message: local steps, batches, and sums over clients."""

from __future__ import annotations

from dataclasses import dataclass

from oubli.audit.gradients.case import Defence


@dataclass(frozen=True, kw_only=True)
class LocalSteps(Defence):
    """Takes several gradient steps before reporting, as federated averaging does (McMahan and others, 2017).

    The server divides the difference of the weights by ``learning_rate * local_steps``: the mean of the gradients on
    the way.

    Parameters
    ----------
    local_steps : int, default 5
    learning_rate : float, default 0.1
        The server knows both.
    """

    name: str = "local-steps"
    local_steps: int = 5
    learning_rate: float = 0.1

    def rounding(self, precision: float) -> float:
        """Return an estimate of how far the mean of the gradients is from the first.

        The weights have moved by ``learning_rate (local_steps - 1) / 2`` gradients on average, and the gradient changes
        by about as much where the loss has a curvature of about one. The difference of the weights has lost the
        precision that the step made up for.
        """
        return max(precision / min(1.0, self.learning_rate), self.learning_rate * (self.local_steps - 1) / 2)

    def describe(self) -> str:
        """Say in words what is done."""
        return f"the mean of {self.local_steps} local gradient steps of learning rate {self.learning_rate:g}"


@dataclass(frozen=True, kw_only=True)
class Batch(Defence):
    """Averages the gradient over several graphs of one client.

    Parameters
    ----------
    num_graphs : int, default 8
    """

    name: str = "batch"
    num_graphs: int = 8

    def describe(self) -> str:
        """Say in words what is done."""
        return f"the mean over {self.num_graphs} graphs of one client"


@dataclass(frozen=True, kw_only=True)
class SecureAggregation(Defence):
    """Hides each client's message in a sum: the server sees only the mean over clients, each with one graph.

    What it sees is what a batch gives, with graphs of different clients: what is found belongs to one of them, and to
    which the message does not tell. It holds against a server that follows the protocol and colludes with none of
    these clients (Bonawitz and others, "Practical secure aggregation", CCS 2017); it adds no noise.

    Parameters
    ----------
    num_clients : int, default 4
        As many as there are graphs.
    """

    name: str = "secure-aggregation"
    num_clients: int = 4
    num_graphs: int = 4

    def describe(self) -> str:
        """Say in words what is done."""
        return f"summed securely: the server sees only the mean over {self.num_clients} clients with one graph each"
