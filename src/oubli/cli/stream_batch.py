"""Requests of a stream that are honoured together."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple

from oubli.cli.request import Entry
from oubli.cli.stream_lines import Line, Mark
from oubli.errors import AlreadyRemovedError


class Request(NamedTuple):
    """A line, what it asks for, and how far the source was read with it."""

    line: Line
    entries: list[Entry]
    mark: Mark


@dataclass
class Batch:
    """Requests that wait to be honoured together."""

    requests: list[Request] = field(default_factory=list)
    _claimed: dict[tuple[str, Any], int] = field(default_factory=dict)

    def add(self, request: Request) -> None:
        """Take in a request."""
        self.requests.append(request)
        for entry in request.entries:
            self._claimed.setdefault((entry.kind, _key(entry)), request.line.number)

    def check_unclaimed(self, entries: list[Entry]) -> None:
        """Raise for what an earlier line of the batch removes: one by one, it would be gone by now.

        Raises
        ------
        AlreadyRemovedError
        """
        for entry in entries if self._claimed else ():
            ends = entry.value if entry.kind == "edges" else [entry.value]
            for claim in ((entry.kind, _key(entry)), *(("nodes", end) for end in ends)):
                if claim in self._claimed:
                    raise AlreadyRemovedError(
                        f"{entry.where}: {claim[1]!r} was removed before, by line {self._claimed[claim]:,}; leave it "
                        "out, or pass --missing ignore"
                    )


def _key(entry: Entry) -> Any:
    return tuple(sorted(entry.value)) if entry.kind == "edges" else entry.value
