"""Runs on disk, one JSON object a line, so that a benchmark that was stopped goes on where it was."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.results import FOLDER

Record = dict[str, Any]


@dataclass(frozen=True)
class Key:
    """What makes a run the same run."""

    data: str
    model: str
    trial: int
    split: int
    seed: int


class Records:
    """A file of runs that several processes may append to.

    Parameters
    ----------
    path : Path, optional
        benchmarks/results/accuracy-runs.jsonl without it.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or FOLDER / "accuracy-runs.jsonl"

    def all(self) -> list[Record]:
        """Return the runs in the order in which they were written; a line that was broken off is left out."""
        records = []
        for line in self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []:
            with suppress(json.JSONDecodeError):
                records.append(json.loads(line))
        return [record for record in records if isinstance(record, dict)]

    def find(self, key: Key, **entries: Any) -> Record | None:
        """Return the latest run of that key with these entries; settings that have changed since are another run."""
        wanted = (asdict(key) | entries).items()
        return next((record for record in reversed(self.all()) if wanted <= record.items()), None)

    def add(self, key: Key, **entries: Any) -> Record:
        """Write a run at the end: one write, so that lines of several processes do not mix."""
        record = asdict(key) | entries
        line = json.dumps(record) + "\n"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        target = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            # What was broken off stays a line of its own.
            size = os.fstat(target).st_size
            broken = size > 0 and os.pread(target, 1, size - 1) != b"\n"
            os.write(target, (("\n" if broken else "") + line).encode())
        finally:
            os.close(target)
        return record


@contextmanager
def measured() -> Iterator[Record]:
    """Fill the dictionary with CPU seconds, wall seconds and peak memory (MiB) of the block."""
    reset_peak()
    wall, cpu = time.perf_counter(), time.process_time()
    account: Record = {}
    yield account
    account["cpu_seconds"], account["wall_seconds"] = time.process_time() - cpu, time.perf_counter() - wall
    account["peak_mib"] = peak_mib()


def reset_peak() -> None:
    """Let the peak of memory begin anew, where the system has a switch for it."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def peak_mib() -> float:
    """Return the largest memory that the process has had since `reset_peak`, or ever where there is no such switch."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
