"""Which ids the ends of edges are, where nothing else says so: a pass over the sources."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from oubli.errors import InputError
from oubli.graph.adjacency import MAX_NODES
from oubli.graph.disk.arrays import allocate, flush_array
from oubli.graph.disk.folder import fill
from oubli.graph.durable import flush_file, private
from oubli.graph.ids import text_fault
from oubli.graph.importing.distinct_ids import DistinctIds
from oubli.graph.importing.identities import as_texts
from oubli.graph.importing.journal import Journal
from oubli.graph.importing.node_table import Texts
from oubli.graph.importing.sources import ArraySource, Block, Source

Kind = Literal["dense", "sparse", "texts"]
Step = Callable[[str, int, int], None]


def walk(sources: list[Source], after: dict[str, Any], stage: str, progress: Step) -> Iterator[tuple[int, Block]]:
    """Yield the blocks of all sources behind a place, each with the number of its source."""
    total, before = sum(source.total for source in sources), 0
    for number, source in enumerate(sources):
        if number >= after.get("source", 0):
            place = after.get("place") if number == after.get("source") else None
            for block in source.blocks(place):
                yield number, block
                progress(stage, before + block.done, total)
        before += source.total


def spool(source: Source, path: Path, rows: int, progress: Step) -> ArraySource:
    """Write edges that can be read once to a file, from which they can be read again."""
    with open(path, "wb", opener=private) as file:
        for _, block in walk([source], {}, "keep", progress):
            file.write(block.pairs.astype(np.int64, copy=False).tobytes())
        flush_file(file)
    size = path.stat().st_size
    pairs = np.memmap(path, np.int64, "r") if size else np.empty(0, np.int64)
    return ArraySource(np.asarray(pairs).reshape(-1, 2), source.name, rows)


class Survey:
    """Finds out which nodes the edges have.

    Parameters
    ----------
    sources : list of Source
    journal : Journal
    memory : int
    progress : callable
    """

    def __init__(self, sources: list[Source], journal: Journal, memory: int, progress: Step) -> None:
        self.sources, self.journal, self.memory, self.progress = sources, journal, memory, progress
        self.path = journal.folder / "ids.npy"

    def find(self) -> tuple[int, Kind]:
        """Return the number of nodes and of which kind their ids are; other than 0 .. n-1 they are then in ids.npy.

        Raises
        ------
        InputError, CapacityError
            When the ids cannot be kept.
        """
        modes = {"range": self._find_range, "distinct": self._find_distinct, "texts": self._find_texts}
        named = any(source.named for source in self.sources)
        mode = self.journal.facts.get("survey", {}).get("mode", "distinct" if named else "range")
        while True:
            found = modes[mode]()
            if not isinstance(found, str):
                return found
            mode = found
            self.journal.save(survey={"mode": mode})

    def _walk(self, after: dict[str, Any]) -> Iterator[tuple[int, Block]]:
        return walk(self.sources, after, "ids", self.progress)

    def _find_range(self) -> tuple[int, Kind] | str:
        largest = -1
        for _, block in self._walk({}):
            if block.is_text:
                return "texts"
            if block.pairs.size:
                largest = max(largest, int(block.pairs.max()))
        return "distinct" if largest >= MAX_NODES else (largest + 1, "dense")

    def _find_distinct(self) -> tuple[int, Kind] | str:
        state = self.journal.facts.get("survey", {})
        ids = DistinctIds(self.journal.folder, max(16, self.memory // 64), state.get("runs", 0))
        for number, block in self._walk(state):
            if block.is_text:
                ids.clear()
                return "texts"
            if ids.add(block.pairs):
                self.journal.save(
                    survey={"mode": "distinct", "source": number, "place": dict(block.end), "runs": ids.runs}
                )
        ids.spill()
        found = self._write(ids)
        ids.clear()
        return found

    def _write(self, ids: DistinctIds) -> tuple[int, Kind]:
        count, first, last = 0, 0, -1
        for part in ids.merged():
            first = int(part[0]) if count == 0 else first
            last, count = int(part[-1]), count + part.size
        if count > MAX_NODES:
            raise InputError(f"edges: have {count:,} nodes; a graph holds at most {MAX_NODES:,}")
        if first == 0 and last == count - 1:
            return count, "dense"
        self.path.unlink(missing_ok=True)
        out, at = allocate(self.path, (count,), np.int64), 0
        for part in ids.merged():
            out[at : at + part.size] = part
            at += part.size
        flush_array(out)
        return count, "sparse"

    def _find_texts(self) -> tuple[int, Kind]:
        seen: dict[str, None] = {}
        room = Texts(self.memory)
        for _, block in self._walk({}):
            for row, text in enumerate(as_texts(block)):
                if text not in seen:
                    if fault := text_fault(text):
                        where = block.where(row // 2)
                        raise InputError(f"{where}: id {text[:40]!r} {fault}; give the node another name")
                    room.count(text)
                    seen[text] = None
        ids: NDArray[Any] = np.array(list(seen), np.str_)
        self.path.unlink(missing_ok=True)
        fill(self.path, np.sort(ids))
        return len(seen), "texts"
