"""Which engine: as asked for, or by what the state needs and what memory there is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from numpy.typing import NDArray

from oubli.engines.available import available_memory
from oubli.engines.base import Engine, Recipe
from oubli.engines.mapped import MappedEngine, Store, in_memory
from oubli.engines.memory import MemoryEngine
from oubli.graph.graph import Graph

ENGINES = ("auto", "memory", "mmap", "dask")
EngineName = Literal["auto", "memory", "mmap", "dask"]

MEMORY_SHARE = 0.5
"""Share of the memory at hand that a model in memory may take; fitting needs more than what is kept."""


def choose_engine(
    name: EngineName,
    graph: Graph,
    recipe: Recipe,
    scratch: str | Path | None = None,
    workers: int | str | None = None,
) -> Engine:
    """Return an engine for a graph, and in its `why` the reason.

    Parameters
    ----------
    name : {"auto", "memory", "mmap", "dask"}
        "auto" takes memory where the state fits half of what is at hand, else mapped files.
    graph : Graph
    recipe : Recipe
    scratch : str or Path, optional
        Folder for mapped files.
    workers : int or str, optional
        How many Dask workers to start, or the address of a scheduler.
    """
    needed, at_hand = state_bytes(graph, recipe), available_memory()
    sizes = f"{needed / 2**30:,.2f} GiB of state, {at_hand / 2**30:,.1f} GiB of memory at hand"
    if name == "dask":
        from oubli.engines.dask import DaskEngine

        return DaskEngine(workers, why="as asked for")
    if name == "mmap" or (name == "auto" and needed > MEMORY_SHARE * at_hand):
        return MappedEngine(scratch, why="as asked for" if name == "mmap" else f"{sizes}: more than half")
    return MemoryEngine("as asked for" if name == "memory" else sizes)


def restore_engine(
    name: EngineName,
    graph: Graph,
    recipe: Recipe,
    arrays: Mapping[str, NDArray[Any]],
    store: Store | None = None,
    scratch: str | Path | None = None,
    workers: int | str | None = None,
) -> Engine:
    """Return an engine that takes over what another saved; its `graph` is the model's from then on.

    "auto" stays with mapped files where the model is in such, and else with memory.
    """
    if store is None:
        kept = MemoryEngine("the model was saved from memory")
        engine = kept if name == "auto" else choose_engine(name, graph, recipe, scratch, workers)
        return engine.restore(graph, recipe, arrays)
    if name in ("auto", "mmap"):
        return MappedEngine(scratch, why="the model is in mapped files").open(store, recipe, arrays, graph)
    engine = choose_engine(name, graph, recipe, scratch, workers)
    return engine.restore(graph.copy(), recipe, {**arrays, **in_memory(store)})


def state_bytes(graph: Graph, recipe: Recipe) -> int:
    """Return what graph, features, messages and totals take in memory."""
    nodes, width = graph.split_codes.size, recipe.quantiser.width(graph.table)
    table = graph.table
    parts = (table.dense,) if table.dense is not None else (table.indptr, table.indices, table.values)
    held = sum(int(part.nbytes) for part in parts)
    rows = nodes * (graph.index.ids.itemsize + 8 + 4 + 4 + 1 + 1 + 4)
    return held + rows + 4 * graph.adjacency.num_arcs + nodes * width * (2 + 4 * recipe.hops)
