"""What an audit has found so far, on the disk: whole lines, so that one that was stopped goes on where it was."""

from __future__ import annotations

import contextlib
import fcntl
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from oubli.errors import InputError
from oubli.graph.durable import flush_file, flush_folder, write_beside

SETTINGS, ROWS = "settings.json", "rows.jsonl"

Record = dict[str, Any]


class Journal:
    """Records in a folder, appended and flushed to the disk chunk by chunk.

    A chunk is written at once and its last record says so; what a kill left of one is dropped when the folder is opened
    again.

    Parameters
    ----------
    records : list of dict
        Those of whole chunks.
    """

    def __init__(self, file: IO[bytes], records: list[Record]) -> None:
        self._file = file
        self.records = records

    @classmethod
    @contextlib.contextmanager
    def opened(cls, folder: Path, settings: Mapping[str, Any], named: Sequence[str]) -> Iterator[Journal]:
        """Open the journal of an audit, or begin one.

        Parameters
        ----------
        folder : Path
        settings : mapping
            Everything that records depend on.
        named : sequence of str
            Parts of the settings that are by name: another run may add names, and must agree on those that are there.

        Raises
        ------
        InputError
            When the folder holds an audit with other settings, is in use, or is damaged.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
            file = open(folder / ROWS, "ab+")  # noqa: SIM115 (closed below, whatever happens)
        except OSError as error:
            raise InputError(f"{folder}: cannot be written ({error.strerror or error}); name another folder") from None
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise InputError(f"{folder}: another audit is writing there; wait, or name another folder") from None
            file.seek(0)
            content = file.read()
            _agree(folder, settings, named, bool(content))
            records, end = _whole(content, folder / ROWS)
            file.truncate(end)
            yield cls(file, records)

    def append(self, records: Sequence[Record]) -> None:
        """Write a chunk, and wait until it is on the disk."""
        marked = [{**record, "last": i == len(records) - 1} for i, record in enumerate(records)]
        lines = [json.dumps(record, allow_nan=False, separators=(",", ":")) for record in marked]
        self._file.write("".join(f"{line}\n" for line in lines).encode())
        flush_file(self._file)
        # As a later run would read them: tuples are lists then.
        self.records += [json.loads(line) for line in lines]


def plain_settings(owner: object) -> dict[str, Any]:
    """Return the public attributes that are numbers, words or several of them."""
    kept: dict[str, Any] = {}
    for name, value in vars(owner).items():
        if name.startswith("_"):
            continue
        if isinstance(value, tuple):
            kept[name] = [str(part) for part in value]
        elif isinstance(value, bool | int | float | str | None):
            kept[name] = value
    return kept


def _agree(folder: Path, settings: Mapping[str, Any], named: Sequence[str], begun: bool) -> None:
    """Record the settings, or see that they are those of the folder."""
    path = folder / SETTINGS
    wanted: dict[str, Any] = json.loads(json.dumps(settings, allow_nan=False))
    if path.is_file():
        try:
            former = json.loads(path.read_bytes())
            known = {name: former[name] for name in named}
        except (ValueError, KeyError, TypeError):
            raise InputError(f"{path}: damaged; delete {folder} to begin again") from None
        _compare(folder, former, wanted, named)
        merged = wanted | {name: known[name] | wanted[name] for name in named}
        if merged == former:
            return
        wanted = merged
    elif begun:
        raise InputError(f"{folder}: has {ROWS} without {SETTINGS}, so it is not known what of; name another folder")
    with write_beside(path) as file:
        file.write(json.dumps(wanted, indent=2).encode() + b"\n")
    flush_folder(folder)


def _compare(folder: Path, former: Mapping[str, Any], wanted: Mapping[str, Any], named: Sequence[str]) -> None:
    differing = [name for name in wanted if name not in named and former.get(name) != wanted[name]]
    for part in named:
        known = former[part]
        differing += [f"{part[:-1]} {name}" for name, value in wanted[part].items() if known.get(name, value) != value]
    if differing:
        raise InputError(
            f"{folder}: holds an audit with other settings ({', '.join(differing)}); name another folder, or give "
            f"those in its {SETTINGS}"
        )


def _whole(content: bytes, path: Path) -> tuple[list[Record], int]:
    """Return the records of whole chunks, and where they end."""
    records: list[Record] = []
    kept = end = position = 0
    for number, line in enumerate(content.splitlines(keepends=True), start=1):
        position += len(line)
        if not line.endswith(b"\n"):
            break
        try:
            record = json.loads(line)
            last = record["last"]
        except (ValueError, KeyError, TypeError):
            raise InputError(f"{path}, line {number}: damaged; delete {path.parent} to begin again") from None
        records.append(record)
        if last:
            kept, end = len(records), position
    return records[:kept], end
