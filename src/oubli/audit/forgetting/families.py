"""Models trained once for all methods that start from the same one."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Literal, Protocol, Self, runtime_checkable

from oubli.audit.forgetting.methods import Forgetful, Method
from oubli.audit.forgetting.seeds import derived_seed
from oubli.graph import Graph

Stage = Literal["before", "after"]
"""Whether the graph has what is to be forgotten still, or no more."""


@runtime_checkable
class Resumable(Protocol):
    """What can take over what another of its family learned."""

    def resume(self, other: Forgetful) -> Self:
        """Begin where `other` is, without training; `other` is not changed."""
        ...


@dataclass(frozen=True, eq=False)
class Trained:
    """A fitted model, shared between methods, so never to be changed.

    Parameters
    ----------
    model : Forgetful
    seconds : float
        What the fit took.
    """

    model: Forgetful
    seconds: float


class Families:
    """What the methods of a family share under one seed: the model fitted before the removal, and the one fitted after.

    Only what was trained for the current seed is kept.
    """

    def __init__(self) -> None:
        self._seed: int | None = None
        self._trained: dict[tuple[str, str, Stage], Trained] = {}

    def trained(self, method: Method, seed: int, place: str, stage: Stage, graph: Graph) -> Trained:
        """Return the family's model of a graph, fitted now if it was not yet.

        Parameters
        ----------
        method : Method
        seed : int
            Of the audit; that of the model follows from it and from `place`, and is the same at both stages.
        place : str
            Which of the graphs of this seed: "victim", "shadow", "shadow 7".
        stage : {"before", "after"}
        graph : Graph
            The same whenever seed, place and stage are.
        """
        if seed != self._seed:
            self._seed, self._trained = seed, {}
        key = (method.family, place, stage)
        if key not in self._trained:
            self._trained[key] = _fit(method, seed, place, graph)
        return self._trained[key]

    def own(self, method: Method, seed: int, place: str, graph: Graph) -> Forgetful:
        """Return a fitted model that the caller may make forget: the family's where the method can resume it."""
        fresh = method.make(derived_seed(seed, place))
        if isinstance(fresh, Resumable):
            return fresh.resume(self.trained(method, seed, place, "before", graph).model)
        return fresh.fit(graph)


def _fit(method: Method, seed: int, place: str, graph: Graph) -> Trained:
    model = method.make(derived_seed(seed, place))
    started = time.perf_counter()
    model.fit(graph)
    return Trained(model, time.perf_counter() - started)
