"""Opening the store of a model in mapped files."""

from __future__ import annotations

from pathlib import Path

from oubli.engines.mapped import Store, needs_recovery, open_files
from oubli.errors import InputError
from oubli.graph.disk.lock import FolderLock
from oubli.guarantees.folder import read_manifest
from oubli.guarantees.placing import LOCK, PATIENCE


def open_store(folder: Path, state: str) -> Store | None:
    """Return the store of a model in mapped files, None for other models; nobody changes it while it is open.

    Raises
    ------
    InputError
        When it is damaged, or another command is changing it or has changed it since `state` was read.
    """
    entry = read_manifest(folder).get("store")
    if entry is None:
        return None
    try:
        lock = FolderLock(folder, LOCK)
    except OSError as error:
        raise InputError(
            f"{folder / LOCK}: cannot be opened ({error.strerror}), and a model in mapped files is not read without; "
            "copy the whole folder, or give permission to write"
        ) from None
    lock.share(PATIENCE)
    entry = read_manifest(folder).get("store")
    place = folder / str((entry or {}).get("folder"))
    if entry is None or read_manifest(folder)["state"] != state:
        raise InputError(f"{folder}: another command changed the model meanwhile; run again")
    if needs_recovery(place):
        raise InputError(
            f"{folder}: a removal was interrupted, and what it did cannot be undone in a folder that is in use or may "
            "only be read; close what has it open, give write permission, and run again"
        )
    store = open_files(place, entry["files"])
    store.settled_as, store.lock = state, lock
    return store
