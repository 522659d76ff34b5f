"""The engine of one process: rows and sums in memory, or where its storage puts them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from oubli.engines.base import Account, Engine, Hops, Recipe
from oubli.engines.sums import add_rows, exchange_rows
from oubli.graph.disk import compare_checksums
from oubli.graph.distinct import distinct
from oubli.graph.graph import Graph
from oubli.graph.removal import RemovalPlan
from oubli.propagation import OutputChange
from oubli.solve import keeps_rows


class MemoryEngine(Engine):
    """Everything in the memory of this process.

    Attributes
    ----------
    propagation : Propagation, or what does the same
    """

    name = "memory"
    propagation: Hops

    def own(self, graph: Graph) -> Graph:
        """Copy a graph, without what is no longer in it; one in a folder is compared with its checksums."""
        compare_checksums(graph)
        self.graph = graph.compacted()
        return self.graph

    def fit(self, recipe: Recipe) -> Self:
        """Compute all hops and sums."""
        self.recipe = recipe
        self.propagation = self._make_propagation().fit(self.graph)
        self.sum_rows()
        return self

    def restore(self, graph: Graph, recipe: Recipe, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Take over a state that was saved."""
        self.graph, self.recipe = graph, recipe
        self.propagation = self._make_propagation().restore(arrays)
        self._find_training()
        self.gram = recipe.saved_gram(graph, arrays)
        return self

    def _make_propagation(self) -> Hops:
        return self.recipe.propagation()

    def embed(self, slots: NDArray[np.int64]) -> NDArray[np.int32]:
        """Return embedded rows."""
        return self.propagation.embed(self.graph, slots)

    def stored(self) -> dict[str, Any]:
        """Return messages and totals by name."""
        return dict(self.propagation.stored())

    def sum_rows(self) -> None:
        """Sum the statistics of all training rows anew."""
        self._find_training()
        slots = self.training_slots()
        self.gram = None
        if keeps_rows(slots.size, self.recipe.columns(self.graph)):
            return
        self.gram = self.recipe.empty_gram(self.graph)
        add_rows(self.gram, self.embed, self._codes, slots)

    def forget(self, plan: RemovalPlan) -> Account:
        """Carry out a removal: in the graph, the rows and the sums."""
        change = OutputChange()
        if plan.edges.size or plan.wiped.size:
            change = self.propagation.remove(self.graph, plan, self._trained)
        else:
            self.graph.apply(plan)
        gone = distinct(plan.nodes, plan.labels)
        rows_changed, path = self._update_sums(change, gone[self._trained[gone]])
        return Account(rows_changed, change.reached, path)

    def _update_sums(self, change: OutputChange, gone: NDArray[np.int64]) -> tuple[int, str]:
        """Bring the statistics up to date; return how many rows that took, and how it was done."""
        count = int(self.class_counts.sum())
        if change.full_from is not None:
            self.sum_rows()
            return count, f"hops from {change.full_from} on and the sums computed whole: the change reached too far"
        changed = distinct(gone, *change.rows)
        if self.gram is None or keeps_rows(count - gone.size, self.recipe.columns(self.graph)):
            self.sum_rows()
            return int(changed.size), "local; weights from the training rows"
        if 2 * changed.size > count:
            self.sum_rows()
            return count, "hops local, the sums computed whole: most training rows changed"
        exchange_rows(self.gram, self.embed, self._codes, change, changed, gone)
        self._trained[gone] = False
        return int(changed.size), "local"

    def _find_training(self) -> None:
        # A mask as well, so that no removal has to make one of all nodes.
        self._codes = training_codes(self.graph)
        self._trained: NDArray[np.bool_] = self._codes >= 0


def training_codes(graph: Graph) -> NDArray[np.int32]:
    """Return the label code of the training nodes, -1 elsewhere, by slot."""
    codes: NDArray[np.int32] = np.where(graph.split_codes == 1, graph.label_codes, np.int32(-1))
    return codes
