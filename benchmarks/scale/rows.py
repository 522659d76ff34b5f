"""From the marks of processes to the rows of tables: medians over draws, in seconds and MiB."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.machine import describe_machine
from benchmarks.timing import summary

Row = dict[str, Any]
Found = Mapping[str, Any]

MIB = 2**20
BYTES = ("anon", "rss", "read_bytes", "write_bytes", "rchar", "wchar")
PEAKS = ("anon", "rss")


def of_graph(made: Found, brought: Found) -> dict[str, list[Row]]:
    """Return the rows of what all engines share."""
    report = brought["report"]
    kept = ("nodes", "arcs", "entries", "duplicates", "self_loops")
    marks = [*made["marks"], *brought["marks"]]
    return {
        "phases": [_account(mark["name"], [mark]) for mark in marks],
        "runs": [{"found": {name: report[name] for name in kept}, "machine": describe_machine()}],
    }


def of_engine(fitted: Found, forgot: Sequence[Found], solved: Sequence[Found], verified: Found) -> dict[str, list[Row]]:
    """Return the rows of one engine."""
    grouped = defaultdict(list)
    for found in (fitted, *forgot, *solved, verified):
        for mark in found["marks"]:
            grouped[_phase(mark)].append(mark)
    again = summary([mark["wall"] for mark in grouped["re-solve"]])
    cases = {phase: marks for phase, marks in grouped.items() if isinstance(phase, tuple)}
    phases = [_account(phase, marks) for phase, marks in grouped.items() if isinstance(phase, str)]
    removals = [
        _removal(marks, cases.get(("keep", *case[1:]), []), again["median"])
        for case, marks in cases.items()
        if case[0] == "unlearn"
    ]
    graph = {name: fitted[name] for name in ("nodes", "found_arcs", "largest_degree", "engine_why")}
    return {
        "phases": phases,
        "removals": sorted(removals, key=lambda row: (row["kind"], row["size"], row["cold"])),
        "digests": [_digests(fitted, forgot, solved, verified)],
        "runs": [graph | {"machine": describe_machine(), "forgets_mib": max(f["hwm"] for f in forgot) / MIB}],
    }


def _phase(mark: Found) -> str | tuple[Any, ...]:
    if mark["name"] in ("unlearn", "keep"):
        return mark["name"], mark["kind"], mark["size"], mark["cold"]
    return f"{mark['name']}, pages dropped" if mark.get("cold") else str(mark["name"])


def _account(phase: str, marks: Sequence[Found]) -> Row:
    """Return medians over the processes that went through a phase, and the largest of the peaks."""
    row: Row = {"phase": phase, "times": len(marks)}
    row |= {name: summary([mark[name] for mark in marks]) for name in ("wall", "cpu")}
    for name in BYTES:
        of_all = [mark[name] / MIB for mark in marks]
        row[name] = max(of_all) if name in PEAKS else float(np.median(of_all))
    return row


def _removal(marks: Sequence[Found], kept: Sequence[Found], again: float) -> Row:
    case = {name: marks[0][name] for name in ("kind", "size", "cold")}
    row = case | _account("unlearn", marks)
    paths = [mark["path"] for mark in marks]
    row |= {
        "keep": summary([mark["wall"] for mark in kept]) if kept else None,
        "kept_bytes": float(np.median([mark["write_bytes"] / MIB for mark in kept])) if kept else None,
        "edges": round(float(np.median([mark["edges"] for mark in marks]))),
        "reached": [round(float(np.median(hop))) for hop in zip(*(mark["reached"] for mark in marks), strict=False)],
        "changed": round(float(np.median([mark["changed"] for mark in marks]))),
        "path": max(sorted(set(paths)), key=paths.count),
        "again": again,
        "ratio": again / row["wall"]["median"],
    }
    return row


def _digests(fitted: Found, forgot: Sequence[Found], solved: Sequence[Found], verified: Found) -> Row:
    rounds = list(zip(forgot[1:], solved, strict=True))
    pairs = [(one[key], other[key]) for one, other in rounds for key in ("weights", "digest")]
    return {
        "fitted": fitted["digest"],
        "forgot": forgot[-1]["digest"],
        "resolved_equal": all(one == other for one, other in pairs),
        "verified": verified["identical"],
        "before": fitted["accuracy"],
        "after": forgot[-1]["accuracy"],
    }


def of_halo(found: Mapping[int, Found]) -> list[Row]:
    """Return a row for each number of partitions and each case: memory, and what was sent."""
    rows = []
    for partitions, result in found.items():
        held = {"partitions": partitions, "shard": max(result["shards"]) / MIB, "worker": max(result["workers"]) / MIB}
        grouped = defaultdict(list)
        for mark in result["marks"]:
            grouped[mark["kind"], mark.get("size")].append(mark)
        for (kind, size), marks in grouped.items():
            row = held | {"kind": kind, "size": size, "wall": summary([mark["wall"] for mark in marks])}
            row["sent_rows"] = float(np.median([sum(mark["sent_rows"]) for mark in marks]))
            row["sent"] = float(np.median([sum(mark["sent_bytes"]) for mark in marks])) / MIB
            row["reached"] = float(np.median([sum(mark.get("reached", [])) for mark in marks]))
            rows.append(row | {"digest": result["digest"]})
    return rows
