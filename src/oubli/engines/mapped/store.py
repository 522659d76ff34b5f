"""A folder of mapped arrays that change in place, and can go back to how they were until a change is settled."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from oubli.errors import InputError
from oubli.graph.disk.arrays import allocate, copy_file, disk_error, flush_array, map_array
from oubli.graph.disk.journal import UndoJournal, journal_state, undo
from oubli.graph.disk.lock import FolderLock
from oubli.graph.durable import flush_folder

JOURNAL = "journal"


class Store:
    """Arrays by name, one .npy file each.

    Before it is settled for the first time a store has no state to go back to, and nothing is noted.

    Parameters
    ----------
    folder : Path
    files : dict of str, optional
        Names of files by name of array, of a store that was settled before.

    Attributes
    ----------
    folder : Path
    arrays : dict of ndarray
    settled_as : str or None
        The state that a journal leads back to.
    lock : FolderLock or None
        On the folder of the model that was settled in.
    """

    def __init__(self, folder: Path, files: dict[str, str] | None = None) -> None:
        self.folder, self.files = folder, dict(files or {})
        self.arrays = {name: map_array(folder / file, "shared") for name, file in self.files.items()}
        self.settled_as: str | None = None
        self.lock: FolderLock | None = None
        self._journal: UndoJournal | None = None
        self._touched: set[str] = set()
        self._fresh: set[str] = set()

    @classmethod
    def create(cls, parent: Path) -> Store:
        """Make an empty store in a folder, under a name of its own.

        Raises
        ------
        InputError
            When it cannot be made.
        """
        folder = parent / f"store-{secrets.token_hex(8)}"
        try:
            folder.mkdir(mode=0o700, parents=True)
        except OSError as error:
            raise disk_error(folder, error) from None
        return cls(folder)

    def empty(self, name: str, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """Return a new array of zeros; one of that name before it goes when the store is next settled."""
        file = f"{name}.npy"
        if (self.folder / file).exists():
            # Of an array before it, be that still one of the store's or given up already.
            file = f"{name}.{secrets.token_hex(4)}.npy"
        former = self.files.get(name) if self.settled_as is None else None
        array = allocate(self.folder / file, shape, dtype)
        if former is not None:
            (self.folder / former).unlink()
        self.files[name], self.arrays[name] = file, array
        self._fresh.add(name)
        return array

    def put(self, name: str, array: NDArray[Any]) -> NDArray[Any]:
        """Write an array to a new file, and return it mapped."""
        mapped = self.empty(name, array.shape, array.dtype)
        mapped[...] = array
        return mapped

    def copy(self, name: str, source: Path, sha256: str | None, step: Callable[[int], None] | None = None) -> None:
        """Copy a .npy file, comparing its SHA-256."""
        copy_file(source, self.folder / f"{name}.npy", sha256, step)
        self.files[name] = f"{name}.npy"
        self._fresh.add(name)
        self.arrays[name] = map_array(self.folder / f"{name}.npy", "shared")

    def renew(self, name: str) -> NDArray[Any]:
        """Return what to write when all of an array is computed anew: a new file, if the old one may be needed yet."""
        array = self.arrays[name]
        return array if self._journal is None or name in self._fresh else self.empty(name, array.shape, array.dtype)

    def begin(self) -> None:
        """Begin a change that can be undone, if there is a state to go back to and none is under way.

        Raises
        ------
        InputError
            When another has the model open.
        CapacityError
            When the disk is full.
        """
        if self.settled_as is not None and self._journal is None:
            if self.lock is not None:
                self.lock.claim()
            self._journal = UndoJournal(self.folder / JOURNAL, self.settled_as)

    def before(self, name: str, places: NDArray[np.int64], sync: bool = True) -> None:
        """Keep rows of an array, which are about to change."""
        self._touched.add(name)
        if self._journal is None or name in self._fresh:
            return
        self._journal.note(name, self.arrays[name], places)
        if sync:
            self._journal.sync()

    def before_run(self, name: str, begin: int, end: int) -> None:
        """Keep the rows from `begin` to before `end`; a call of `before` has to follow, to bring them to the disk."""
        self._touched.add(name)
        if self._journal is not None:
            self._journal.note_run(name, self.arrays[name], begin, end)

    def flush(self) -> None:
        """Bring what was changed to the disk."""
        for name in self._touched | self._fresh:
            flush_array(self.arrays[name])
        flush_folder(self.folder)

    def settle(self, state: str) -> None:
        """Take a state as the one to go back to from now on; what only the former one needed is deleted."""
        self.settled_as = state
        self._touched.clear()
        self._fresh.clear()
        if self._journal is not None:
            self._journal.close()
            self._journal = None
        self.sweep()
        if self.lock is not None:
            self.lock.share()

    def discard(self, name: str) -> None:
        """Give an array up; its file goes when the store is next settled."""
        del self.files[name], self.arrays[name]

    def sweep(self) -> None:
        """Delete the journal and every file that is no array of this store any more."""
        named = set(self.files.values())
        left = [entry for entry in self.folder.iterdir() if entry.name not in named]
        for entry in left:
            entry.unlink()
        if left:
            flush_folder(self.folder)

    def move(self, parent: Path) -> None:
        """Move the folder; to another disk, by a copy.

        Raises
        ------
        CapacityError
            When that disk is full; the store stays where it is.
        """
        target = parent / self.folder.name
        try:
            os.rename(self.folder, target)
        except OSError:
            self._copy_to(target)
            shutil.rmtree(self.folder)
            self.arrays = {name: map_array(target / file, "shared") for name, file in self.files.items()}
        self.folder = target
        flush_folder(parent)

    def copied(self, parent: Path) -> Path:
        """Copy the arrays as they are to a new store in another folder, and return that."""
        target = parent / f"store-{secrets.token_hex(8)}"
        self.flush()
        self._copy_to(target)
        return target

    def _copy_to(self, target: Path) -> None:
        try:
            target.mkdir(mode=0o700)
            for file in self.files.values():
                copy_file(self.folder / file, target / file)
            flush_folder(target)
        except BaseException as error:
            shutil.rmtree(target, ignore_errors=True)
            if isinstance(error, OSError):
                raise disk_error(target, error) from None
            raise


def recover(folder: Path, files: dict[str, str], state: str) -> None:
    """Bring a store to the state that its manifest names, whatever a command that was killed left behind.

    Raises
    ------
    InputError
        When the journal is damaged.
    """
    journal = folder / JOURNAL
    if not journal.exists():
        return
    store = Store(folder, files)
    if journal_state(journal) == state:
        undo(journal, store.arrays)
    # Else the change was settled, and only the journal was still there.
    store.sweep()


def needs_recovery(folder: Path) -> bool:
    """Tell whether a change was under way when a store was last written."""
    return (folder / JOURNAL).exists()


def check_files(folder: Path, files: dict[str, dict[str, Any]]) -> None:
    """Compare the sizes of a store's files with those its manifest has.

    Raises
    ------
    InputError
        When one is missing or of another size.
    """
    for name, entry in files.items():
        file = folder / entry["file"]
        size = file.stat().st_size if file.is_file() else None
        if size != entry["bytes"]:
            told = "is missing" if size is None else f"has {size:,} bytes instead of {entry['bytes']:,}"
            raise InputError(f"{file} ({name}): {told}: damaged or changed; restore it from a backup or fit again")
