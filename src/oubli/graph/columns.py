"""Columns out of a file, text or Parquet, with the place of every row for error messages."""

from __future__ import annotations

import csv
import sys
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oubli.errors import InputError

# Takes the lower-case names of the columns (empty without a header) and the place of the first row, and says which
# columns to keep as they are and which to read as numbers.
Choose = Callable[[list[str], str], tuple[Sequence[int], Sequence[int]]]


@dataclass(frozen=True)
class Columns:
    """Columns of one file.

    Attributes
    ----------
    path : Path
    unit : str
        What `lines` counts: lines of text, or rows.
    lines : sequence of int
        The line of every row.
    kept : dict of int to list
        Columns as they are, by position: strings from text; strings, numbers or None from Parquet.
    numbers : ndarray of float64, shape (rows, columns)
        Columns read as numbers; all finite in float32.
    comment : int or None
        The line of the first comment.
    """

    path: Path
    unit: str
    lines: Sequence[int] | NDArray[np.int64]
    kept: dict[int, list[Any]]
    numbers: NDArray[np.float64]
    comment: int | None = None

    def where(self, row: int) -> str:
        """Return the place of a row, for messages."""
        return f"{self.path}, {self.unit} {self.lines[row]}"


def read_columns(path: Path, choose: Choose, header_names: Iterable[set[str]], comments: bool) -> Columns:
    """Read a table whose columns `choose` picks, whole; see `iter_columns`."""
    return next(iter_columns(path, choose, header_names, comments, sys.maxsize))


def iter_columns(
    path: Path, choose: Choose, header_names: Iterable[set[str]], comments: bool, rows: int
) -> Iterator[Columns]:
    """Yield a table in batches of up to `rows` rows, at least one batch, which may be empty.

    Parameters
    ----------
    path : Path
        Parquet by its suffix, else text.
    choose : callable
        See `Choose`.
    header_names : iterable of sets of str
        A first line of text that holds all names of one of these is a header, and so is one without a number above one
        with numbers, or one that starts with an empty field.
    comments : bool
        Whether lines of text that start with ``#`` are skipped.
    rows : int
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    if path.suffix == ".parquet":
        yield from _parquet_batches(path, choose, rows)
        return
    try:
        yield from _text_batches(path, choose, header_names, comments, rows)
    except UnicodeDecodeError:
        raise InputError(f"{path}: not text in UTF-8; is it compressed, or in another encoding?") from None


def _text_batches(
    path: Path, choose: Choose, header_names: Iterable[set[str]], comments: bool, size: int
) -> Iterator[Columns]:
    lines, passed = array("q"), array("q")
    try:
        rows = _rows(path, lines, passed if comments else None)
        first, second = next(rows, None), next(rows, None)
        if first is None:
            raise InputError(f"{path}: empty" + (" (lines that start with # are comments)" if comments else ""))
        header = is_header(first, second, header_names)
        names = [name.strip().lower() if header else "" for name in first]
        opening = lines[0]
        kept, numeric = choose(names, f"{path}, line {opening}")
        told = [first[at] if header else f"{at + 1}" for at in numeric]
        body = chain(() if header else (first,), () if second is None else (second,), rows)
        if header:
            del lines[0]
        while True:
            texts: dict[int, list[Any]] = {at: [] for at in kept}
            values, read = array("d"), 0
            for fields in islice(body, size):
                check_width(fields, len(names), opening, path, lines[read])
                for at, column in texts.items():
                    column.append(fields[at].strip())
                if numeric:
                    _append_numbers(values, fields, numeric, first, header, f"{path}, line {lines[read]}")
                read += 1
            numbers = np.array(values).reshape(read, len(numeric))
            columns = Columns(path, "line", lines[:read], texts, numbers, passed[0] if passed else None)
            _check_finite(columns, told)
            yield columns
            del lines[:read]
            if read < size:
                return
    except csv.Error as error:
        raise InputError(f"{path}, after line {lines[-1] if lines else 0}: {error}; mend the quotes there") from None


def check_width(fields: Sequence[str], width: int, opening: int, path: Path | str, line: int) -> None:
    """Refuse a row that has not as many fields as the first."""
    if len(fields) != width:
        raise wrong_width(len(fields), width, opening, path, line)


def wrong_width(found: int, width: int, opening: int, path: Path | str, line: int) -> InputError:
    """Return the error for a line of `found` columns where line `opening` has `width`."""
    return InputError(
        f"{path}, line {line}: {found} columns, but line {opening} has {width}; give every line the same number"
    )


def _append_numbers(
    values: array[float], fields: list[str], numeric: Sequence[int], first: list[str], header: bool, where: str
) -> None:
    try:
        values.extend([float(fields[at]) for at in numeric])
    except ValueError:
        at = next(at for at in numeric if not _is_number(fields[at]))
        name = repr(first[at].strip()) if header else at + 1
        said = f"is not a number: {fields[at]!r}" if fields[at].strip() else "is empty"
        raise InputError(f"{where}: column {name} {said}; features are numbers, 0 where there is none") from None


def _rows(path: Path, lines: array[int], comments: array[int] | None) -> Iterator[list[str]]:
    """Yield the fields of every row and note its line; empty lines are skipped, and comments, which are noted, too."""
    with open(path, encoding="utf-8-sig", newline="") as file:
        kept: Iterable[str] = file if comments is None else without_comments(file, comments)
        skipped, opening = 0, ""
        for opening in kept:
            if opening.strip():
                break
            skipped += 1
        delimiter = find_delimiter(path, opening)
        for number, fields in split_rows(chain([opening], kept), delimiter, skipped):
            lines.append(number)
            yield fields


def split_rows(lines: Iterable[str], delimiter: str | None, skipped: int) -> Iterator[tuple[int, list[str]]]:
    """Yield the number and the fields of each row of lines that come after `skipped` others; empty ones are skipped."""
    if delimiter is None:
        for number, line in enumerate(lines, start=skipped + 1):
            if fields := line.split():
                yield number, fields
        return
    reader = csv.reader(lines, delimiter=delimiter, skipinitialspace=delimiter != "\t", strict=True)
    for fields in reader:
        if len(fields) > 1 or (fields and fields[0].strip()):
            yield skipped + reader.line_num, fields


def without_comments(file: Iterable[str], comments: array[int], skipped: int = 0) -> Iterator[str]:
    """Yield lines, those that start with # as empty ones; their numbers are noted."""
    for number, line in enumerate(file, start=skipped + 1):
        if line.startswith("#"):
            comments.append(number)
            # An empty line in its place, so that the reader's line numbers stay those of the file.
            yield "\n"
        else:
            yield line


def find_delimiter(path: Path, line: str) -> str | None:
    """Return what sets the fields of a line apart, None for spaces."""
    wanted = {".csv": ",", ".tsv": "\t"}.get(path.suffix)
    if wanted is not None and wanted in line:
        return wanted
    return next((mark for mark in "\t,;" if mark in line), None)


def is_header(first: list[str], second: list[str] | None, header_names: Iterable[set[str]]) -> bool:
    """Tell whether the first row of a table names its columns."""
    names = {name.strip().lower() for name in first}
    if any(known <= names for known in header_names) or not first[0].strip():
        return True
    words = not any(_is_number(field) for field in first)
    return words and second is not None and any(_is_number(field) for field in second)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def open_parquet(path: Path) -> Any:
    """Open a Parquet file.

    Raises
    ------
    ImportError
        Without pyarrow.
    InputError
        When it is none, or damaged.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError:
        raise ImportError(f'{path}: reading Parquet needs pyarrow: pip install "oubli[parquet]"') from None
    try:
        return pyarrow.parquet.ParquetFile(path)
    except (pyarrow.ArrowException, OSError) as error:
        raise damaged_parquet(path, error) from None


def damaged_parquet(path: Path, error: Exception) -> InputError:
    """Return the error for a Parquet file that cannot be read."""
    return InputError(f"{path}: not a Parquet file, or damaged ({error})")


def _parquet_batches(path: Path, choose: Choose, rows: int) -> Iterator[Columns]:
    file = open_parquet(path)
    import pyarrow

    names = file.schema_arrow.names
    kept, numeric = choose([name.strip().lower() for name in names], str(path))
    for at in numeric:
        kind = file.schema_arrow.field(at).type
        if not (pyarrow.types.is_integer(kind) or pyarrow.types.is_floating(kind) or pyarrow.types.is_boolean(kind)):
            raise InputError(f"{path}: column {names[at]!r} holds {kind}; features are numbers, one column each")
    done = 0
    try:
        for table in _tables(pyarrow, file, rows):
            numbers = np.empty((table.num_rows, len(numeric)))
            for place, at in enumerate(numeric):
                numbers[:, place] = table.column(at).cast(pyarrow.float64(), safe=False).to_numpy()
            texts = {at: table.column(at).to_pylist() for at in kept}
            columns = Columns(path, "row", range(done + 1, done + table.num_rows + 1), texts, numbers)
            _check_finite(columns, [names[at] for at in numeric])
            yield columns
            done += table.num_rows
    except (pyarrow.ArrowException, OSError) as error:
        raise damaged_parquet(path, error) from None


def _tables(pyarrow: Any, file: Any, rows: int) -> Iterator[Any]:
    """Yield the rows of a file, at least one table."""
    whole = rows >= file.metadata.num_rows
    if whole:
        yield file.read()
        return
    for batch in file.iter_batches(batch_size=rows, use_threads=False):
        yield pyarrow.Table.from_batches([batch])


def _check_finite(columns: Columns, names: list[str]) -> None:
    bad = ~(np.abs(columns.numbers) <= np.finfo(np.float32).max)
    if bad.any():
        row, at = (int(i) for i in np.argwhere(bad)[0])
        raise InputError(
            f"{columns.where(row)}: column {names[at].strip()!r} is empty, NaN, infinite or beyond float32; "
            "replace it, for instance by 0"
        )
