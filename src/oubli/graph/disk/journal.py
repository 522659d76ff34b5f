"""An undo journal: rows of mapped arrays as they were, on the disk before they are changed.

A record is a line of JSON (array, first, places, bytes, CRC-32), then the places (int64), or none where they run from
the first on, and then the former rows. Rows are changed only once their record is on the disk, so a record that is cut
off is of rows that did not change.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from oubli.errors import InputError
from oubli.graph.disk.arrays import disk_error, flush_array
from oubli.graph.durable import flush_folder, private

PART = 1 << 20
"""Rows that are read and written at a time."""


Places = NDArray[np.int64] | slice


class UndoJournal:
    """What a change that has not come to its end overwrites.

    Parameters
    ----------
    path : Path
        Of the journal, which must not be there yet.
    begins_from : str
        Name of the state that undoing leads back to.
    """

    def __init__(self, path: Path, begins_from: str) -> None:
        self._path = path
        try:
            self._file: BinaryIO = open(path, "xb", buffering=0, opener=private)  # noqa: SIM115 - open while it is kept
            self._write(json.dumps({"state": begins_from}).encode() + b"\n")
            os.fdatasync(self._file.fileno())
            flush_folder(path.parent)
        except OSError as error:
            raise disk_error(path, error) from None

    def note(self, name: str, array: NDArray[Any], places: NDArray[np.int64]) -> None:
        """Keep rows as they are; `sync` has to come before they change.

        Raises
        ------
        CapacityError
            When the disk is full: nothing may be changed then.
        """
        for first in range(0, places.size, PART):
            part = places[first : first + PART]
            self._add({"array": name, "places": part.size}, part.astype("<i8").tobytes(), array[part])

    def note_run(self, name: str, array: NDArray[Any], begin: int, end: int) -> None:
        """Keep the rows from `begin` to before `end`, as `note` does."""
        for first in range(begin, end, PART):
            rows = array[first : min(end, first + PART)]
            self._add({"array": name, "first": first, "rows": len(rows)}, b"", rows)

    def sync(self) -> None:
        """Bring what was noted to the disk.

        Raises
        ------
        CapacityError
            When the disk is full.
        """
        try:
            os.fdatasync(self._file.fileno())
        except OSError as error:
            raise disk_error(self._path, error) from None

    def close(self) -> None:
        """Leave the journal as it is."""
        self._file.close()

    def _add(self, head: dict[str, Any], places: bytes, rows: NDArray[Any]) -> None:
        held = rows.tobytes()
        head |= {"bytes": len(held), "crc": zlib.crc32(held, zlib.crc32(places))}
        try:
            for part in (json.dumps(head).encode() + b"\n", places, held):
                self._write(part)
        except OSError as error:
            raise disk_error(self._path, error) from None

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]


def journal_state(path: Path) -> str:
    """Return the name of the state that a journal leads back to; empty if not even that was written."""
    with open(path, "rb") as file:
        try:
            return str(json.loads(file.readline())["state"])
        except (ValueError, KeyError):
            return ""


def undo(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write back what a journal holds, the last record first, and bring it to the disk; the journal stays.

    Raises
    ------
    InputError
        When it is damaged, or does not fit the arrays. A last record that is cut off is passed over.
    """
    records = list(_records(path))
    if any(name not in arrays or len(held) != count * arrays[name][:1].nbytes for name, _, count, held in records):
        raise _damaged(path)
    for name, places, _, held in reversed(records):
        array = arrays[name]
        array[places] = held.view(array.dtype).reshape(-1, *array.shape[1:])
    for name in {record[0] for record in records}:
        flush_array(arrays[name])


def _records(path: Path) -> Iterator[tuple[str, Places, int, NDArray[np.uint8]]]:
    """Yield the names of arrays, places, how many they are, and the former rows as bytes, mapped."""
    size = path.stat().st_size
    with open(path, "rb") as file:
        file.readline()
        while line := file.readline():
            begin = file.tell()
            try:
                head = json.loads(line)
                where, end = 8 * head.get("places", 0), begin + 8 * head.get("places", 0) + head["bytes"]
            except (ValueError, KeyError):
                # A line that is cut off is the last one.
                if line.endswith(b"\n"):
                    raise _damaged(path) from None
                return
            if end > size:
                return
            held = np.memmap(path, np.uint8, "r", begin, (end - begin,)).view(np.ndarray)
            if zlib.crc32(held.data) != head["crc"]:
                if end < size:
                    raise _damaged(path)
                return
            if "first" in head:
                yield head["array"], slice(head["first"], head["first"] + head["rows"]), head["rows"], held
            else:
                yield head["array"], held[:where].view("<i8"), head["places"], held[where:]
            file.seek(end)


def _damaged(path: Path) -> InputError:
    return InputError(f"{path}: the journal of a removal is damaged; restore the model from a backup or fit again")
