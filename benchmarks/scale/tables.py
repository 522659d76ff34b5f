"""The tables of the scale benchmark; a run replaces the rows of its graphs and engines and leaves those of others."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.certified.tables import Shape
from benchmarks.results import FOLDER, make_table, write_results
from benchmarks.scale.growth import table_rows
from benchmarks.scale.models import ENGINES
from benchmarks.scale.sizes import Size

Row = dict[str, Any]

TITLE = "From a million edges to a billion: R-MAT graphs, two hops, random walk"
WHERE = """
    name | arcs
    features | features | d
    engine | engine"""
TABLES = {
    "removals": Shape(
        "Removals beside a full re-solve",
        "Each phase in fresh processes, of all threads: forgetting and re-solving take turns, and each request is "
        "another; the first of a process, of one edge, is not timed. "
        "Seconds on the clock, medians over the requests. *unlearn* is the whole call: validation, graph edit, push, "
        "sums, weights, receipt; *keep* makes it durable where the engine changes files in place. *re-solve* computes "
        "messages, hops, sums and weights anew from the same graph, without copying or reading it. Edges are drawn "
        "evenly, nodes evenly from those that have an edge. *dropped*: the system was asked before each request to "
        "forget the pages of the model's files. *anonymous*: the peak of memory that no file backs, of all processes "
        "together, looked at every 50 ms, and what was there before the request is in it. *read* and *written*: bytes "
        "from and to the disk, in MiB.",
        f"""{WHERE}
    kind | removed
    size | each draw | ,d
    edges | edges gone | ,d
    cold | dropped
    times | draws | d
    wall.median | unlearn s | .3f
    wall.min | fastest | .3f
    wall.max | slowest | .3f
    cpu.median | CPU s | .3f
    keep.median | keep s | .3f
    again | re-solve s | .2f
    ratio | ratio | ,.1f
    reached | rows reached, by hop | ,d
    changed | training rows changed | ,d
    anon | anonymous MiB | ,.0f
    read_bytes | read | ,.1f
    write_bytes | written | ,.1f
    path | path
    """,
    ),
    "phases": Shape(
        "Phases",
        "Medians over the processes that went through a phase; peaks are the largest. *generate* writes the edges, "
        "features, labels and splits; *import* makes the graph folder from them; *fit* takes the model's own copy of "
        "that and computes all; *verify* rebuilds from what remains in another process. *resident* has the pages of "
        "mapped files in it, which the system may take back.",
        f"""{WHERE}
    phase | phase
    times | times | d
    wall.median | s | ,.2f
    cpu.median | CPU s | ,.2f
    anon | anonymous MiB | ,.0f
    rss | resident MiB | ,.0f
    read_bytes | read MiB | ,.0f
    write_bytes | written MiB | ,.0f
    """,
    ),
    "digests": Shape(
        "Bytes",
        "SHA-256 of the models: *fitted*, and *after* all the removals, which are the same for engines measured "
        "together. *re-solved equal*: every process that solved the model again on its graph had the bytes that "
        "forgetting had left. *engines equal*: both digests are those of the other engines measured. *verified* is "
        "blank where no rebuild was made. Accuracy on test nodes, in per cent.",
        f"""{WHERE}
    fitted_short | fitted
    after_short | after
    engines_equal | engines equal
    resolved_equal | re-solved equal
    verified | verified
    before | accuracy | .2f
    after | after | .2f
    """,
    ),
    "growth": Shape(
        "Growth",
        "Seconds grow as the size to the power *exponent*: the slope of the line through the logarithms of the medians "
        "above, with its 95 % interval where there are three points or more. 0: the cost does not depend on it; 1: "
        "proportional. Removals that reached so far that hops were computed whole are left out, with what is dropped.",
        """
    what | what
    against | against
    engine | engine
    features | features | d
    exponent | exponent | .2f
    interval | interval
    points | points | d
    """,
    ),
    "halo": Shape(
        "Dask: partitions",
        "A worker a partition, ranges of nodes. *shard* and *worker*: the largest state of a shard, and the largest "
        "resident memory of a worker, its interpreter and libraries included. *rows sent*: by shards to others, all "
        "hops together, medians over requests.",
        """
    name | arcs
    features | features | d
    partitions | partitions | d
    shard | shard MiB | ,.1f
    worker | worker MiB | ,.0f
    kind | what
    size | size | ,d
    wall.median | s | .3f
    reached | rows reached | ,.0f
    sent_rows | rows sent | ,.0f
    sent | MiB sent | ,.2f
    """,
    ),
    "runs": Shape(
        "Runs",
        "Where and when the rows were measured, as found at their end, and the graphs. A graph has fewer arcs than "
        "pairs drawn, since R-MAT draws some twice.",
        f"""{WHERE}
    found_arcs | arcs found | ,d
    nodes | nodes | ,d
    largest_degree | largest degree | ,d
    engine_why | why this engine
    machine.cpu | processor
    machine.cores | cores | d
    machine.memory_gib | GiB
    machine.commit | commit
    date | date
    machine.load_average | load | .1f
    """,
    ),
}
DERIVED = ("growth",)


class Results:
    """Rows by table, those of runs before among them.

    Parameters
    ----------
    name : str
    folder : Path, optional
        benchmarks/results without it.
    """

    def __init__(self, name: str, folder: Path | None = None) -> None:
        self.name, self.folder = name, folder or FOLDER
        self.rows: dict[str, list[Row]] = {table: [] for table in TABLES}
        file = self.folder / f"{name}.json"
        if file.exists():
            kept = {table["title"]: table["rows"] for table in json.loads(file.read_text(encoding="utf-8"))["tables"]}
            self.rows = {table: kept.get(shape.title, []) for table, shape in TABLES.items()}

    @property
    def figure(self) -> Path:
        """Where the figure goes."""
        return self.folder / f"{self.name}.svg"

    def put(self, size: Size, engine: str | None, rows: Mapping[str, list[Row]]) -> Path:
        """Replace the rows of a graph on an engine (None: of the graph itself) and write all; return the path."""
        key = {"name": size.name, "arcs": size.arcs, "features": size.features, "engine": engine}
        for table in (name for name in TABLES if name not in DERIVED):
            kept = [row for row in self.rows[table] if not key.items() <= row.items()]
            fresh = [key | row for row in rows.get(table, [])]
            self.rows[table] = sorted(kept + fresh, key=_order)
        for row in self.rows["runs"]:
            row.setdefault("date", datetime.now(UTC).isoformat(timespec="seconds"))
        self._compare()
        self.rows["growth"] = table_rows(self.rows)
        tables = [make_table(s.title, s.columns, self.rows[t], s.note) for t, s in TABLES.items() if self.rows[t]]
        return write_results(self.name, TITLE, tables, self.folder)

    def _compare(self) -> None:
        """Say of each engine whether its digests are those of the others on the same graph; blank when it is alone."""
        for row in self.rows["digests"]:
            row["fitted_short"], row["after_short"] = row["fitted"][:12], row["forgot"][:12]
            same = [o for o in self.rows["digests"] if (o["arcs"], o["features"]) == (row["arcs"], row["features"])]
            alike = [other for other in same if other["requests"] == row["requests"]]
            equal = all(o["fitted"] == row["fitted"] for o in same) and all(o["forgot"] == row["forgot"] for o in alike)
            row["engines_equal"] = equal if len(same) > 1 else None


def _order(row: Row) -> tuple[Any, ...]:
    engine = row.get("engine")
    return row["features"], row["arcs"], -1 if engine is None else ENGINES.index(engine)
