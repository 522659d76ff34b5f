"""The rows that the head of a random-feature net learns from, kept for the training nodes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oubli.graph.distinct import distinct, distinct_slots
from oubli.graph.graph import Graph
from oubli.models.coarse_inputs import CoarseInputs
from oubli.propagation.messages import QUARTERS, RandomMessages, sum_over_neighbours


class RandomRows:
    """Inputs, means of neighbours' labels and random messages of a node, side by side, as integers.

    The rows of training nodes are kept, to be taken back from sums when they change; others are computed when asked.

    Parameters
    ----------
    graph : Graph
    inputs : CoarseInputs
        Of the same graph; brought up to date by whoever owns it.
    num_messages, seed : int

    Attributes
    ----------
    codes : ndarray of int32, shape (n,)
        Label code of each training node, -1 elsewhere.
    classes : ndarray of int32
        Codes of the classes that have a training node, ascending.
    known, sums : ndarray of int32, shape (n, labels + 1)
        Training labels in quarters, the last column telling where there is one; and their sums over neighbours.
    """

    def __init__(self, graph: Graph, inputs: CoarseInputs, num_messages: int, seed: int) -> None:
        self.codes = np.where(graph.split_codes == 1, graph.label_codes, -1).astype(np.int32)
        self.classes = np.unique(self.codes[self.codes >= 0])
        self.known = _in_quarters(self.codes, self.classes)
        self.sums = np.empty_like(self.known)
        sum_over_neighbours(graph.adjacency, self.known, np.arange(self.codes.size), self.sums)
        self._inputs = inputs
        num_inputs = inputs.values.shape[1]
        self._messages = RandomMessages(num_inputs, self.known.shape[1] - 1, num_messages, seed)
        self.width = num_inputs + self._messages.width
        self._kept = np.empty((0, self.width), np.int16)
        self._place = np.full(self.codes.size, -1, np.int64)

    @property
    def trained(self) -> NDArray[np.int64]:
        """Slots of the training nodes, ascending."""
        return np.flatnonzero(self.codes >= 0)

    def of(self, graph: Graph, slots: NDArray[np.int64]) -> NDArray[np.int16]:
        """Return the rows of any slots, computed, shape (slots, width)."""
        messages = self._messages.rows(graph.adjacency, self._inputs.values, self.known, self.sums, slots)
        return np.hstack([self._inputs.values[slots], messages])

    def compute(self, graph: Graph) -> None:
        """Compute the rows of all training nodes."""
        self.restore(self.of(graph, self.trained))

    def restore(self, kept: NDArray[np.int16]) -> None:
        """Take over rows of all training nodes that were saved."""
        self._kept = kept
        self._place[:] = -1
        self._place[self.trained] = np.arange(len(kept))

    def kept(self, slots: NDArray[np.int64]) -> NDArray[np.int16]:
        """Return the rows of training nodes as they were last computed."""
        return self._kept[self._place[slots]]

    def loses_class(self, gone: NDArray[np.int64]) -> bool:
        """Tell whether without the labels of `gone` some class has no training node left."""
        stays = self.codes.copy()
        stays[gone] = -1
        return np.unique(stays[stays >= 0]).size < self.classes.size

    def forget_labels(self, graph: Graph, gone: NDArray[np.int64], ends: NDArray[np.int64]) -> None:
        """Take the labels of `gone` out, after edges at `ends` went."""
        self._kept[self._place[gone]] = 0
        self._place[gone] = -1
        self.codes[gone] = -1
        self.known[gone] = 0
        around = distinct(ends, _with_neighbours(graph, gone))
        sum_over_neighbours(graph.adjacency, self.known, around, self.sums)

    def reached(self, graph: Graph, moved: NDArray[np.int64], gone: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the training nodes whose rows read what changed.

        Parameters
        ----------
        moved : ndarray of int64
            Slots whose inputs or neighbours changed.
        gone : ndarray of int64
            Slots whose labels went.
        """
        read = _with_neighbours(graph, distinct(moved, _with_neighbours(graph, gone)))
        return read[self.codes[read] >= 0]

    def refresh(self, graph: Graph, slots: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int16]]:
        """Compute rows of training nodes again; return the slots whose row changed, and the former rows."""
        former, rows = self.kept(slots), self.of(graph, slots)
        changed = (rows != former).any(axis=1)
        self._kept[self._place[slots[changed]]] = rows[changed]
        return slots[changed], former[changed]


def _with_neighbours(graph: Graph, slots: NDArray[np.int64]) -> NDArray[np.int64]:
    return distinct(slots, distinct_slots(graph.adjacency.incident(slots)))


def _in_quarters(codes: NDArray[np.int32], classes: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return 3 for a node's class and -1 for others, 0 without a label, and 4 last where there is one.

    Of two classes one column tells all. The centre is a constant: the classes' shares would change with every label.
    """
    shown = classes[-1:] if classes.size <= 2 else classes
    labelled = codes >= 0
    out = np.zeros((codes.size, shown.size + 1), np.int32)
    out[:, :-1] = np.where(labelled[:, None], QUARTERS * (codes[:, None] == shown[None, :]) - 1, 0)
    out[:, -1] = QUARTERS * labelled
    return out
