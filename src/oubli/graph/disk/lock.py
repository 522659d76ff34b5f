"""The lock of a folder: many readers, or one writer."""

from __future__ import annotations

import fcntl
import time
from pathlib import Path

from oubli.errors import InputError
from oubli.graph.durable import private

STEP = 0.02
"""Seconds between two tries."""


class FolderLock:
    """A lock of this process on a folder, held until it is closed.

    Parameters
    ----------
    folder : Path
    name : str
        Of the lock's file in it.
    """

    def __init__(self, folder: Path, name: str) -> None:
        self._folder = folder
        self._file = open(folder / name, "a", opener=private)  # noqa: SIM115 - the lock lasts as long as the file is open

    def share(self, wait: float = 0.0) -> None:
        """Lock as one of several readers; a writer becomes one.

        Raises
        ------
        InputError
            When a writer holds the lock, and still does after `wait` seconds.
        """
        self._take(fcntl.LOCK_SH, wait, "is being changed by another command; wait for it to end, and run again")

    def claim(self, wait: float = 0.0) -> None:
        """Lock as the only one.

        Raises
        ------
        InputError
            When another holds the lock, and still does after `wait` seconds.
        """
        self._take(fcntl.LOCK_EX, wait, "is in use by another command or model object; close it, and run again")

    def close(self) -> None:
        """Give the lock up."""
        self._file.close()

    def _take(self, kind: int, wait: float, trouble: str) -> None:
        until = time.monotonic() + wait
        while True:
            try:
                fcntl.flock(self._file, kind | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() >= until:
                    raise InputError(f"{self._folder}: {trouble}") from None
                time.sleep(STEP)
