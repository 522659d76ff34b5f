"""Where shards are built from: the client's graph, or the folder it is mapped from and what was removed since."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oubli.engines.base import Recipe
from oubli.engines.dask.part import Part
from oubli.engines.dask.partition import Partition
from oubli.engines.dask.shard import Shard
from oubli.errors import InputError
from oubli.graph.disk import compare_checksums, open_graph, read_graph_manifest
from oubli.graph.graph import Graph
from oubli.graph.removal import RemovalPlan


class Source:
    """The graph as it is after all removals so far.

    Parameters
    ----------
    graph : Graph
        The client's own.
    folder : Path, optional
        Where it was mapped from, as long as nothing was removed from it.
    """

    def __init__(self, graph: Graph, folder: Path | None = None) -> None:
        self.graph, self._folder = graph, folder
        self._edges = [np.empty((0, 2), np.int64)]
        self._wiped = [np.empty(0, np.int64)]

    @classmethod
    def copy_of(cls, graph: Graph) -> Source:
        """Copy a graph; one in a folder is mapped afresh, and its changes are in memory."""
        compare_checksums(graph)
        if graph.folder is not None:
            fresh = open_graph(graph.folder)
            # Not where another graph was put in its place since it was opened.
            if fresh.size == graph.size:
                return cls(fresh, graph.folder.resolve())
        return cls(graph.compacted())

    def settle_folder(self, ask: Callable[[Callable[[Path], Any], Path], list[Any]]) -> None:
        """Send parts to the workers, unless all of them see the folder; `ask` has all workers run a function."""
        if self._folder is not None:
            here = manifest_of(self._folder)
            if any(seen != here for seen in ask(manifest_of, self._folder)):
                self.forget_folder()

    def forget_folder(self) -> None:
        """Send parts to the workers from now on."""
        self._folder = None

    def note(self, plan: RemovalPlan) -> None:
        """Keep in mind what a removal took from what is in the folder."""
        if self._folder is not None:
            self._edges.append(plan.edges)
            self._wiped.append(plan.wiped)

    def build(self, partition: Partition, part: int, recipe: Recipe, codes: NDArray[np.int32]) -> tuple[Any, ...]:
        """Return the function and arguments that build a shard where they are called."""
        # The owners of all nodes would have to go to each worker: cheaper to send each its part.
        if self._folder is None or partition.owners is not None:
            return Shard, Part.cut(self.graph, partition, part, codes), recipe
        removed = np.concatenate(self._edges), np.concatenate(self._wiped)
        return shard_from_folder, self._folder, partition, part, recipe, codes, *removed


def manifest_of(folder: Path) -> Any:
    """Return what the manifest of a graph folder says, or None where there is none to be seen."""
    try:
        return read_graph_manifest(folder)
    except InputError:
        return None


def shard_from_folder(
    folder: Path,
    partition: Partition,
    part: int,
    recipe: Recipe,
    codes: NDArray[np.int32],
    pairs: NDArray[np.int64],
    wiped: NDArray[np.int64],
) -> Shard:
    """Build a shard from a graph folder and what was removed since."""
    graph = open_graph(folder)
    graph.adjacency.remove(pairs)
    graph.table.wipe(wiped)
    return Shard(Part.cut(graph, partition, part, codes), recipe)
