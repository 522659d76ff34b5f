"""The client's side of the shards: where they are, how rows go from one to another, how a lost one comes back."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from oubli.engines.base import Recipe
from oubli.engines.dask.carry import Report
from oubli.engines.dask.cluster import LARGE, Cluster, WorkersLostError
from oubli.engines.dask.partition import Partition
from oubli.engines.dask.registry import Holder, call, resident_bytes
from oubli.propagation.hop import total_kind

REPLACEMENT = 10.0
"""Seconds to wait for a worker to be started again, before its shards go to the others."""


@dataclass
class Traffic:
    """What shards sent one another in the last fit or removal.

    Attributes
    ----------
    rows, bytes : list of int
        For each hop.
    """

    rows: list[int] = field(default_factory=list)
    bytes: list[int] = field(default_factory=list)

    def add(self, reports: Iterable[Report]) -> None:
        """Count what arrived for a hop."""
        given = list(reports)
        self.rows.append(sum(report.rows for report in given))
        self.bytes.append(sum(report.bytes for report in given))


class Shards:
    """The shards of one fit, by part.

    Parameters
    ----------
    cluster : Cluster
    partition : Partition
    recipe : Recipe
    """

    def __init__(self, cluster: Cluster, partition: Partition, recipe: Recipe) -> None:
        self.cluster, self.partition, self.recipe = cluster, partition, recipe
        self.places: list[str | None] = [None] * partition.parts
        self.kinds: tuple[DTypeLike, DTypeLike] | None = None
        self.committed = self.latest = 0
        self.settled = True
        self.traffic = Traffic()
        self._name = uuid.uuid4().hex
        self._holders: dict[int, Any] = {}
        self._peers: dict[int, tuple[int, ...]] = {}
        self._crew = 0

    @property
    def parts(self) -> range:
        """All parts."""
        return range(self.partition.parts)

    def ask(self, part: int, method: str, *arguments: Any) -> Any:
        """Have a shard do something; return the future."""
        place = self.places[part]
        if place is None:
            raise WorkersLostError()
        sent = [self._ahead(argument, place) for argument in arguments]
        return self.cluster.submit(place, call, self._key(part), method, *sent)

    def results(self, futures: Mapping[int, Any]) -> dict[int, Any]:
        """Return what the futures of shards become."""
        needed = {place for place in self.places if place is not None}
        return dict(zip(futures, self.cluster.results(list(futures.values()), needed), strict=True))

    def each(self, parts: Iterable[int], method: str, *arguments: Any) -> dict[int, Any]:
        """Have several shards do the same."""
        return self.results({part: self.ask(part, method, *arguments) for part in parts})

    def whole(self, parts: Iterable[int], first: int = 1, attempt: int = 0) -> list[dict[int, Report]]:
        """Compute the hops of some shards whole from `first` on, with what all others know."""
        chosen = list(parts)
        done = []
        for hop in range(first, self.recipe.hops + 1):
            waiting = {}
            for part in chosen:
                senders = [other for other in self.parts if part in self._peers[other]]
                parcels = [self.ask(other, "entering", hop, part) for other in senders]
                waiting[part] = self.ask(part, "whole_hop", attempt, hop, parcels)
            done.append(self.results(waiting))
            self.traffic.add(done[-1].values())
        return done

    def push(self, attempt: int, hop: int, reports: Mapping[int, Report]) -> dict[int, Report]:
        """Carry a removal through a hop: each shard receives what others have for it, from them."""
        senders = self.routes(reports)
        waiting = {}
        for part in sorted({part for part, report in reports.items() if report.busy} | set(senders)):
            parcels = [self.ask(other, "parcel", attempt, hop, part) for other in senders.get(part, [])]
            waiting[part] = self.ask(part, "push", attempt, hop, parcels)
        done = self.results(waiting) if waiting else {}
        self.traffic.add(done.values())
        return done

    def routes(self, reports: Mapping[int, Report]) -> dict[int, list[int]]:
        """Return for each shard those that have something for it."""
        found: dict[int, list[int]] = {}
        for sender, report in reports.items():
            for part in report.parcels:
                found.setdefault(part, []).append(sender)
        return found

    def settle(self, build: Callable[[int], tuple[Any, ...]], saved: Callable[[int], Any] | None = None) -> None:
        """Bring all shards to the state after the last removal that came to its end.

        Parameters
        ----------
        build : callable
            Returns, for a part that is lost, the function and arguments that build its shard.
        saved : callable, optional
            Returns the rows of a part that were saved, which are then not computed.
        """
        self._note_losses()
        stale = [] if self.settled else self._settle_living()
        lost = [part for part in self.parts if self.places[part] is None]
        self.settled = not (lost or stale)
        if lost:
            try:
                self._build(lost, build)
                self._fill(lost, saved)
            except BaseException:
                self.lose([self._key(part) for part in lost])
                raise
        if stale or (lost and saved is None):
            self.whole(sorted({*stale, *lost}))
        self.settled = True

    def lose(self, keys: Iterable[str]) -> None:
        """Note that shards of these names are no more."""
        for part in self.parts:
            if self._key(part) in keys:
                self.places[part] = None
                self._holders.pop(part, None)

    def memory(self) -> dict[str, Any]:
        """Return bytes by shard and the resident memory of each worker."""
        places = sorted({place for place in self.places if place is not None})
        resident = self.cluster.results([self.cluster.submit(place, resident_bytes) for place in places], places)
        return {
            "shards": [self.each(self.parts, "memory")[part] for part in self.parts],
            "workers": dict(zip(places, resident, strict=True)),
        }

    def _note_losses(self) -> None:
        there = set(self.cluster.workers())
        self.lose([self._key(part) for part in self.parts if self.places[part] not in there])

    def _settle_living(self) -> list[int]:
        living = [part for part in self.parts if self.places[part] is not None]
        stale = self.each(living, "settle", self.committed, self.latest)
        return [part for part in living if stale[part]]

    def _build(self, lost: list[int], build: Callable[[int], tuple[Any, ...]]) -> None:
        workers = self._staff()
        load = {worker: self.places.count(worker) for worker in workers}
        for part in lost:
            # The least laden, the first of equals: parts that were together need not be again.
            self.places[part] = min(load, key=lambda worker: (load[worker], worker))
            load[str(self.places[part])] += 1
        for part in lost:
            place = str(self.places[part])
            function, *arguments = build(part)
            sent = [self._ahead(argument, place) for argument in arguments]
            self._holders[part] = self.cluster.submit(place, Holder, self._key(part), function, *sent, actor=True)
        self.results({part: self._holders[part] for part in lost})

    def _fill(self, lost: list[int], saved: Callable[[int], Any] | None) -> None:
        self._peers |= self.each(lost, "peers")
        if saved is not None:
            self.results({part: self.ask(part, "take_over", saved(part)) for part in lost})
            return
        measured = self.each(lost, "measure")
        if self.kinds is None:
            bound = max(bound for bound, _ in measured.values())
            degree = max(degree for _, degree in measured.values())
            narrow = np.int16 if bound <= np.iinfo(np.int16).max else np.int32
            self.kinds = narrow, total_kind(bound, degree, self.recipe.operator.rho)
        self.each(lost, "settle_kinds", *self.kinds)

    def _staff(self) -> list[str]:
        """Return the workers, waiting a while for as many as there were."""
        until = time.monotonic() + REPLACEMENT
        workers = self.cluster.workers()
        while len(workers) < max(self._crew, 1) and time.monotonic() < until:
            time.sleep(0.1)
            workers = self.cluster.workers()
        self._crew = len(workers)
        return workers

    def _ahead(self, argument: Any, place: str) -> Any:
        return self.cluster.send(argument, place) if _weight(argument) > LARGE else argument

    def _key(self, part: int) -> str:
        return f"{self._name}-{part}"


def _weight(argument: Any) -> int:
    """Return about how many bytes an argument takes."""
    if isinstance(argument, np.ndarray):
        return int(argument.nbytes)
    inside: Iterable[Any] = ()
    if isinstance(argument, dict):
        inside = argument.values()
    elif type(argument).__module__.startswith("oubli."):
        inside = vars(argument).values()
    return sum(_weight(one) for one in inside)
