"""The rows that the head of a random-feature net learns from: random messages and, in a hybrid, learnt layers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oubli.graph.distinct import distinct
from oubli.graph.graph import Graph
from oubli.graph.removal import RemovalPlan
from oubli.models.coarse_inputs import InputChange
from oubli.models.random_rows import RandomRows
from oubli.models.rounded_layers import LayerChange, RoundedLayers

LOCAL = "local"
MOST_REACHED = "inputs local, rows and sums computed whole: most training rows reached"


@dataclass(frozen=True)
class RowChange:
    """What a removal did to the rows of training nodes.

    Attributes
    ----------
    slots : ndarray of int64
        Remaining training nodes whose row changed, and after them those that train no longer.
    former : ndarray of int16
        What their rows were.
    rows : ndarray of int16
        What the rows of those that remain are.
    reached : int
        How many rows were looked at.
    path : str
        How it was done; if not "local", the sums of all rows are to be computed anew, and only `reached` is of use.
    """

    slots: NDArray[np.int64]
    former: NDArray[np.int16]
    rows: NDArray[np.int16]
    reached: int
    path: str = LOCAL


class HeadRows:
    """Rows of messages and of layers side by side.

    Parameters
    ----------
    messages : RandomRows
    layers : RoundedLayers or None
    """

    def __init__(self, messages: RandomRows, layers: RoundedLayers | None) -> None:
        self._messages, self._layers = messages, layers
        self.width = messages.width + (0 if layers is None else layers.width)

    def of(self, graph: Graph, slots: NDArray[np.int64]) -> NDArray[np.int16]:
        """Return the rows of any slots, shape (slots, width)."""
        rows = self._messages.of(graph, slots)
        return rows if self._layers is None else np.hstack([rows, self._layers.of(graph, slots)])

    def kept(self, slots: NDArray[np.int64]) -> NDArray[np.int16]:
        """Return the rows of training nodes."""
        rows = self._messages.kept(slots)
        return rows if self._layers is None else np.hstack([rows, self._layers.kept(slots)])

    def update(
        self, graph: Graph, plan: RemovalPlan, change: InputChange, gone: NDArray[np.int64], most: float
    ) -> RowChange:
        """Bring rows up to date, of which graph and inputs are already.

        Parameters
        ----------
        gone : ndarray of int64
            Training nodes whose labels went.
        most : float
            Share of the training rows beyond which messages to all of them are computed again.
        """
        layers = None if self._layers is None else self._layers.update(graph, plan, change.rows, gone)
        reach = self._messages.reach(graph, plan, change.rows, gone)
        count = int(reach.receivers.size)
        if count > most * self._messages.trained.size:
            self._messages.relabel(graph, reach, gone)
            self._messages.compute(graph)
            return _whole(count, MOST_REACHED if layers is None or layers.whole is None else layers.whole)
        found = RowChange(*self._messages.update(graph, reach, change, gone), count)
        if layers is None:
            return found
        return self._joined(found, layers, gone) if layers.whole is None else _whole(count, layers.whole)

    def _joined(self, messages: RowChange, layers: LayerChange, gone: NDArray[np.int64]) -> RowChange:
        stay, first = len(messages.rows), self._messages.width
        slots = distinct(messages.slots[:stay], layers.slots)
        rows = self.kept(slots)
        # What did not change is now what it was.
        former = rows.copy()
        former[np.searchsorted(slots, messages.slots[:stay]), :first] = messages.former[:stay]
        former[np.searchsorted(slots, layers.slots), first:] = layers.former
        leaving = np.hstack([messages.former[stay:], layers.leaving])
        return RowChange(np.append(slots, gone), np.concatenate([former, leaving]), rows, messages.reached)


def _whole(count: int, path: str) -> RowChange:
    nothing = np.empty((0, 0), np.int16)
    return RowChange(np.empty(0, np.int64), nothing, nothing, count, path)
