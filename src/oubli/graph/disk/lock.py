"""The lock of a folder: many readers, or one writer."""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import time
import weakref
from pathlib import Path

from oubli.errors import InputError
from oubli.graph.durable import private

STEP = 0.02
"""Seconds between two tries."""

WHOLE = struct.Struct("hhqqi0q")
"""`struct flock`: kind, and the whole file."""


class FolderLock:
    """A lock on a folder, held until it is closed or nobody has it any more.

    It belongs to this object, not to the process, so that two models in one process keep each other out as those of two
    processes do. Whoever cannot become the writer stays the reader that it was, without a moment in between.

    Parameters
    ----------
    folder : Path
    name : str
        Of the lock's file in it. In a folder that may only be read it has to be there already.

    Raises
    ------
    OSError
        When it cannot be opened.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder, self._name = folder, name
        try:
            self._handle = private(str(folder / name), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
        except OSError as error:
            if error.errno not in (errno.EROFS, errno.EACCES, errno.EPERM):
                raise
            self._handle = os.open(folder / name, os.O_RDONLY | os.O_CLOEXEC)
        self.close = weakref.finalize(self, os.close, self._handle)
        """Give the lock up."""

    def share(self, wait: float = 0.0) -> None:
        """Lock as one of several readers; a writer becomes one.

        Raises
        ------
        InputError
            When a writer holds the lock, and still does after `wait` seconds.
        """
        self._take(fcntl.F_RDLCK, wait, "is being changed by another command; wait for it to end, and run again")

    def claim(self, wait: float = 0.0) -> None:
        """Lock as the only one.

        Raises
        ------
        InputError
            When another holds the lock, and still does after `wait` seconds, or the folder may only be read.
        """
        self._take(fcntl.F_WRLCK, wait, "is in use by another command or model object; close it, and run again")

    def _take(self, kind: int, wait: float, trouble: str) -> None:
        until = time.monotonic() + wait
        while True:
            try:
                # Of this open file, and changed in one step: flock would drop the reader's lock before it fails.
                fcntl.fcntl(self._handle, fcntl.F_OFD_SETLK, WHOLE.pack(kind, os.SEEK_SET, 0, 0, 0))
                break
            except (BlockingIOError, PermissionError):
                if time.monotonic() >= until:
                    raise InputError(f"{self._folder}: {trouble}") from None
                time.sleep(STEP)
            except OSError as error:
                if error.errno != errno.EBADF:
                    raise
                raise InputError(f"{self._folder}: may only be read; give write permission, and run again") from None
        self._check_place()

    def _check_place(self) -> None:
        """A lock keeps nobody out where the folder was deleted and made anew."""
        try:
            same = os.path.samestat(os.fstat(self._handle), os.stat(self._folder / self._name))
        except FileNotFoundError:
            same = False
        if not same:
            raise InputError(f"{self._folder}: was deleted or replaced meanwhile; load the model again")
