"""Distinct integers of a stream that may be larger than memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oubli.graph.distinct import distinct
from oubli.graph.durable import flush_file, private


class DistinctIds:
    """Collects integers; what does not fit is written to sorted runs, which are merged at the end.

    Parameters
    ----------
    folder : Path
        Where the runs go.
    room : int
        Integers held in memory.
    runs : int
        Runs that are there already, from before an interruption.
    """

    def __init__(self, folder: Path, room: int, runs: int = 0) -> None:
        self.folder, self.room, self.runs = folder, room, runs
        self._parts: list[NDArray[np.int64]] = []
        self._held = 0

    def add(self, ids: NDArray[Any]) -> bool:
        """Take integers; tell whether all that were taken are in runs on the disk now."""
        fresh = distinct(ids.astype(np.int64, copy=False).ravel())
        self._parts.append(fresh)
        self._held += fresh.size
        if self._held <= self.room:
            return False
        self._parts = [distinct(*self._parts)]
        self._held = self._parts[0].size
        # What repeats itself is worth keeping: a run is written when that alone fills half of the room.
        if 2 * self._held <= self.room:
            return False
        self.spill()
        return True

    def spill(self) -> None:
        """Write what is in memory to a run."""
        if self._parts:
            with open(self._run(self.runs), "wb", opener=private) as file:
                file.write(distinct(*self._parts).data)
                flush_file(file)
            self.runs += 1
        self._parts, self._held = [], 0

    def _run(self, number: int) -> Path:
        return self.folder / f"run-{number:05}.bin"

    def merged(self) -> Iterator[NDArray[np.int64]]:
        """Yield the distinct integers ascending, in parts."""
        runs = [_mapped(self._run(k)) for k in range(self.runs)]
        runs = [run for run in runs if run.size]
        step = max(1, self.room // max(1, len(runs)))
        while runs:
            # All up to here is among the next `step` of every run, so that a round fits the room.
            limit = min(int(run[min(step, run.size) - 1]) for run in runs)
            cuts = [int(np.searchsorted(run[:step], limit, side="right")) for run in runs]
            yield distinct(*(np.array(run[:cut]) for run, cut in zip(runs, cuts, strict=True)))
            runs = [run[cut:] for run, cut in zip(runs, cuts, strict=True) if cut < run.size]

    def clear(self) -> None:
        """Delete the runs."""
        for number in range(self.runs):
            self._run(number).unlink(missing_ok=True)


def _mapped(path: Path) -> NDArray[np.int64]:
    return np.asarray(np.memmap(path, np.int64, "r")) if path.stat().st_size else np.empty(0, np.int64)
