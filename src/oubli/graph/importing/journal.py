"""How far an import is, on the disk: what a killed one goes on from."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from pathlib import Path
from typing import Any

from oubli.errors import InputError
from oubli.graph.durable import flush_folder, private, write_and_rename

NAME = "checkpoint.json"
FORMAT = 1


class Journal:
    """The folder that an import works in, which one process at a time holds, and its checkpoint.

    Parameters
    ----------
    folder : Path
        Made if it is not there.
    arguments : dict
        What the import was asked for, as plain values; only the same import is gone on with.
    first : str
        The stage that comes first.
    restart : bool
        Throw away what an interrupted import left.

    Raises
    ------
    InputError
        When the folder is of another import, or another process works in it.
    """

    def __init__(self, folder: Path, arguments: dict[str, Any], first: str, restart: bool) -> None:
        self.folder = folder
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(self._lock)
            raise InputError(f"{folder}: another import works in it; wait until it is done") from None
        try:
            if restart:
                self._clear()
            self._take_over(arguments, first)
        except BaseException:
            self.close()
            raise

    def _clear(self, keep: tuple[str, ...] = ("lock",)) -> None:
        for path in self.folder.iterdir():
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name not in keep:
                path.unlink()

    def _take_over(self, arguments: dict[str, Any], first: str) -> None:
        plain = json.loads(json.dumps(arguments))
        self.facts: dict[str, Any] = {"format": FORMAT, "arguments": plain, "stage": first}
        try:
            found = json.loads((self.folder / NAME).read_text())
        except (OSError, ValueError):
            self.save()
            return
        former = found.get("arguments") or {}
        if found.get("format") != FORMAT or former != plain:
            changed = sorted(name for name in plain if former.get(name) != plain[name])
            raise InputError(
                f"{self.folder}: an import that was interrupted, of other arguments or sources that changed since "
                f"({', '.join(changed) or 'another version'}); give the same ones to go on with it, or begin anew with "
                "--restart (restart=True)"
            )
        self.facts = found

    @property
    def stage(self) -> str:
        """The stage that is to be done."""
        return str(self.facts["stage"])

    def save(self, **facts: Any) -> None:
        """Write down facts, in one step."""
        self.facts |= facts
        beside = self.folder / f"{NAME}.new"
        beside.unlink(missing_ok=True)
        with write_and_rename(beside, self.folder / NAME, private) as file:
            file.write(json.dumps(self.facts).encode())
        flush_folder(self.folder)

    def remove(self) -> None:
        """Delete the folder; the checkpoint goes last, so that whoever is killed here can do it again."""
        self._clear(keep=("lock", NAME))
        for name in ("lock", NAME):
            (self.folder / name).unlink()
        self.folder.rmdir()

    def close(self) -> None:
        """Let others work in the folder."""
        os.close(self._lock)
