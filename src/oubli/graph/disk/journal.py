"""An undo journal: rows of mapped arrays as they were, on the disk before they are changed.

A record is a line of JSON (array, first, places, bytes, CRC-32), then the places (int64), or none where they run from
the first on, and then the former rows. Rows are changed only once their records are on the disk, which a line with the
journal's own mark says. What a power cut left in pieces has no mark after it, and is of rows that did not change.
"""

from __future__ import annotations

import json
import mmap
import os
import secrets
import weakref
import zlib
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from oubli.errors import InputError
from oubli.graph.disk.arrays import disk_error, flush_array
from oubli.graph.durable import flush_folder, private

PART = 1 << 21
"""Bytes of rows that are read and written at a time: few enough to be in the processor's cache still."""

LONGEST = 4096
"""Bytes of a line at most."""

SYNCED = b'{"synced": "'


Places = NDArray[np.int64] | slice
NOWHERE = np.empty(0, np.int64)


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
        mark = secrets.token_hex(16)
        self._mark = _marked(mark)
        head = {"state": begins_from, "mark": mark, "crc": _crc_of(begins_from, mark)}
        try:
            self._file: BinaryIO = open(path, "xb", buffering=0, opener=private)  # noqa: SIM115 - open while it is kept
            self.close = weakref.finalize(self, self._file.close)
            """Leave the journal as it is."""
            self._write(json.dumps(head).encode() + b"\n")
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
        step = _rows_a_part(array)
        places = places.astype("<i8", copy=False)
        if 0 < places.size <= step:
            self._add({"array": name, "rows": places.size}, places, array[places])
        elif places.size:
            self._note_parts(name, array, [places[first : first + step] for first in range(0, places.size, step)])

    def note_run(self, name: str, array: NDArray[Any], begin: int, end: int) -> None:
        """Keep the rows from `begin` to before `end`, as `note` does."""
        step = _rows_a_part(array)
        for first in range(begin, end, step):
            rows = array[first : min(end, first + step)]
            self._add({"array": name, "first": first, "rows": len(rows)}, NOWHERE, rows)

    def sync(self) -> None:
        """Bring what was noted to the disk.

        Raises
        ------
        CapacityError
            When the disk is full.
        """
        try:
            os.fdatasync(self._file.fileno())
            self._write(self._mark)
        except OSError as error:
            raise disk_error(self._path, error) from None

    def _note_parts(self, name: str, array: NDArray[Any], parts: list[NDArray[np.int64]]) -> None:
        # Rows are gathered by one thread while another hashes and writes those before.
        with ThreadPoolExecutor(1) as writer:
            written: Future[None] | None = None
            for part in parts:
                rows = array[part]
                if written is not None:
                    written.result()
                written = writer.submit(self._add, {"array": name, "rows": part.size}, part, rows)
            if written is not None:
                written.result()

    def _add(self, head: dict[str, Any], places: NDArray[np.int64], rows: NDArray[Any]) -> None:
        at, held = _bytes_of(places), _bytes_of(rows)
        head |= {"bytes": len(held)}
        head |= {"crc": zlib.crc32(held, zlib.crc32(at, _crc_of_head(head)))}
        try:
            for part in (json.dumps(head).encode() + b"\n", at, held):
                self._write(part)
        except OSError as error:
            raise disk_error(self._path, error) from None

    def _write(self, data: bytes | memoryview) -> None:
        view = memoryview(data)
        while view:
            view = view[self._file.write(view) :]


def journal_state(path: Path) -> str:
    """Return the name of the state that a journal leads back to; empty if not even that was written.

    Raises
    ------
    InputError
        When it was written, and is damaged.
    """
    return _head(path)[0]


def undo(path: Path, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write back what a journal holds, the last record first, and bring it to the disk; the journal stays.

    Raises
    ------
    InputError
        When it is damaged, or does not fit the arrays. Records that never came to the disk whole are passed over.
    """
    records = list(_records(path))
    if not all(_fits(places, held, arrays.get(name)) for name, places, held in records):
        raise _damaged(path)
    for name, places, held in reversed(records):
        array = arrays[name]
        count = places.stop - places.start if isinstance(places, slice) else places.size
        array[places] = held.view(array.dtype).reshape(count, *array.shape[1:])
    for name in {record[0] for record in records}:
        flush_array(arrays[name])


def _fits(places: Places, held: NDArray[np.uint8], array: NDArray[Any] | None) -> bool:
    if array is None:
        return False
    if isinstance(places, slice):
        count, least, most = places.stop - places.start, places.start, places.stop - 1
    else:
        count, least, most = places.size, int(places.min(initial=0)), int(places.max(initial=-1))
    # Of no rows there is nothing to compare, and nothing to write.
    return count == 0 or bool(least >= 0 and most < len(array) and held.size == count * array[:1].nbytes)


def _records(path: Path) -> Iterator[tuple[str, Places, NDArray[np.uint8]]]:
    """Yield the names of arrays, places, and the former rows as bytes, mapped."""
    data = np.memmap(path, np.uint8, "r").view(np.ndarray)
    at, mark = _line_end(data, 0), _marked(_head(path)[1])
    while at < data.size:
        start, end = at, _line_end(data, at)
        line = data[at:end].tobytes()
        if line == mark:
            at = end
            continue
        try:
            head = json.loads(line)
            first, count = head.get("first"), head["rows"]
            where = end if first is not None else end + 8 * count
            at, begin, end = where + head["bytes"], end, where
            if at > data.size or zlib.crc32(data[begin:at].data, _crc_of_head(head)) != head["crc"]:
                raise ValueError
        except (ValueError, KeyError, TypeError):
            # Rows were changed if what follows says that this came to the disk.
            if _holds(path, start, mark):
                raise _damaged(path) from None
            return
        places = slice(first, first + count) if first is not None else data[begin:end].view("<i8")
        yield head["array"], places, data[end:at]


def _rows_a_part(array: NDArray[Any]) -> int:
    return max(1, PART // max(1, array[:1].nbytes))


def _bytes_of(array: NDArray[Any]) -> memoryview:
    """Return the bytes of an array without a copy, where it is in one piece."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def _marked(mark: str) -> bytes:
    return SYNCED + mark.encode() + b'"}\n'


def _crc_of_head(head: dict[str, Any]) -> int:
    return zlib.crc32(json.dumps({name: value for name, value in head.items() if name != "crc"}).encode())


def _crc_of(state: str, mark: str) -> int:
    return zlib.crc32(f"{state} {mark}".encode())


def _head(path: Path) -> tuple[str, str]:
    """Return the state and the mark of a journal."""
    with open(path, "rb") as file:
        line = file.readline(LONGEST)
    try:
        head = json.loads(line)
        state, mark = str(head["state"]), str(head["mark"])
        if head["crc"] == _crc_of(state, mark):
            return state, mark
    except (ValueError, KeyError, TypeError):
        pass
    if line and _holds(path, 0, SYNCED):
        raise _damaged(path)
    return "", ""


def _line_end(data: NDArray[np.uint8], begin: int) -> int:
    """Return the place after the line that begins there, or after what can be one."""
    breaks = np.flatnonzero(data[begin : begin + LONGEST] == ord("\n"))
    return begin + int(breaks[0]) + 1 if breaks.size else min(data.size, begin + LONGEST)


def _holds(path: Path, begin: int, what: bytes) -> bool:
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
        return mapped.find(what, begin) >= 0


def _damaged(path: Path) -> InputError:
    return InputError(f"{path}: the journal of a removal is damaged; restore the model from a backup or fit again")
