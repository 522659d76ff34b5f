"""The stages of an import, each of which an interrupted one goes on with."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from oubli.errors import InputError
from oubli.graph.adjacency import Adjacency
from oubli.graph.disk.arrays import allocate, flush_array, map_array
from oubli.graph.disk.folder import GraphManifest, entry, fill
from oubli.graph.durable import flush_folder
from oubli.graph.ids import NodeIndex
from oubli.graph.importing.attributes import write_features, write_labels, write_splits
from oubli.graph.importing.bucketing import ARC, Buckets, Ranges
from oubli.graph.importing.given import GivenNodes, take_nodes
from oubli.graph.importing.identities import DenseIdentity, Identity, SparseIdentity, TextIdentity
from oubli.graph.importing.journal import Journal
from oubli.graph.importing.orders import append_rows, order_nodes
from oubli.graph.importing.report import ImportReport
from oubli.graph.importing.rows import RowFile, append_bucket
from oubli.graph.importing.sources import Block, BlockSource, Source
from oubli.graph.importing.survey import Step, Survey, spool, walk

SHARE = 48
"""Bytes of memory for each arc of a bucket: 12 while it is sorted, the rest for all else."""

CHECKPOINT = 1 << 29
"""Bytes that are written to buckets between two checkpoints."""

BLOCK = 1 << 22


@dataclass(frozen=True)
class Request:
    """What an import is asked for."""

    sources: list[Source]
    given: GivenNodes
    self_loops: Literal["drop", "error"]
    reorder: str | None
    memory: int


class Import:
    """An import into a folder beside the target, where it goes at the end.

    Parameters
    ----------
    request : Request
    journal : Journal
    target : Path
    progress : callable
        Told the stage, and how much of how much is done.
    """

    STAGES = ("nodes", "ids", "edges", "rows", "order", "attributes", "checksums", "rename")

    def __init__(self, request: Request, journal: Journal, target: Path, progress: Step) -> None:
        self.request, self.journal, self.target, self.progress = request, journal, target, progress
        self.sources, self.memory = request.sources, request.memory
        self.work = journal.folder
        self.given, self.graph, self.buckets = (self.work / name for name in ("given", "graph", "buckets"))
        self.started = time.perf_counter()

    def run(self) -> ImportReport:
        """Do all stages that are not done yet."""
        for at in range(self.STAGES.index(self.journal.stage), len(self.STAGES)):
            stage = self.STAGES[at]
            stages: dict[str, Callable[[], dict[str, Any]]] = {
                "nodes": self._take_nodes,
                "ids": self._find_ids,
                "edges": self._fill_buckets,
                "rows": self._sort_buckets,
                "order": self._reorder,
                "attributes": self._write_attributes,
                "checksums": self._seal,
                "rename": self._rename,
            }
            facts = stages[stage]()
            if at + 1 < len(self.STAGES):
                self.journal.save(stage=self.STAGES[at + 1], **facts)
        return ImportReport(**self.journal.facts["report"])

    def _fact(self, name: str) -> Any:
        return self.journal.facts[name]

    def _take_nodes(self) -> dict[str, Any]:
        shutil.rmtree(self.given, ignore_errors=True)
        self.given.mkdir(mode=0o700)
        self.progress("nodes", 0, 1)
        taken = take_nodes(self.request.given, self.given, self.memory)
        return {"nodes": taken.num_nodes, "positions": taken.positions}

    def _find_ids(self) -> dict[str, Any]:
        if (self.given / "ids.npy").exists():
            return self._sort_given_ids()
        if self._fact("nodes") is not None:
            return {"kind": "dense"}
        self.sources[:] = [
            spool(source, self.work / f"spool-{at}.bin", max(16, self.memory // 256), self.progress)
            if isinstance(source, BlockSource) and source.once
            else source
            for at, source in enumerate(self.sources)
        ]
        nodes, kind = Survey(self.sources, self.journal, self.memory, self.progress).find()
        return {"nodes": nodes, "kind": kind}

    def _sort_given_ids(self) -> dict[str, Any]:
        ids = map_array(self.given / "ids.npy", "private")
        order = np.argsort(ids, kind="stable")
        ids = ids[order]
        NodeIndex(ids)  # refuses ids that are there twice
        dense = ids.dtype.kind == "i" and ids.size > 0 and ids[0] == 0 and ids[-1] == ids.size - 1
        self._replace("by_id", order)
        if not dense:
            self._replace("ids", ids)
        return {"nodes": int(ids.size), "kind": "dense" if dense else "sparse" if ids.dtype.kind == "i" else "texts"}

    def _replace(self, name: str, array: NDArray[Any]) -> None:
        (self.work / f"{name}.npy").unlink(missing_ok=True)
        fill(self.work / f"{name}.npy", array)

    def _kept(self, name: str) -> NDArray[Any] | None:
        path = self.work / f"{name}.npy"
        return map_array(path, "private") if path.exists() else None

    def _identity(self) -> Identity:
        nodes, by_id, ids = self._fact("nodes"), self._kept("by_id"), self._kept("ids")
        if self._fact("positions"):
            if by_id is None:
                return DenseIdentity(nodes)
            ranks = np.empty(nodes, np.int64)
            ranks[by_id] = np.arange(nodes)
            return DenseIdentity(nodes, ranks)
        if ids is None:
            return DenseIdentity(nodes)
        return SparseIdentity(ids) if self._fact("kind") == "sparse" else TextIdentity(ids)

    @property
    def _capacity(self) -> int:
        return max(16, self.memory // SHARE)

    @property
    def _ranges(self) -> Ranges:
        arcs = 2 * sum(source.most for source in self.sources)
        return Ranges(self.buckets, 0, self._fact("nodes"), -(-arcs // self._capacity))

    def _fill_buckets(self) -> dict[str, Any]:
        """Put both directions of all edges into buckets."""
        identity = self._identity()
        state: dict[str, Any] = self.journal.facts.get("edges", {})
        entries, loops, saved = state.get("entries", 0), state.get("loops", 0), sum(state.get("lengths", ()))
        with Buckets(self._ranges, state.get("lengths")) as buckets:
            for number, block in walk(self.sources, state, "edges", self.progress):
                ranks = identity.ranks(block)
                found = buckets.add_edges(ranks)
                if found and self.request.self_loops == "error":
                    raise _self_loop(block, ranks)
                entries, loops = entries + len(ranks), loops + found
                if sum(buckets.lengths) - saved >= CHECKPOINT:
                    saved = sum(buckets.lengths)
                    place = {"source": number, "place": dict(block.end), "lengths": buckets.flush()}
                    self.journal.save(edges=place | {"entries": entries, "loops": loops})
            return {"edges": {"lengths": buckets.flush(), "entries": entries, "loops": loops}}

    def _sort_buckets(self) -> dict[str, Any]:
        """Sort bucket after bucket into rows."""
        self.graph.mkdir(mode=0o700, exist_ok=True)
        state = self.journal.facts.get("rows", {"bucket": 0, "arcs": 0})
        path, nodes, ranges = self.graph / "count.npy", self._fact("nodes"), self._ranges
        if state["bucket"] == 0:
            path.unlink(missing_ok=True)
            allocate(path, (nodes,), np.int32)
        counts, lengths = map_array(path, "shared"), self._fact("edges")["lengths"]
        with RowFile(self.graph / "neighbours.npy", state["arcs"]) as rows:
            for number in range(state["bucket"], ranges.count):
                append_bucket(ranges.path(number), *ranges.range(number), self._capacity, counts, rows)
                flush_array(counts)
                self.journal.save(rows={"bucket": number + 1, "arcs": rows.flush()})
                ranges.path(number).unlink()
                self.progress("rows", sum(lengths[: number + 1]) // ARC, sum(lengths) // ARC)
            rows.finish()
        _write_start(counts, self.graph)
        return {"arcs": rows.length}

    def _reorder(self) -> dict[str, Any]:
        """Write the adjacency once more, its rows in another order."""
        shutil.rmtree(self.buckets, ignore_errors=True)
        if self.request.reorder is None or not self._fact("nodes"):
            return {}
        ordered = self.work / "ordered"
        shutil.rmtree(ordered, ignore_errors=True)
        ordered.mkdir(mode=0o700)
        parts = (map_array(self.graph / f"{name}.npy", "private") for name in ("start", "count", "neighbours"))
        adjacency = Adjacency(*parts)
        nodes = order_nodes(adjacency, self.request.reorder)
        self._replace("nodes", nodes)
        counts = allocate(ordered / "count.npy", (nodes.size,), np.int32)
        with RowFile(ordered / "neighbours.npy") as rows:
            append_rows(adjacency, nodes, self._capacity, counts, rows, lambda *done: self.progress("order", *done))
            rows.finish()
        flush_array(counts)
        _write_start(counts, ordered)
        return {}

    def _write_attributes(self) -> dict[str, Any]:
        """Write ids, features, labels and splits by slot."""
        for name in ("start", "count", "neighbours"):
            if (moved := self.work / "ordered" / f"{name}.npy").exists():
                os.replace(moved, self.graph / moved.name)
        for path in self.graph.iterdir():
            if path.stem not in ("start", "count", "neighbours"):
                path.unlink()
        nodes, places, by_slot = self._fact("nodes"), self._kept("by_id"), self._kept("nodes")
        index = self._write_ids(by_slot)
        if by_slot is not None:
            places = by_slot.astype(np.int64) if places is None else places[by_slot]
        given = self.request.given
        source = Path(given.features) if isinstance(given.features, str | Path) else None
        width = write_features(
            source,
            self.given,
            self.graph,
            places,
            nodes,
            self.memory // 4,
            lambda *done: self.progress("features", *done),
        )
        codes = write_labels(self.given, self.graph, places, nodes)
        write_splits(given.splits, self.given, self.graph, places, index, codes)
        return {"features": width}

    def _write_ids(self, by_slot: NDArray[np.int32] | None) -> NodeIndex:
        nodes, ids = self._fact("nodes"), self._kept("ids")
        kind = np.dtype(np.int64) if ids is None else ids.dtype
        out = allocate(self.graph / "ids.npy", (nodes,), kind)
        for first in range(0, nodes, BLOCK):
            end = min(first + BLOCK, nodes)
            ranks = np.arange(first, end) if by_slot is None else by_slot[first:end]
            out[first:end] = ranks if ids is None else ids[ranks]
        flush_array(out)
        if by_slot is None:
            return NodeIndex(out)
        order = allocate(self.graph / "order.npy", (nodes,), np.int64)
        order[by_slot] = np.arange(nodes)
        flush_array(order)
        return NodeIndex(out, order=order)

    def _seal(self) -> dict[str, Any]:
        """Write the manifest, with the checksums of all files."""
        for begun in self.graph.glob("manifest.json*"):
            begun.unlink()
        files, paths = {}, sorted(self.graph.glob("*.npy"))
        sizes = [path.stat().st_size for path in paths]
        for at, path in enumerate(paths):
            files[path.stem] = entry(path)
            self.progress("checksums", sum(sizes[: at + 1]), sum(sizes))
        facts, edges = self.journal.facts, self.journal.facts["edges"]
        report = ImportReport(
            nodes=facts["nodes"],
            edges=facts["arcs"] // 2,
            arcs=facts["arcs"],
            features=facts["features"],
            entries=edges["entries"],
            self_loops=edges["loops"],
            duplicates=edges["entries"] - edges["loops"] - facts["arcs"] // 2,
            ids=facts["kind"],
            reorder=self.request.reorder,
            bytes_read=sum(source.bytes for source in self.sources),
            seconds=time.perf_counter() - self.started,
        )
        names = [source.name for source in self.sources]
        notes = {"sources": names, "import": report.to_dict()}
        GraphManifest(report.nodes, report.arcs, report.features, files, notes).write(self.graph)
        return {"report": report.to_dict()}

    def _rename(self) -> dict[str, Any]:
        """Put the graph in its place."""
        if self.graph.exists():
            os.rename(self.graph, self.target)
            flush_folder(self.target.parent)
        return {}


def _write_start(counts: NDArray[np.int32], folder: Path) -> None:
    (folder / "start.npy").unlink(missing_ok=True)
    start = allocate(folder / "start.npy", counts.shape, np.int64)
    np.cumsum(counts[:-1], out=start[1:])
    flush_array(start)


def _self_loop(block: Block, ranks: NDArray[Any]) -> InputError:
    row = int(np.flatnonzero(ranks[:, 0] == ranks[:, 1])[0])
    return InputError(
        f"{block.where(row)}: a self-loop at node {block.pairs[row].tolist()[0]!r}; drop it (the propagation adds "
        'its own), or all of them by --self-loops drop (self_loops="drop")'
    )
