"""The interface that a model sees: rows and sums of a graph, wherever they are, which forget."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from oubli.graph.graph import Graph
from oubli.graph.removal import RemovalPlan
from oubli.propagation import Attributed, Operator, OutputChange, Propagation, Quantiser
from oubli.propagation.storage import MEMORY, Storage
from oubli.solve import ExactGram


class Labelled(Attributed, Protocol):
    """What sums need to know of a graph, or of a part of one: its features and its classes."""

    @property
    def label_values(self) -> NDArray[Any]:
        """Classes, ascending."""


@dataclass(frozen=True)
class Recipe:
    """What an engine computes of a graph; engines that are given the same recipe hold the same integers.

    Parameters
    ----------
    operator : Operator
    hops : int
    outputs : tuple of int
        Hops whose embedding is wanted, ascending.
    quantiser : Quantiser
    by_class : bool
        Keep one Gram a class.
    """

    operator: Operator
    hops: int
    outputs: tuple[int, ...]
    quantiser: Quantiser
    by_class: bool = False

    def propagation(self, storage: Storage = MEMORY) -> Propagation:
        """Return the propagation of one process, which is not fitted yet."""
        return Propagation(self.operator, self.hops, self.outputs, self.quantiser, storage)

    def columns(self, graph: Attributed) -> int:
        """Return how many columns an embedded row has."""
        return self.quantiser.width(graph.table) * len(self.outputs)

    def empty_gram(self, graph: Labelled) -> ExactGram:
        """Return sums of no rows."""
        constant = 2**self.quantiser.fraction_bits
        return ExactGram(self.columns(graph), graph.label_values.size, constant, self.by_class)

    def saved_gram(self, graph: Labelled, arrays: Mapping[str, NDArray[Any]]) -> ExactGram | None:
        """Return the sums that were saved, if there were any."""
        if "products" not in arrays:
            return None
        gram = self.empty_gram(graph)
        gram.products, gram.sums, gram.counts = arrays["products"], arrays["sums"], arrays["counts"]
        return gram


class Hops(Protocol):
    """What `Propagation` does, be it of all columns at a time or of some."""

    def fit(self, graph: Graph) -> Self:
        """Compute all hops of a graph."""

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Take over a state that was saved."""

    def stored(self) -> dict[str, Any]:
        """Return the state of all slots by name."""

    def embed(self, graph: Graph, slots: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return the embedding of slots."""

    def remove(self, graph: Graph, plan: RemovalPlan, wanted: NDArray[np.bool_]) -> OutputChange:
        """Apply a plan to the graph and carry it through all hops."""


@dataclass(frozen=True)
class Account:
    """What a removal took.

    Attributes
    ----------
    rows_changed : int
        Training rows whose embedding changed or that left the sums; all of them where the sums were computed whole.
    reached : list of int
        For each hop, how many rows were looked at.
    path : str
        "local", or what was computed whole and why.
    """

    rows_changed: int
    reached: list[int] = field(default_factory=list)
    path: str = "local"


class Engine(ABC):
    """Embedded rows of a graph and the sums over those that train, computed and kept up to date.

    Whatever the engine, the integers are the same, and so are the digests.

    Parameters
    ----------
    why : str
        Why this engine, in a line.

    Attributes
    ----------
    graph : Graph
        The model's own.
    gram : ExactGram or None
        Sums over the training rows; None where there are fewer of these than columns, which are then kept instead.
    """

    name: ClassVar[str]
    forgets_aside: ClassVar[bool] = False
    """Whether a `forget` that fails leaves graph, rows and sums as they were."""

    graph: Graph
    gram: ExactGram | None
    _codes: NDArray[np.int32]

    def __init__(self, why: str = "") -> None:
        self.why = why

    @abstractmethod
    def own(self, graph: Graph) -> Graph:
        """Take a copy of a graph for the model's own, where this engine keeps graphs, and return it."""

    @abstractmethod
    def fit(self, recipe: Recipe) -> Self:
        """Compute all hops and sums.

        Raises
        ------
        CapacityError
            When a sum could leave the range in which it is exact, or there is no room.
        """

    @abstractmethod
    def forget(self, plan: RemovalPlan) -> Account:
        """Carry out a removal: in the graph, the rows and the sums."""

    @abstractmethod
    def embed(self, slots: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return embedded rows, shape (slots, columns), times ``2**fraction_bits``."""

    @property
    def codes(self) -> NDArray[np.int32]:
        """Label code of the training nodes, -1 elsewhere, by slot."""
        return self._codes

    @property
    def class_counts(self) -> NDArray[np.int64]:
        """Training nodes by label code."""
        if self.gram is not None:
            return self.gram.counts
        return np.bincount(self._codes[self._codes >= 0], minlength=self.graph.label_values.size)

    @abstractmethod
    def stored(self) -> dict[str, Any]:
        """Return messages and totals of all slots by name: things with a shape, a dtype and rows to be sliced."""

    @abstractmethod
    def restore(self, graph: Graph, recipe: Recipe, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Take over a state that was saved."""

    def training_slots(self) -> NDArray[np.int64]:
        """Return the slots of the training nodes, ascending."""
        return np.flatnonzero(self.codes >= 0)
