"""The shards of a worker's process, and the one function by which tasks reach them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any
from weakref import WeakValueDictionary

from oubli.engines.dask.shard import Shard

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


def resident_bytes() -> int:
    """Return the resident memory of this process."""
    import psutil

    return int(psutil.Process().memory_info().rss)
