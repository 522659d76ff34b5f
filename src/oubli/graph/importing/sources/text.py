"""Edge lists in text, read by chunks: plain lines by a compiled reader, all others by the csv module."""

from __future__ import annotations

import csv
import gzip
import io
import warnings
import zlib
from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from oubli.errors import InputError
from oubli.graph.columns import (
    Columns,
    check_width,
    find_delimiter,
    is_header,
    split_rows,
    without_comments,
    wrong_width,
)
from oubli.graph.importing.sources.block import Block, Place, Source, file_fingerprint
from oubli.graph.importing.sources.fields import ODD, WIDTH, find_fields, read_integers
from oubli.graph.tables import END_NAMES, as_integers, choose_ends, refuse_unfit

LONGEST = 1 << 26
"""Bytes of a line at most."""

MARK = b"\xef\xbb\xbf"
"""What some programs put before text in UTF-8."""


class TextSource(Source):
    """An edge list in text, also compressed by gzip, in the forms that `read_tables` reads.

    Parameters
    ----------
    path : Path
    chunk : int
        Bytes that are read at a time.
    """

    unit = "line"
    named = True

    def __init__(self, path: Path, chunk: int) -> None:
        self.path, self.name, self.chunk = path, str(path), chunk
        self.compressed = path.suffix == ".gz"
        self.bytes = path.stat().st_size
        # Each edge takes four bytes at least, two ends and what is behind each; gzip packs up to a thousandth.
        self.most = self.bytes // 3 + 1 if not self.compressed else 8 * self.bytes + 1
        self.total = self.bytes
        self._find_form()

    def fingerprint(self) -> dict[str, Any]:
        """Return plain values by which the file is recognised."""
        return file_fingerprint(self.path)

    def blocks(self, after: Place | None = None) -> Iterator[Block]:
        """Yield the edges behind a place, or all of them."""
        with self._reader(after or self.body) as reader:
            try:
                while (chunk := reader.next()) is not None:
                    block = self._read(reader, chunk)
                    if len(block.pairs):
                        yield block
            except csv.Error as error:
                raise InputError(f"{self.path}, after line {reader.line}: {error}; mend the quotes there") from None
            except UnicodeDecodeError:
                raise InputError(
                    f"{self.path}, after line {reader.line}: not text in UTF-8; is it compressed, or in another "
                    "encoding?"
                ) from None
            if reader.unfinished and not self.compressed:
                warnings.warn(
                    f"{self.path}: the last line has no line end; if the file was cut off there, the last edge may be "
                    "wrong. Compare the file's size with that at its source",
                    stacklevel=2,
                )

    def _reader(self, place: Place) -> _Chunks:
        return _Chunks(self.path, self.compressed, self.chunk, place["offset"], place["line"])

    def _find_form(self) -> None:
        """Find delimiter, header and the columns of the ends from the first two rows."""
        with self._reader({"offset": 0, "line": 0}) as reader:
            try:
                feed = _Feed(reader, reader.next() or b"")
                opening = next((line for line in feed if line.strip() and not line.startswith("#")), None)
                if opening is None:
                    raise InputError(f"{self.path}: empty (lines that start with # are comments)")
            except UnicodeDecodeError:
                raise InputError(f"{self.path}: not text in UTF-8; is it compressed, or in another encoding?") from None
        bare = self.path.with_suffix("") if self.compressed else self.path
        self.delimiter = find_delimiter(bare, opening)
        with self._reader({"offset": 0, "line": 0}) as reader:
            try:
                rows = self._rows(feed := _Feed(reader, reader.next() or b""))
                (self.opening, first), behind = next(rows), (feed.offset, feed.line)
                second = next(rows, (0, None))[1]
            except csv.Error as error:
                raise InputError(f"{self.path}, after line {feed.line}: {error}; mend the quotes there") from None
        header = is_header(first, second, map(set, END_NAMES))
        names = [name.strip().lower() if header else "" for name in first]
        self.width = len(names)
        self.ends = tuple(choose_ends(names, f"{self.path}, line {self.opening}")[0])
        self.body: Place = dict(zip(("offset", "line"), behind if header else (0, 0), strict=True))

    def _rows(self, feed: _Feed) -> Iterator[tuple[int, list[str]]]:
        comments = array("q")
        for number, fields in split_rows(without_comments(feed, comments, feed.line), self.delimiter, feed.line):
            if comments and self.comment is None:
                self.comment = comments[0]
            yield number, fields

    def _read(self, reader: _Chunks, chunk: bytes) -> Block:
        text = np.frombuffer(chunk, np.uint8)
        bounds = np.empty((chunk.count(b"\n") + 1, 4), np.int64)
        lines = np.empty(len(bounds), np.int64)
        mark = 0 if self.delimiter is None else ord(self.delimiter)
        rows, read, fault, found, comment = find_fields(text, mark, self.width, *self.ends, bounds, lines)
        if fault == ODD:
            return self._read_slowly(reader, chunk)
        if comment >= 0 and self.comment is None:
            self.comment = reader.line + int(comment) + 1
        if fault == WIDTH:
            line = reader.line + int(read) + 1
            if reader.unfinished and read == chunk.count(b"\n"):
                raise self._cut_off(line)
            raise wrong_width(found, self.width, self.opening, self.path, line)
        numbers = lines[:rows] + (reader.line + 1)
        reader.pass_over(len(chunk), int(read))
        pairs = np.empty((rows, 2), np.int64)
        if not read_integers(text, bounds[:rows], pairs):
            ends = [chunk[begin:end].decode() for begin, end in bounds[:rows].reshape(-1, 2).tolist()]
            return self._block(reader, ends, numbers)
        return Block(pairs, self, numbers, reader.place, reader.done)

    def _cut_off(self, line: int) -> InputError:
        return InputError(
            f"{self.path}, line {line}: the last line is cut off; fetch or write the file again, or drop that line"
        )

    def _read_slowly(self, reader: _Chunks, chunk: bytes) -> Block:
        """Read a chunk, and what more belongs to its last row, as the csv module does."""
        feed, numbers = _Feed(reader, chunk), array("q")
        texts: list[str] = []
        for number, fields in self._rows(feed):
            if len(fields) != self.width and reader.unfinished and feed.at_end:
                raise self._cut_off(number)
            check_width(fields, self.width, self.opening, self.path, number)
            texts += (fields[self.ends[0]].strip(), fields[self.ends[1]].strip())
            numbers.append(number)
            if feed.at_end:
                break
        reader.settle(feed.offset, feed.line)
        return self._block(reader, texts, np.array(numbers, np.int64))

    def _block(self, reader: _Chunks, ends: list[str], numbers: NDArray[np.int64]) -> Block:
        rows = Columns(self.path, "line", numbers, {}, np.empty((0, 0)))
        for side in range(2):
            refuse_unfit(rows, ends[side::2])
        integers = as_integers(ends)
        pairs = np.array(ends, dtype=object) if integers is None else integers
        return Block(pairs.reshape(-1, 2), self, numbers, reader.place, reader.done)


class _Chunks:
    """Whole lines of a file, a chunk at a time, and how far they are read."""

    def __init__(self, path: Path, compressed: bool, size: int, offset: int, line: int) -> None:
        self.path, self.size, self.offset, self.line = path, size, offset, line
        self.compressed, self.unfinished = compressed, False
        self._rest = b""

    def __enter__(self) -> _Chunks:
        self._raw: IO[bytes] = open(self.path, "rb")
        self._file: Any = gzip.GzipFile(fileobj=self._raw) if self.compressed else self._raw
        try:
            self._file.seek(self.offset)
        except (OSError, EOFError, zlib.error) as error:
            self._raw.close()
            raise self._damaged(error) from None
        return self

    def __exit__(self, *error: object) -> None:
        self._raw.close()

    @property
    def place(self) -> Place:
        """Where reading goes on."""
        return {"offset": self.offset, "line": self.line}

    @property
    def done(self) -> int:
        """Bytes of the file that were read."""
        return self._raw.tell() if self.compressed else self.offset

    def next(self) -> bytes | None:
        """Return the next lines, or None at the end."""
        parts = [self._rest]
        while True:
            part = self._fetch()
            cut = max(part.rfind(b"\n"), -1) + 1
            if not part or cut:
                break
            parts.append(part)
            if sum(map(len, parts)) > LONGEST:
                raise InputError(f"{self.path}, line {self.line + 1}: longer than {LONGEST:,} bytes; is this text?")
        chunk, self._rest = b"".join([*parts, part[:cut]]), part[cut:]
        if not chunk:
            return None
        self.unfinished = not chunk.endswith((b"\n", b"\r"))
        return chunk

    def _fetch(self) -> bytes:
        try:
            return bytes(self._file.read(self.size))
        except (OSError, EOFError, zlib.error) as error:
            raise self._damaged(error) from None

    def _damaged(self, error: Exception) -> InputError:
        what = "cut off" if isinstance(error, EOFError) else f"damaged ({error})"
        return InputError(f"{self.path}, after line {self.line}: {what}; fetch or write the file again")

    def pass_over(self, size: int, lines: int) -> None:
        """Note that a chunk was read."""
        self.settle(self.offset + size, self.line + lines)

    def settle(self, offset: int, line: int) -> None:
        """Note how far the file was read."""
        self.offset, self.line = offset, line


class _Feed:
    """The lines of a chunk, and of the next ones when a row goes on there; knows how far it gave them out."""

    def __init__(self, reader: _Chunks, chunk: bytes) -> None:
        self._reader = reader
        self.offset, self.line = reader.offset, reader.line
        self._open(chunk)

    def _open(self, chunk: bytes) -> None:
        self._end = self.offset + len(chunk)
        if self.offset == 0 and chunk.startswith(MARK):
            chunk, self.offset = chunk[len(MARK) :], len(MARK)
        # Line ends as a file has them that is opened for the csv module.
        self._lines = io.StringIO(chunk.decode(), newline="")

    @property
    def at_end(self) -> bool:
        """Whether all of the chunk was given out."""
        return self.offset == self._end

    def __iter__(self) -> Iterator[str]:
        while True:
            for line in self._lines:
                self.offset += len(line.encode())
                self.line += 1
                yield line
            chunk = self._reader.next()
            if chunk is None:
                return
            self._open(chunk)
