"""The lines of a stream of requests, one at a time, and how much of it has been read."""

from __future__ import annotations

import contextlib
import hmac
import os
import select
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from oubli.errors import InputError
from oubli.guarantees.position import StreamPosition, keyed_hash

STDIN = "-"
CHUNK = 1 << 20
TICK = 0.25
"""Seconds after which a source that waits for its writer says that it does."""


class Line(NamedTuple):
    """A line that is neither empty nor a comment."""

    number: int
    content: bytes
    ended: bool


class Mark(NamedTuple):
    """How much of a source was read, with a hash of it where there is one."""

    lines: int
    bytes: int
    seen: hmac.HMAC | None


class FileLines:
    """Lines of a file, from where a model has come to in it.

    Parameters
    ----------
    path : str
    key : bytes
        Of the hashes by which the file is recognised.
    position : StreamPosition, optional
        Of the stream that the model was last given.

    Raises
    ------
    InputError
        When the file cannot be read, or what was done of it has changed since.
    """

    resumable = True

    def __init__(self, path: str, key: bytes, position: StreamPosition | None) -> None:
        self.name, self.key = path, key
        self.path_hash = keyed_hash(key, "name", os.fsencode(Path(path).resolve())).hexdigest()
        self._lines, self._bytes, self._seen = 0, 0, keyed_hash(key, "content")
        with contextlib.ExitStack() as opened:
            try:
                self._file = opened.enter_context(open(path, "rb"))
                self.first_hash = self._hash_of_first()
                self.resumed = self._go_to(position)
            except OSError as error:
                raise _unreadable(path, error) from None
            # It stays open for the lines that are left.
            opened.pop_all()

    def __iter__(self) -> Iterator[Line | None]:
        """Yield the requests that are left; None never, since a file does not keep one waiting."""
        try:
            for content in self._file:
                self._take(content)
                yield from _request(self._lines, content)
        except OSError as error:
            raise _unreadable(self.name, error) from None

    def mark(self) -> Mark:
        """Return how much was read so far."""
        return Mark(self._lines, self._bytes, self._seen.copy())

    def count(self) -> int:
        """Return how many lines the file has."""
        with open(self.name, "rb") as file:
            total, last = 0, b"\n"
            while chunk := file.read(CHUNK):
                total, last = total + chunk.count(b"\n"), chunk[-1:]
        return total + (last != b"\n")

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _take(self, content: bytes) -> None:
        self._lines += 1
        self._bytes += len(content)
        self._seen.update(content)

    def _hash_of_first(self) -> str:
        for number, content in enumerate(self._file, start=1):
            for line in _request(number, content):
                return keyed_hash(self.key, "first", line.content.strip()).hexdigest()
        return ""

    def _go_to(self, position: StreamPosition | None) -> bool:
        """Go behind what is done of this file; tell whether it is the one that the position is of."""
        self._file.seek(0)
        if position is None:
            return False
        namesake = position.name == self.path_hash or position.first == self.first_hash != ""
        if position.bytes == 0:
            return namesake
        seen, left, last = self._seen.copy(), position.bytes, b""
        while left and (chunk := self._file.read(min(left, CHUNK))):
            seen.update(chunk)
            left, last = left - len(chunk), chunk[-1:]
        if not left and hmac.compare_digest(seen.hexdigest(), position.content):
            self._lines, self._bytes, self._seen = position.lines, position.bytes, seen
            if last != b"\n":
                self._end_line()
            return True
        if namesake:
            raise self._changed(position.lines)
        self._file.seek(0)
        return False

    def _end_line(self) -> None:
        """Pass over the end of the last line that is done, which may have been written since."""
        rest = self._file.readline()
        if rest.strip():
            raise self._changed(self._lines)
        self._bytes += len(rest)
        self._seen.update(rest)

    def _changed(self, lines: int) -> InputError:
        return InputError(
            f"{self.name}: its first {lines:,} lines are done, and they are not what they were then; put them back and "
            "add new requests at the end, or write the requests that are still to be honoured to a file of another name"
        )


class PipedLines:
    """Lines of standard input or another pipe, which cannot be read twice.

    Parameters
    ----------
    path : str
        ``-`` is standard input.
    """

    resumable, resumed = False, False

    def __init__(self, path: str) -> None:
        self.name = "standard input" if path == STDIN else path
        self._lines = self._bytes = 0
        try:
            self._handle = _standard_input() if path == STDIN else os.open(path, os.O_RDONLY)
        except OSError as error:
            raise _unreadable(path, error) from None

    def __iter__(self) -> Iterator[Line | None]:
        """Yield requests as they come, and None now and then while none comes."""
        rest: list[bytes] = []
        for chunk in self._chunks():
            if chunk is None:
                yield None
                continue
            *whole, left = chunk.split(b"\n")
            for content in whole:
                yield from self._take(b"".join([*rest, content, b"\n"]))
                rest = []
            rest.append(left)
        if last := b"".join(rest):
            yield from self._take(last)

    def mark(self) -> Mark:
        """Return how much was read so far."""
        return Mark(self._lines, self._bytes, None)

    def count(self) -> None:
        """Return that nobody knows how many lines will come."""

    def close(self) -> None:
        """Close the pipe, unless it is standard input."""
        if self._handle is not None and self.name != "standard input":
            os.close(self._handle)

    def _take(self, content: bytes) -> Iterator[Line]:
        self._lines += 1
        self._bytes += len(content)
        yield from _request(self._lines, content)

    def _chunks(self) -> Iterator[bytes | None]:
        if self._handle is None:
            yield from (line.encode() for line in sys.stdin)
            return
        try:
            while True:
                if not select.select([self._handle], [], [], TICK)[0]:
                    yield None
                elif chunk := os.read(self._handle, CHUNK):
                    yield chunk
                else:
                    return
        except OSError as error:
            raise _unreadable(self.name, error) from None


def open_stream(path: str, key: bytes, position: StreamPosition | None) -> FileLines | PipedLines:
    """Return the lines of a stream, whatever it comes from.

    Raises
    ------
    InputError
        When it cannot be read, or what was done of it has changed since.
    """
    # What cannot be asked about cannot be opened either, which tells why.
    with contextlib.suppress(OSError):
        mode = os.stat(path).st_mode if path != STDIN else 0
        if path == STDIN or stat.S_ISFIFO(mode) or stat.S_ISCHR(mode):
            return PipedLines(path)
    return FileLines(path, key, position)


def _request(number: int, content: bytes) -> Iterator[Line]:
    text = content.removeprefix(b"\xef\xbb\xbf") if number == 1 else content
    if (bare := text.strip()) and not bare.startswith(b"#"):
        yield Line(number, bare, content.endswith(b"\n"))


def _standard_input() -> int | None:
    if sys.stdin is None:
        raise InputError("standard input is closed; give the stream as a file")
    try:
        return sys.stdin.fileno()
    except OSError:  # one that is no file, as in a notebook
        return None


def _unreadable(path: str, error: OSError) -> InputError:
    reason = (error.strerror or str(error)).lower()
    return InputError(f"{path}: cannot be read ({reason}); check the path and its permissions")
