"""The shards of a worker's process, and the one function by which tasks reach them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from oubli.engines.base import Recipe
from oubli.engines.dask.part import Part
from oubli.engines.dask.partition import Partition
from oubli.engines.dask.shard import Shard
from oubli.graph.disk import open_graph

SHARDS: WeakValueDictionary[str, Shard] = WeakValueDictionary()
LOCK = threading.RLock()
"""One step at a time in a process: shards change in place, and the kernels' threads are shared."""


class ShardMissingError(Exception):
    """A worker does not have a shard: it was started anew since."""


class Holder:
    """Holds a shard where Dask keeps it: for as long as its client wants it, and never on disk."""

    def __init__(self, key: str, build: Callable[..., Shard], *arguments: Any) -> None:
        with LOCK:
            self.shard = build(*arguments)
            SHARDS[key] = self.shard


def call(key: str, method: str, *arguments: Any) -> Any:
    """Ask a shard of this process for something."""
    with LOCK:
        shard = SHARDS.get(key)
        if shard is None:
            raise ShardMissingError(key)
        return getattr(shard, method)(*arguments)


def from_folder(
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


def resident_bytes() -> int:
    """Return the resident memory of this process."""
    import psutil

    return int(psutil.Process().memory_info().rss)
