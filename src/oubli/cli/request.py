"""Requests from files and options: ids as text, each with the place it was read from."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oubli.errors import InputError, OubliError

if TYPE_CHECKING:
    from oubli.graph import Graph, Removal

STDIN = "-"
INTEGER = re.compile(r"0|-?[1-9][0-9]*")


@dataclass(frozen=True)
class Entry:
    """One thing that was asked for.

    Parameters
    ----------
    kind : str
        "nodes", "edges", "features" or "labels".
    value : int, str or pair of either
    where : str
        A file and its line, an option, or a place in a JSON file.
    """

    kind: str
    value: Any
    where: str


class RequestReader:
    """Reads what is asked for, with ids of the kind that a graph has.

    Parameters
    ----------
    graph : Graph
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.integers = graph.index.ids.dtype.kind == "i"
        self._stdin_read = False

    def ids(self, kind: str, files: Sequence[str], given: Sequence[str], option: str) -> list[Entry]:
        """Return the ids in files, one a line, and those given by an option, which are taken as they are."""
        lines = ((where, self._trimmed(text)) for where, text in self._lines(files, self._is_node))
        texts = [*lines, *((f"{option} {text}", text) for text in given)]
        return [Entry(kind, self._id(text, where), where) for where, text in texts]

    def edges(self, files: Sequence[str], given: Sequence[str], option: str) -> list[Entry]:
        """Return the edges in files, two ids a line, and those given by an option."""
        lines = self._lines(files, self._is_edge)
        texts = [
            *((where, text, [self._trimmed(end) for end in _ends(text)]) for where, text in lines),
            *((f"{option} {text}", text, _ends(text)) for text in given),
        ]
        return [Entry("edges", self._edge(text, ends, where), where) for where, text, ends in texts]

    def request(self, file: str) -> list[Entry]:
        """Return the entries of a JSON file as `Removal.to_json` writes it."""
        return self.parsed(*self._text(file))

    def parsed(self, text: str, name: str) -> list[Entry]:
        """Return the entries of a request in JSON that was read from `name`."""
        from oubli.graph import Removal
        from oubli.graph.removal import parse_request

        try:
            given = parse_request(text)
            Removal(**given)
        except OubliError as error:
            raise InputError(f"{name}: {str(error).removeprefix('request: ').removeprefix('removal: ')}") from None
        return [
            Entry(kind, self._from_json(kind, value, f"{name}, {kind}[{at}]"), f"{name}, {kind}[{at}]")
            for kind, values in given.items()
            for at, value in enumerate(values)
        ]

    def _lines(self, files: Sequence[str], meant: Callable[[str], bool]) -> Iterator[tuple[str, str]]:
        """Yield lines that are neither empty nor comments; a comment that may be `meant` is refused."""
        for file in files:
            text, name = self._text(file)
            for number, line in enumerate(text.split("\n"), start=1):
                where, line = f"{name}, line {number}", line.removesuffix("\r")
                if not line.lstrip().startswith("#"):
                    if line.strip() or (line and meant(line)):
                        yield where, line
                elif not self.integers and (meant(line) or meant(line.strip())):
                    raise InputError(
                        f"{where}: lines that start with # are comments, but {line.strip()!r} is in this model; ask "
                        "for it by an option or by --request, or change the comment"
                    )

    def _is_node(self, text: str) -> bool:
        from oubli.graph.ids import text_fault

        return text_fault(text) is None and self.graph.has_node(text)

    def _is_edge(self, text: str) -> bool:
        # One known end is enough: the other may be misspelled, which is for the writer of the file to know.
        ends = _ends(text)
        return len(ends) == 2 and any(map(self._is_node, (ends[0], ends[0].strip())))

    def _trimmed(self, text: str) -> str:
        """Return what is meant by text with spaces around it: an id that has them, living or gone, or else the rest."""
        bare = text.strip()
        if bare == text or self.integers or not self._is_known(text):
            return bare
        return text

    def _is_known(self, text: str) -> bool:
        from oubli.graph.ids import as_id_array, text_fault

        if text_fault(text):
            return False
        # One that is gone is still itself: a request given twice must not reach its neighbour in name.
        return self.graph.has_node(text) or bool(self.graph.index.ledger.knows("nodes", as_id_array([text]))[0])

    def _text(self, file: str) -> tuple[str, str]:
        name = "standard input" if file == STDIN else file
        try:
            if file != STDIN:
                return Path(file).read_text(encoding="utf-8-sig"), name
            if self._stdin_read:
                raise InputError("standard input can be read once; give one `-`, and files for the rest")
            self._stdin_read = True
            return sys.stdin.read(), name
        except UnicodeDecodeError as error:
            raise InputError(f"{name}: not text in UTF-8 (byte {error.start}); save it as plain text") from None
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise InputError(f"{name}: cannot be read ({reason}); check the path and its permissions") from None

    def _id(self, text: str, where: str) -> int | str:
        if not self.integers:
            from oubli.graph.ids import text_fault

            if fault := text_fault(text):
                raise InputError(f"{where}: {text[:40]!r} {fault}, so it is no node of this model; correct it")
            return text
        # Spaces around an integer leave it the only reading.
        text = text.strip()
        if not INTEGER.fullmatch(text):
            raise InputError(f"{where}: {text!r} is not a node id; those of this model are integers, one a line")
        return _fitting(int(text) if len(text) < 20 else 2**63, text, where)

    def _edge(self, text: str, ends: list[str], where: str) -> tuple[int | str, int | str]:
        if len(ends) != 2 or not all(end.strip() or self._is_node(end) for end in ends):
            raise InputError(f"{where}: an edge is two node ids set apart by a comma, a tab or a space, not {text!r}")
        u, v = self._id(ends[0], where), self._id(ends[1], where)
        if u == v:
            raise InputError(f"{where}: ({u!r}, {v!r}) is a self-loop; graphs here have none, so take the line out")
        return u, v

    def _from_json(self, kind: str, value: Any, where: str) -> Any:
        for end in value if kind == "edges" else [value]:
            if isinstance(end, int) != self.integers:
                have, write = ("integers", "without quotes") if self.integers else ("strings", "in quotes")
                raise InputError(f"{where}: the ids of this model are {have}; write them {write}, not {end!r}")
        return tuple(value) if kind == "edges" else value


def to_removal(entries: Sequence[Entry]) -> Removal:
    """Return entries as one request."""
    from oubli.graph import Removal

    kinds: dict[str, list[Any]] = {}
    for entry in entries:
        kinds.setdefault(entry.kind, []).append(entry.value)
    return Removal(**kinds)


def check_present(graph: Graph, entries: Sequence[Entry]) -> None:
    """Raise for the first entry that is not in the graph, naming the place it was read from.

    Raises
    ------
    UnknownNodeError, AlreadyRemovedError, InputError
        As `Graph.resolve` would.
    """
    ignored = graph.resolve(to_removal(entries), missing="ignore").ignored
    absent = {(kind, _key(value)) for kind, values in ignored.items() for value in values}
    found = [entry for entry in entries if (entry.kind, _key(entry.value)) in absent]
    if found:
        _raise_at(found, lambda: graph.resolve(to_removal(found[:1])), "pass --missing ignore")


def check_known(graph: Graph, entries: Sequence[Entry]) -> None:
    """Raise for the first entry that is no node of the graph, naming the place it was read from.

    Raises
    ------
    UnknownNodeError, AlreadyRemovedError
    """
    from oubli.graph.ids import as_id_array

    _, there = graph.index.positions(as_id_array([entry.value for entry in entries]))
    found = [entry for entry, known in zip(entries, there.tolist(), strict=True) if not known]
    if found:
        _raise_at(found, lambda: graph.slots([found[0].value]), "")


def _raise_at(found: Sequence[Entry], provoke: Callable[[], object], mend: str) -> None:
    first = found[0]
    more = f" ({len(found) - 1:,} more like it)" if len(found) > 1 else ""
    try:
        provoke()
    except OubliError as error:
        message = str(error).removeprefix(f"{first.kind}: ").replace('pass missing="ignore"', mend)
        raise type(error)(f"{first.where}: {message}{more}") from None


def _ends(text: str) -> list[str]:
    return text.split(next((mark for mark in "\t," if mark in text), None))


def _key(value: Any) -> Any:
    return tuple(sorted(value)) if isinstance(value, list | tuple) else value


def _fitting(number: int, text: str, where: str) -> int:
    if not -(2**63) <= number < 2**63:
        raise InputError(f"{where}: {text} does not fit 64 bits, so it is no node of this model; correct it")
    return number
