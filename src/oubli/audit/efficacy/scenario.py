"""What every test of forgetting is: a graph to learn, requests to forget a part of it, and how to judge the result."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import or_
from typing import Any

from numpy.typing import NDArray

from oubli.audit.forgetting.methods import Kind
from oubli.graph import Graph, Removal


@dataclass(frozen=True, eq=False)
class Probe:
    """Nodes that tell whether a model still answers what it was made to learn.

    Parameters
    ----------
    held_out : ndarray of ids
        The model never saw a label of them.
    trained : ndarray of ids
        It did; empty where they are gone afterwards.
    target : int or str
        The class that would be the wrong answer.
    """

    held_out: NDArray[Any]
    trained: NDArray[Any]
    target: Any


@dataclass(frozen=True, eq=False)
class Scenario:
    """A test under one seed.

    Parameters
    ----------
    graph : Graph
        What is learned, harm included.
    requests : tuple of Removal
        Unlearned one after the other.
    judged : ndarray of ids
        Nodes by which accuracy is measured; none of them is removed.
    truth : ndarray, shape (judged,)
        Their labels.
    clean : Graph, optional
        What never had the harm, where that is not what remains.
    probe : Probe, optional
    """

    graph: Graph
    requests: tuple[Removal, ...]
    judged: NDArray[Any]
    truth: NDArray[Any]
    clean: Graph | None = None
    probe: Probe | None = None

    @cached_property
    def remaining(self) -> Graph:
        """The graph without what all requests name."""
        return self.graph.without(reduce(or_, self.requests))


class EfficacyTest(ABC):
    """A test of whether a model forgot.

    Attributes
    ----------
    name : str
        As the command line spells it.
    describe : str
        What is done, in a sentence.
    measures : str
        What the figures say.
    kind : {"edges", "labels", "features", "nodes"}
        What a method has to be able to remove.
    source : str
        Paper, or "" of our own.
    """

    name: str
    describe: str
    measures: str
    kind: Kind
    source: str = ""

    @abstractmethod
    def scenario(self, graph: Graph, seed: int) -> Scenario:
        """Return the test on a graph with a split; the same seed gives the same."""


def labels_of(graph: Graph, nodes: NDArray[Any]) -> NDArray[Any]:
    """Return the labels of labelled nodes."""
    return graph.label_values[graph.label_codes[graph.index.slots(nodes)]]
