"""A store in the folder of its model: how it gets there, and who may write meanwhile."""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from oubli.engines.mapped import Store, described
from oubli.graph.disk.lock import FolderLock

LOCK = "lock"
PATIENCE = 30.0
"""Seconds to wait for others to be done with a folder."""


@contextlib.contextmanager
def claimed(folder: Path, store: Store | None) -> Iterator[None]:
    """Hold a folder alone: by the lock of its open store, which would else stand in the way, or by one of its own.

    A store that is in the folder afterwards keeps the lock, as a reader, without a moment in between.
    """
    ours = store.lock if store is not None and store.folder.parent == folder else None
    lock = ours or FolderLock(folder, LOCK)
    lock.claim(PATIENCE)
    try:
        yield
    finally:
        if store is None or store.folder.parent != folder:
            lock.close()
        else:
            store.lock = lock
            if not store.changing:
                lock.share()


@contextlib.contextmanager
def placed(folder: Path, store: Store | None, in_force: Callable[[], bool]) -> Iterator[dict[str, Any] | None]:
    """Bring a store into the folder, and yield what the manifest says of it; out again if that comes to nothing.

    One that is in another model's folder, or on another disk, stays there, and a copy of it is brought.
    """
    if store is None:
        yield None
        return
    store.check_process()
    former = store.folder.parent
    try:
        if former != folder and (store.settled_as is not None or not _moved(store, folder)):
            place = store.copied(folder)
        else:
            place = store.folder
            store.flush()
        yield {"folder": place.name, "files": described(place, store)}
    except BaseException:
        if store.folder.parent != former and not in_force():
            store.move(former)
        raise


def _moved(store: Store, folder: Path) -> bool:
    try:
        store.move(folder)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        return False
    return True
