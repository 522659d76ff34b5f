"""The engine whose arrays are mapped files: for graphs beyond memory, changed in place and yet never half."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
import weakref
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from oubli.engines.available import available_memory
from oubli.engines.base import Account, Hops, Recipe
from oubli.engines.mapped.panels import Panels, SideBySide
from oubli.engines.mapped.storage import MappedStorage, note_graph
from oubli.engines.mapped.store import Store
from oubli.engines.memory import MemoryEngine
from oubli.errors import InputError
from oubli.graph.disk.folder import graph_from_mapped, mapped_arrays, read_graph_manifest
from oubli.graph.graph import Graph
from oubli.graph.removal import RemovalPlan

CACHE_SHARE = 0.5
"""Share of the memory at hand that rows gathered from at random may take of the page cache."""


class MappedEngine(MemoryEngine):
    """Graph, features, messages and totals in mapped files.

    A removal changes the files in place. Until the model is saved, a journal can undo it: a model whose process dies
    is opened as it was when it was last saved.

    Parameters
    ----------
    scratch : str or Path, optional
        Folder for the files of a model that is not saved yet; the system's folder for temporary files without it.
    cache : int, optional
        Bytes of the page cache to count on; half of the memory at hand without it.
    why : str

    Attributes
    ----------
    store : Store
    """

    name = "mmap"

    def __init__(self, scratch: str | Path | None = None, cache: int | None = None, why: str = "") -> None:
        super().__init__(why)
        self._scratch = Path(scratch or tempfile.gettempdir())
        self._cache = int(CACHE_SHARE * available_memory()) if cache is None else cache
        self.store: Store

    def own(self, graph: Graph) -> Graph:
        """Copy a graph to a store: file by file where it is in a folder, each compared with its checksum."""
        self.store = Store.create(self._scratch)
        # What is never saved goes with the model.
        weakref.finalize(self, _drop, self.store)
        if graph.folder is not None:
            for name, entry in read_graph_manifest(graph.folder).files.items():
                if name != "label_values":
                    self.store.copy(name, graph.folder / f"{name}.npy", entry["sha256"])
            self.store.empty("alive", graph.index.alive.shape, np.bool_)[:] = True
        else:
            graph = graph.compacted()
            for name, array in mapped_arrays(graph).items():
                if name != "label_values":
                    self.store.put(name, array)
        self.graph = graph_from_mapped({**self.store.arrays, "label_values": graph.label_values})
        self.graph.index.ledger = graph.index.ledger.copy()
        return self.graph

    def open(self, store: Store, recipe: Recipe, arrays: Mapping[str, NDArray[Any]], graph: Graph) -> Self:
        """Take over a store that was saved, the sums that were saved beside it, and the graph of its arrays."""
        self.store = store
        return super().restore(graph, recipe, {**arrays, **store.arrays})

    def restore(self, graph: Graph, recipe: Recipe, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """Take over a state that was saved from memory: it is written to a store."""
        own = self.own(graph)
        for name, array in arrays.items():
            if _is_state(name):
                self.store.put(name, array)
        return super().restore(own, recipe, {**arrays, **self.store.arrays})

    def fit(self, recipe: Recipe) -> Self:
        """Compute all hops and sums."""
        for name in [name for name in self.store.files if _is_state(name)]:
            self.store.discard(name)
        return super().fit(recipe)

    def __reduce__(self) -> Any:
        raise InputError("a model in mapped files is neither copied nor pickled; save it, and load it elsewhere")

    def forget(self, plan: RemovalPlan) -> Account:
        """Carry out a removal; each row is on the disk as it was before it changes."""
        try:
            self.store.begin()
            note_graph(self.store, self.graph, plan)
            return super().forget(plan)
        except BaseException:
            self.store.give_up()
            raise

    def _make_propagation(self) -> Hops:
        storage, columns = MappedStorage(self.store, self._cache), self.recipe.quantiser.width(self.graph.table)
        panels = _saved_panels(self.store) or storage.column_panels(len(self.graph.split_codes), columns)
        return self.recipe.propagation(storage) if len(panels) == 1 else Panels(self.recipe, storage, panels)


def in_memory(store: Store) -> dict[str, NDArray[Any]]:
    """Return the messages and totals of a store as arrays in memory, by the names that one propagation gives them."""
    found: dict[str, list[NDArray[Any]]] = {}
    # By the number of the panel: an array that was written anew has moved to the end of the store.
    for name in sorted(filter(_is_state, store.arrays), key=_panel_number):
        found.setdefault(PANEL.sub("", name), []).append(store.arrays[name])
    return {name: np.array(SideBySide(arrays)[:]) for name, arrays in found.items()}


PANEL = re.compile(r"panel_([0-9]+)_")


def _is_state(name: str) -> bool:
    whole = PANEL.sub("", name)
    return whole == "messages" or whole.startswith("totals_")


def _panel_number(name: str) -> int:
    panel = PANEL.match(name)
    return int(panel[1]) if panel else 0


def _saved_panels(store: Store) -> list[slice]:
    widths: list[int] = []
    while (name := f"panel_{len(widths)}_messages") in store.arrays:
        widths.append(store.arrays[name].shape[1])
    bounds = [0, *np.cumsum(widths).tolist()]
    if "messages" in store.arrays:
        return [slice(0, store.arrays["messages"].shape[1])]
    return [slice(first, last) for first, last in pairwise(bounds)]


def _drop(store: Store) -> None:
    # At its end a fork would delete what is another's.
    if store.settled_as is None and store.process == os.getpid():
        shutil.rmtree(store.folder, ignore_errors=True)
