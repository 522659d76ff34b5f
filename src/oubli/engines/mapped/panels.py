"""A propagation in panels of columns, one after the other, so that the rows gathered from stay in the page cache.

Columns never meet in a hop: sums and roundings are of one column each, so panels have the integers of the whole.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from oubli.engines.base import Recipe
from oubli.graph.distinct import distinct
from oubli.graph.features import FeatureTable
from oubli.graph.graph import Graph
from oubli.graph.removal import RemovalPlan
from oubli.propagation import OutputChange, Propagation, Quantiser
from oubli.propagation.storage import Storage


@dataclass(frozen=True)
class PanelQuantiser(Quantiser):
    """A quantiser of which some columns are kept.

    Parameters
    ----------
    first, last : int
        From this column to before that.
    """

    first: int = 0
    last: int = 0

    def width(self, table: FeatureTable) -> int:
        """Return the number of columns kept."""
        return self.last - self.first

    def rows(
        self, table: FeatureTable, slots: NDArray[np.int64], scale: NDArray[np.float64], out: NDArray[Any]
    ) -> float:
        """Write the columns kept; return the largest value of all columns, so that panels are stored alike."""
        whole = np.empty((slots.size, super().width(table)), np.int32)
        largest = super().rows(table, slots, scale, whole)
        out[:] = whole[:, self.first : self.last]
        return largest


@dataclass(frozen=True)
class SideBySide:
    """Arrays of the same rows, seen as one.

    Parameters
    ----------
    panels : list of ndarray
    """

    panels: list[NDArray[Any]]

    @property
    def shape(self) -> tuple[int, int]:
        """Of the whole."""
        return len(self.panels[0]), sum(panel.shape[1] for panel in self.panels)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of every panel."""
        kind: np.dtype[Any] = self.panels[0].dtype
        return kind

    def __getitem__(self, rows: Any) -> NDArray[Any]:
        return np.concatenate([panel[rows] for panel in self.panels], axis=1)


class Panels:
    """Propagations of one graph, each of some columns; used as one is.

    Parameters
    ----------
    recipe : Recipe
    storage : Storage
    columns : list of slice
    """

    def __init__(self, recipe: Recipe, storage: Storage, columns: list[slice]) -> None:
        given = recipe.quantiser
        settings = given.fraction_bits, given.normalize, given.projection, given.projection_seed
        self.outputs, self.columns = recipe.outputs, columns
        self.parts = [
            Propagation(
                recipe.operator,
                recipe.hops,
                recipe.outputs,
                PanelQuantiser(*settings, part.start, part.stop),
                storage,
                f"panel_{at}_",
            )
            for at, part in enumerate(columns)
        ]

    def fit(self, graph: Graph) -> Self:
        """Compute all hops of a graph, panel by panel."""
        for part in self.parts:
            part.fit(graph)
        return self

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Take over a state that was saved."""
        for part in self.parts:
            part.restore(arrays)
        return self

    def stored(self) -> dict[str, Any]:
        """Return the state of all slots by name, panels side by side."""
        listed = [part.stored() for part in self.parts]
        names = [name.removeprefix("panel_0_") for name in listed[0]]
        panels = zip(*(found.values() for found in listed), strict=True)
        return {name: SideBySide(list(arrays)) for name, arrays in zip(names, panels, strict=True)}

    def embed(self, graph: Graph, slots: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return the embedding of `slots`, as `Propagation.embed` does."""
        width = self.columns[-1].stop
        out = np.empty((slots.size, width * len(self.outputs)), np.int32)
        for part, columns in zip(self.parts, self.columns, strict=True):
            rows = part.embed(graph, slots)
            for at in range(len(self.outputs)):
                out[:, self._place(at, columns)] = rows[:, at * part.width : (at + 1) * part.width]
        return out

    def remove(self, graph: Graph, plan: RemovalPlan, wanted: NDArray[np.bool_]) -> OutputChange:
        """Apply `plan` to the graph and carry it through all hops of all panels."""
        carried = self.prepare(graph, plan, wanted)
        graph.apply(plan)
        return carried()

    def prepare(self, graph: Graph, plan: RemovalPlan, wanted: NDArray[np.bool_]) -> Callable[[], OutputChange]:
        """Read what a removal needs of the graph as it is; return what carries it through, once it is applied."""
        carriers = [part.prepare(graph, plan, wanted) for part in self.parts]
        return lambda: self._merge(graph, [carry() for carry in carriers])

    def _merge(self, graph: Graph, changes: list[OutputChange]) -> OutputChange:
        reached = [max(each) for each in zip(*(change.reached for change in changes), strict=True)]
        whole = [change.full_from for change in changes if change.full_from is not None]
        if whole:
            return OutputChange(reached=reached, full_from=min(whole))
        merged, width = OutputChange(reached=reached), self.columns[-1].stop
        for at in range(len(self.outputs)):
            rows = distinct(*(change.rows[at] for change in changes))
            former = self.embed(graph, rows)[:, at * width : (at + 1) * width]
            for change, columns in zip(changes, self.columns, strict=True):
                former[np.searchsorted(rows, change.rows[at]), columns] = change.former[at]
            merged.rows.append(rows)
            merged.former.append(former)
        return merged

    def _place(self, at: int, columns: slice) -> slice:
        width = self.columns[-1].stop
        return slice(at * width + columns.start, at * width + columns.stop)
