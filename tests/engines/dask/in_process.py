"""A cluster in this process: steps run in a random order, everything is pickled on its way, and workers can be lost."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np

from oubli.engines.dask import DaskEngine
from oubli.engines.dask.cluster import WorkersLostError, _told
from oubli.engines.dask.registry import SHARDS
from oubli.models import SGCRidge


class Step:
    def __init__(self, place, function, arguments, actor):
        self.place, self.function, self.arguments, self.actor = place, function, arguments, actor
        self.done, self.value, self.error = False, None, None

    def needs(self):
        listed = [a if isinstance(a, list) else [a] for a in self.arguments]
        return [one for part in listed for one in part if isinstance(one, Step)]


class InProcess:
    """What `Cluster` offers; `fuse` is how many steps are run until a worker is lost, at that step."""

    def __init__(self, workers: int, seed: int = 0, fuse: int | None = None) -> None:
        self.generator = np.random.default_rng(seed)
        self.names = [f"worker {at}" for at in range(workers)]
        self.held: dict[str, list[Any]] = {}
        self.pending: list[Step] = []
        self.fuse, self.losses = fuse, 0

    def workers(self):
        return list(self.names)

    def send(self, argument, worker):
        return argument

    def submit(self, worker, function, *arguments, actor=False):
        self.pending.append(Step(worker, function, arguments, actor))
        return self.pending[-1]

    def results(self, futures, workers):
        while not all(step.done for step in futures):
            ready = [one for one in self.pending if all(need.done for need in one.needs())]
            self._run(ready[self.generator.integers(len(ready))])
        for step in futures:
            if step.error is not None:
                raise _told(step.error)
        return [step.value for step in futures]

    def close(self):
        self.held.clear()

    def lose(self, place):
        """Lose a worker with its shards and the steps it had to do; another one takes its place at once."""
        self.losses += 1
        gone = {id(holder.shard) for holder in self.held.pop(place, [])}
        for key in [key for key, shard in SHARDS.items() if id(shard) in gone]:
            SHARDS.pop(key)
        dead = {id(step) for step in self.pending if step.place == place}
        while more := {id(s) for s in self.pending if id(s) not in dead and any(id(n) in dead for n in s.needs())}:
            dead |= more
        self.pending = [step for step in self.pending if id(step) not in dead]
        self.names[self.names.index(place)] = f"{place}'"

    def _run(self, step):
        if self.fuse is not None:
            self.fuse -= 1
            if self.fuse < 0:
                self.fuse = None
                self.lose(step.place)
                raise WorkersLostError()
        self.pending.remove(step)
        try:
            failed = next((need.error for need in step.needs() if need.error is not None), None)
            if failed is not None:
                raise failed
            given = [
                [one.value for one in a] if isinstance(a, list) else a.value if isinstance(a, Step) else a
                for a in step.arguments
            ]
            value = step.function(*pickle.loads(pickle.dumps(given)))
            if step.actor:
                self.held.setdefault(step.place, []).append(value)
            else:
                step.value = pickle.loads(pickle.dumps(value))
        except Exception as error:
            step.error = error
        step.done = True


class InProcessEngine(DaskEngine):
    """The Dask engine over such a cluster."""

    seed = 0

    def _connect(self):
        return InProcess(self.workers, self.seed)


def on(make):
    """Return SGCRidge over the engine that `make` returns."""

    class Elsewhere(SGCRidge):
        def _make_engine(self, graph):
            return make()

    return Elsewhere
