"""A folder of mapped arrays that change in place, and can go back to how they were until a change is settled."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from oubli.errors import InputError
from oubli.graph.disk.arrays import Mode, allocate, copy_file, disk_error, flush_array, map_array
from oubli.graph.disk.journal import UndoJournal
from oubli.graph.disk.lock import FolderLock
from oubli.graph.durable import flush_folder

JOURNAL = "journal"
OWNER = "owner"
"""A file in a store that was never saved, locked as long as its process lives."""


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
    process : int
        The one that made it: a fork has the same pages, and must not change them.
    """

    def __init__(self, folder: Path, files: dict[str, str] | None = None) -> None:
        self.folder, self.files, self.process = folder, dict(files or {}), os.getpid()
        # Where nothing may be written, the arrays can be read all the same.
        mode: Mode = "shared" if os.access(folder, os.W_OK) else "private"
        self.arrays = {name: map_array(folder / file, mode) for name, file in self.files.items()}
        self.settled_as: str | None = None
        self.lock: FolderLock | None = None
        self._journal: UndoJournal | None = None
        self._touched: set[str] = set()
        self._fresh: set[str] = set()
        self._owner: FolderLock | None = None

    @property
    def changing(self) -> bool:
        """Whether a change is under way that can be undone."""
        return self._journal is not None

    @classmethod
    def create(cls, parent: Path) -> Store:
        """Make an empty store in a folder, under a name of its own.

        Raises
        ------
        InputError
            When it cannot be made.
        """
        folder = parent.resolve() / f"store-{secrets.token_hex(8)}"
        try:
            folder.mkdir(mode=0o700, parents=True)
        except OSError as error:
            raise disk_error(folder, error) from None
        _sweep_orphans(folder.parent)
        store = cls(folder)
        store._owner = FolderLock(folder, OWNER)
        store._owner.claim()
        return store

    def empty(self, name: str, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """Return a new array of zeros; one of that name before it goes when the store is next settled."""
        file = f"{name}.npy"
        if (self.folder / file).exists():
            # Of an array before it, be that still one of the store's or given up already.
            file = f"{name}.{secrets.token_hex(4)}.npy"
        array = allocate(self.folder / file, shape, dtype)
        if name in self.files:
            self.discard(name)
        self.files[name], self.arrays[name] = file, array
        self._fresh.add(name)
        return array

    def put(self, name: str, array: NDArray[Any]) -> NDArray[Any]:
        """Write an array to a new file, and return it mapped."""
        mapped = self.empty(name, array.shape, array.dtype)
        mapped[...] = array
        return mapped

    def copy(self, name: str, source: Path, sha256: str) -> None:
        """Copy a .npy file, comparing its SHA-256."""
        copy_file(source, self.folder / f"{name}.npy", sha256)
        self.files[name] = f"{name}.npy"
        self._fresh.add(name)
        self.arrays[name] = map_array(self.folder / f"{name}.npy", "shared")

    def renew(self, name: str) -> NDArray[Any]:
        """Return what to write when all of an array is computed anew: a new file, if the old one may be needed yet."""
        array = self.arrays[name]
        return array if self._journal is None or name in self._fresh else self.empty(name, array.shape, array.dtype)

    def begin(self) -> None:
        """Begin a change that can be undone, if there is a state to go back to and none is under way.

        After an error all is as it was, and it can be tried again.

        Raises
        ------
        InputError
            When another has the model open, it may only be read, or this process is a fork of the one that opened it.
        CapacityError
            When the disk is full.
        """
        self.check_process()
        if self.settled_as is not None and self._journal is None:
            if self.lock is not None:
                self.lock.claim()
            journal = self.folder / JOURNAL
            try:
                # One that could not be deleted when the state was settled is of a former state.
                journal.unlink(missing_ok=True)
                self._journal = UndoJournal(journal, self.settled_as)
            except BaseException:
                with contextlib.suppress(OSError):
                    journal.unlink(missing_ok=True)
                if self.lock is not None:
                    self.lock.share()
                raise

    def check_process(self) -> None:
        """Refuse to change pages that another process has as well.

        Raises
        ------
        InputError
            In a fork of the process that made or opened this store.
        """
        if os.getpid() != self.process:
            raise InputError(
                f"{self.folder.parent}: the model is of the process that this one was forked from, which shares its "
                "pages; save it there, and load it here"
            )

    def give_up(self) -> None:
        """After a change that failed: leave the files to whoever opens them next, who undoes what was begun."""
        if self._journal is not None:
            self._journal.close()
        if self.lock is not None:
            self.lock.close()

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
        """Take a state, which is in force, as the one to go back to from now on."""
        self.settled_as = state
        if self._owner is not None:
            # From now on it is its model's.
            self._owner.close()
            self._owner = None
            (self.folder / OWNER).unlink(missing_ok=True)
        self._touched.clear()
        self._fresh.clear()
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    def discard(self, name: str) -> None:
        """Give an array up; its file goes when the store is next swept, or now if there is no state that has it."""
        file = self.files.pop(name)
        del self.arrays[name]
        self._touched.discard(name)
        self._fresh.discard(name)
        if self.settled_as is None:
            (self.folder / file).unlink()

    def sweep(self) -> None:
        """Delete every file that is no array of this store any more, and at last the journal."""
        sweep(self.folder, set(self.files.values()))

    def move(self, parent: Path) -> None:
        """Move the folder within a disk.

        Raises
        ------
        OSError
            When it cannot be moved, as from one disk to another.
        """
        target = parent / self.folder.name
        os.rename(self.folder, target)
        self.folder = target
        flush_folder(parent)

    def copied(self, parent: Path) -> Path:
        """Copy the arrays as they are to a new store in another folder, and return that.

        Raises
        ------
        CapacityError
            When that disk is full.
        """
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


def _sweep_orphans(parent: Path) -> None:
    """Delete stores that were never saved and whose process is no more: they hold data that nobody can ask for."""
    for owner in parent.glob(f"store-*/{OWNER}"):
        with contextlib.suppress(OSError, InputError):
            lock = FolderLock(owner.parent, OWNER)
            with contextlib.closing(lock):
                lock.claim()
                shutil.rmtree(owner.parent)


def sweep(folder: Path, named: set[str]) -> None:
    """Delete every file of a store that is not named, the journal last."""
    left = [entry for entry in folder.iterdir() if entry.name not in named]
    if left:
        # After a power cut, a manifest that still needs one of them must not come back.
        flush_folder(folder.parent)
    # As long as there is a journal, the next command sweeps as well.
    for entry in sorted(left, key=lambda entry: entry.name == JOURNAL):
        entry.unlink()
    if left:
        flush_folder(folder)
