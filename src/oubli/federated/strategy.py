"""The curious server: a Flower strategy that does its work, and keeps and attacks what it sees of each client.

It sees each reply before averaging, as any server does that gets replies one by one. Noise that a server-side strategy
adds to the average (as ``DifferentialPrivacyServerSideFixedClipping`` does) therefore protects nobody from it; what
protects has to be done by the client (`oubli.federated.defence_mod`), or by secure aggregation.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from flwr.app import ArrayRecord, ConfigRecord, Message, MetricRecord
from flwr.serverapp import Grid
from flwr.serverapp.strategy import FedAvg, Strategy
from numpy.typing import NDArray

from oubli.errors import InputError
from oubli.federated.update import Observation, UpdateAudit


class GradientObserver(Strategy):
    """Lets any of Flower's message strategies observe; put it first: ``class Mine(GradientObserver, FedAdam)``.

    The strategy sends, averages and reports what it would without.

    Parameters
    ----------
    *args, **kwargs
        Of the strategy that observes.
    audit : UpdateAudit
        How to read an update, and the attacks.
    rounds : collection of int, optional
        Rounds to observe, counted from 1; by default all. Each observation keeps weights and gradient.

    Attributes
    ----------
    observations : list of Observation
        One a reply, in the order of rounds and of replies.
    """

    def __init__(self, *args: Any, audit: UpdateAudit, rounds: Collection[int] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.audit, self.rounds = audit, rounds
        self.observations: list[Observation] = []
        self._sent: dict[int, list[NDArray[Any]]] = {}

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """Send what the strategy sends, and keep it."""
        # Flower's protocol has no bodies, mypy warns; the strategy that this is mixed into has them.
        messages = list(super().configure_train(server_round, arrays, config, grid))  # type: ignore[safe-super]
        # Most strategies put one and the same record into every message: it is converted once.
        converted: dict[int, list[NDArray[Any]]] = {}
        self._sent = {}
        for message in messages if self._observes(server_round) else []:
            record = single_record(message)
            if id(record) not in converted:
                converted[id(record)] = record.to_numpy_ndarrays()
            self._sent[message.metadata.dst_node_id] = converted[id(record)]
        return messages

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """Observe each reply, then aggregate as the strategy does."""
        replies = list(replies)
        if self._observes(server_round):
            self._observe(server_round, [reply for reply in replies if not reply.has_error()])
        return super().aggregate_train(server_round, replies)  # type: ignore[safe-super]

    def _observes(self, server_round: int) -> bool:
        return self.rounds is None or server_round in self.rounds

    def _observe(self, server_round: int, replies: list[Message]) -> None:
        transcripts = [
            self.audit.transcript(self._sent[reply.metadata.src_node_id], single_record(reply).to_numpy_ndarrays())
            for reply in replies
        ]
        for reply, transcript, found in zip(replies, transcripts, self.audit.attack(transcripts), strict=True):
            reported = {
                name: value for record in reply.content.metric_records.values() for name, value in record.items()
            }
            node = reply.metadata.src_node_id
            self.observations.append(Observation(server_round, node, transcript, found, reported))


class AuditStrategy(GradientObserver, FedAvg):
    """Federated averaging by a curious server: ``AuditStrategy(audit=..., fraction_evaluate=0.0, ...)``."""


def single_record(message: Message) -> ArrayRecord:
    """Return the one ArrayRecord of a message.

    Raises
    ------
    InputError
        When there is none, or more than one.
    """
    records: list[ArrayRecord] = list(message.content.array_records.values())
    if len(records) != 1:
        raise InputError(f"message: expected one ArrayRecord, weights or a gradient, and found {len(records)}")
    return records[0]
