"""The rows that the head of a random-feature net learns from, brought up to date by the messages that change."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oubli.graph.distinct import distinct, distinct_slots
from oubli.graph.graph import Graph
from oubli.graph.removal import RemovalPlan
from oubli.models.coarse_inputs import CoarseInputs, InputChange
from oubli.propagation import Arcs, RandomMessages, Surroundings
from oubli.propagation.messages import QUARTERS, sum_over_neighbours


@dataclass(frozen=True)
class Reach:
    """What a removal reaches, by slot, ascending.

    Attributes
    ----------
    relabelled : ndarray of int64
        Where labels, or their sums over neighbours, may change.
    receivers : ndarray of int64
        Nodes that trained before and are sent something else.
    before, after : ndarray of int64, shape (pairs, 2)
        Edges along which something else is sent, before and after.
    """

    relabelled: NDArray[np.int64]
    receivers: NDArray[np.int64]
    before: NDArray[np.int64]
    after: NDArray[np.int64]


class RandomRows:
    """Inputs, means of neighbours' labels and random messages of a node, side by side, as integers.

    What training nodes have received is kept, so that a removal takes back the messages that change, and no others.

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
    around : Surroundings
    """

    def __init__(self, graph: Graph, inputs: CoarseInputs, num_messages: int, seed: int) -> None:
        self.codes = np.where(graph.split_codes == 1, graph.label_codes, -1).astype(np.int32)
        self.classes = np.unique(self.codes[self.codes >= 0])
        known = _in_quarters(self.codes, self.classes)
        # The inputs are the very array, not a copy: they change under it.
        self.around = Surroundings(inputs.values, known, np.empty_like(known), graph.adjacency.count.copy())
        sum_over_neighbours(graph.adjacency, known, np.arange(self.codes.size), self.around.sums)
        num_inputs = inputs.values.shape[1]
        self._messages = RandomMessages(num_inputs, known.shape[1] - 1, num_messages, seed)
        self.width = num_inputs + self._messages.width
        self._received = np.empty((0, 0), np.int32)
        self._place = np.full(self.codes.size, -1, np.int64)

    @property
    def trained(self) -> NDArray[np.int64]:
        """Slots of the training nodes, ascending."""
        return np.flatnonzero(self.codes >= 0)

    @property
    def received_bytes(self) -> int:
        """Memory of what training nodes have received."""
        return int(self._received.nbytes)

    def of(self, graph: Graph, slots: NDArray[np.int64]) -> NDArray[np.int16]:
        """Return the rows of any slots, computed from the graph, shape (slots, width)."""
        return self._rows(self._messages.received(self.around, Arcs.into(graph.adjacency, slots)), slots)

    def compute(self, graph: Graph) -> None:
        """Compute what all training nodes receive."""
        self.restore(self._messages.received(self.around, Arcs.into(graph.adjacency, self.trained)))

    def restore(self, received: NDArray[np.int32]) -> None:
        """Take over what all training nodes have received, as it was saved."""
        self._received = received
        self._place[:] = -1
        self._place[self.trained] = np.arange(len(received))

    def received(self, slots: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return what training nodes have received."""
        return self._received[self._place[slots]]

    def kept(self, slots: NDArray[np.int64]) -> NDArray[np.int16]:
        """Return the rows of training nodes, by what they have received."""
        return self._rows(self.received(slots), slots)

    def loses_class(self, gone: NDArray[np.int64], counts: NDArray[np.int64]) -> bool:
        """Tell whether without the labels of `gone` some class, of which `counts` train, has no training node left."""
        going = np.bincount(self.codes[gone], minlength=counts.size)
        return bool(((going > 0) & (going == counts)).any())

    def reach(self, graph: Graph, plan: RemovalPlan, changed: NDArray[np.int64], gone: NDArray[np.int64]) -> Reach:
        """Return what a removal reaches, of which the graph knows already and the rows do not.

        Parameters
        ----------
        changed : ndarray of int64
            Slots whose inputs changed.
        gone : ndarray of int64
            Training nodes whose labels went.
        """
        relabelled = distinct(plan.endpoints, gone, distinct_slots(graph.adjacency.incident(gone)))
        centre = distinct(changed, relabelled)
        after = graph.adjacency.incident(centre)
        before = np.concatenate([after, plan.edges])
        receivers = distinct(centre, distinct_slots(before))
        return Reach(relabelled, receivers[self.codes[receivers] >= 0], before, after)

    def update(
        self, graph: Graph, reach: Reach, change: InputChange, gone: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int16], NDArray[np.int16]]:
        """Take back the messages that changed, and send the new ones.

        Returns
        -------
        slots : ndarray of int64
            Remaining training nodes whose row changed, and `gone` after them.
        former : ndarray of int16
            What their rows were.
        rows : ndarray of int16
            What the rows of those that remain are.
        """
        # As all was before: the inputs are those of the present.
        present = self.around.inputs[change.rows]
        self.around.inputs[change.rows] = change.former
        rows = self.kept(reach.receivers)
        taken = self._messages.received(self.around, Arcs.among(reach.before, reach.receivers))
        self.around.inputs[change.rows] = present
        self.relabel(graph, reach, gone)
        sent = self._messages.received(self.around, Arcs.among(reach.after, reach.receivers))
        self._received[self._place[reach.receivers]] += sent - taken
        leaves = self.codes[reach.receivers] < 0
        self._received[self._place[gone]] = 0
        self._place[gone] = -1
        slots, former = reach.receivers[~leaves], rows[~leaves]
        now = self.kept(slots)
        changed = (now != former).any(axis=1)
        return np.append(slots[changed], gone), np.concatenate([former[changed], rows[leaves]]), now[changed]

    def relabel(self, graph: Graph, reach: Reach, gone: NDArray[np.int64]) -> None:
        """Take the labels of `gone` out, and bring degrees and sums of labels up to date."""
        self.codes[gone] = -1
        self.around.known[gone] = 0
        self.around.degrees[reach.relabelled] = graph.adjacency.count[reach.relabelled]
        sum_over_neighbours(graph.adjacency, self.around.known, reach.relabelled, self.around.sums)

    def _rows(self, received: NDArray[np.int32], slots: NDArray[np.int64]) -> NDArray[np.int16]:
        return np.hstack([self.around.inputs[slots], self._messages.rows(self.around, received, slots)])


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
