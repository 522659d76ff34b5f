"""A store in the folder of its model: how it gets there, and who may write meanwhile."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from oubli.engines.mapped import Store
from oubli.graph.disk.lock import FolderLock

LOCK = "lock"
PATIENCE = 30.0
"""Seconds to wait for others to be done with a folder."""


@contextlib.contextmanager
def claimed(folder: Path, store: Store | None) -> Iterator[None]:
    """Hold a folder alone: by the lock of its open store, which would else stand in the way, or by one of its own."""
    if store is not None and store.lock is not None and store.folder.parent == folder:
        store.lock.claim(PATIENCE)
        yield
        return
    with contextlib.closing(FolderLock(folder, LOCK)) as lock:
        lock.claim(PATIENCE)
        yield
    if store is not None and store.folder.parent == folder:
        store.lock = FolderLock(folder, LOCK)
        store.lock.share(PATIENCE)


@contextlib.contextmanager
def placed(folder: Path, store: Store | None, in_force: Callable[[], bool]) -> Iterator[dict[str, Any] | None]:
    """Bring a store into the folder, and yield what the manifest says of it; out again if that comes to nothing."""
    if store is None:
        yield None
        return
    former, place = store.folder.parent, store.folder
    if store.settled_as is not None and former != folder:
        place = store.copied(folder)
    elif former != folder:
        store.move(folder)
        place = store.folder
    store.flush()
    files = {name: {"file": file, "bytes": (place / file).stat().st_size} for name, file in store.files.items()}
    try:
        yield {"folder": place.name, "files": files}
    except BaseException:
        if place == store.folder and former != folder and not in_force():
            store.move(former)
        raise
