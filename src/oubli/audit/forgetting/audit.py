"""The run of an audit over seeds and methods: resumable, one record at a time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import oubli
from oubli.audit.files import versions, write_results
from oubli.audit.forgetting.control import FEWEST_DRAWS, Game, play
from oubli.audit.forgetting.methods import Kind, Method, parse_method
from oubli.audit.journal import Journal, Record
from oubli.errors import InputError
from oubli.graph import Graph
from oubli.graph.archive import arrays_from_graph
from oubli.guarantees.digest import canonical_digest

Progress = Callable[[int, int, str], None]
MOST_SEEDS = 10_000
MOST_DRAWS = 100_000
CONTROL = -1
"""Stands for a seed in the record of the matched control, which is of a method."""


class ForgettingAudit(ABC):
    """An audit of methods that forget, on one graph, over several seeds; `run` goes on where it was stopped.

    Parameters
    ----------
    graph : Graph
    methods : sequence of str
        As `parse_method` reads them. Those that cannot remove what this audit removes are left out, and told in the
        results; there must be another.
    seeds : int, default 10
        How often everything is drawn anew; intervals are over seeds.
    data : str, default "graph"
        Name of the graph, for the record.
    first_seed : int, default 0
    draws : int, default 40
        Of each world of the matched control, for methods that have no bytes to compare; five times as many for
        certified ones; 0 plays it for those that have bytes alone. Of no meaning without one.

    Attributes
    ----------
    attempts : int
        How many records there are to make.
    """

    format: ClassVar[str]
    kind: ClassVar[Kind | None]
    """What is removed; None where that differs from test to test."""
    plays: ClassVar[bool] = False
    """Whether there is a matched control; `game` says of which removal."""
    named: ClassVar[tuple[str, ...]] = ("methods",)
    """Parts of the settings by name, which a later run may add to."""

    def __init__(
        self,
        graph: Graph,
        methods: Sequence[str],
        seeds: int = 10,
        data: str = "graph",
        first_seed: int = 0,
        draws: int = 40,
    ) -> None:
        whole = isinstance(draws, int) and not isinstance(draws, bool)
        if not whole or (draws and not FEWEST_DRAWS <= draws <= MOST_DRAWS):
            raise InputError(f"draws: expected 0, or an integer from {FEWEST_DRAWS} to {MOST_DRAWS:,}, got {draws!r}")
        if not isinstance(seeds, int) or isinstance(seeds, bool) or not 1 <= seeds <= MOST_SEEDS:
            raise InputError(f"seeds: expected an integer from 1 to {MOST_SEEDS:,}, got {seeds!r}")
        if not isinstance(first_seed, int) or isinstance(first_seed, bool) or first_seed < 0:
            raise InputError(f"first_seed: expected an integer of at least 0, got {first_seed!r}")
        parsed, unsupported = _parse(methods, self.kind)
        self.graph, self.seeds, self.data, self.first_seed, self.draws = graph, seeds, data, first_seed, draws
        self.methods: dict[str, Method] = {method.name: method for method in parsed}
        self.unsupported: dict[str, str] = unsupported

    def game(self) -> Game | None:
        """Return the removal of which the matched control is played; None where this kind of audit has none."""
        return None

    @property
    def attempts(self) -> int:
        """How many records there are to make: one a seed and method, and one a method for the matched control."""
        return self.seeds * len(self.methods) + len(self._played())

    def run(self, folder: str | Path, progress: Progress | None = None) -> dict[str, Any]:
        """Make what is missing in a folder, and write results.json, rows.csv and summary.csv there.

        One that was stopped goes on behind the last whole record. Methods and seeds may be added to an audit that is
        done; other settings need another folder.

        Parameters
        ----------
        folder : str or Path
        progress : callable, optional
            Called with how many records are done, of how many, and what comes next.

        Returns
        -------
        dict
            What results.json holds.

        Raises
        ------
        InputError
            When the folder holds another audit, or cannot be written.
        """
        folder = Path(folder)
        told = progress or (lambda done, total, text: None)
        with Journal.opened(folder, self.settings(), self.named) as journal:
            found = {(r["seed"], r["method"]): r for r in journal.records}
            controls = self._controls(journal, told)
            done = len(controls)
            # Seeds outside: methods of one family share what was trained for a seed.
            for seed in range(self.first_seed, self.first_seed + self.seeds):
                for name, method in self.methods.items():
                    if (seed, name) not in found:
                        told(done, self.attempts, f"seed {seed}, {name}")
                        record = {"seed": seed, "method": name, **self.attempt(seed, method)}
                        journal.append([record])
                        found[seed, name] = journal.records[-1]
                    done += 1
            told(done, self.attempts, "done")
            kept = [found[seed, name] for seed, name in sorted(found.keys()) if self._asked(seed, name)]
            results = self._results(kept) | {"control": controls}
            write_results(folder, results, results["rows"], results["summary"])
        return results

    def _controls(self, journal: Journal, told: Progress) -> list[dict[str, Any]]:
        """Return a line a method, those that are missing played now."""
        if (game := self.game()) is None:
            return []
        lines = {r["method"]: r["control"] for r in journal.records if r["seed"] == CONTROL}
        for done, (name, method) in enumerate(self._played().items()):
            if name not in lines:
                told(done, self.attempts, f"matched control, {name}")
                lines[name] = play(game, method, self.draws, self.first_seed)
                journal.append([{"seed": CONTROL, "method": name, "control": lines[name]}])
        return [lines[name] for name in self._played()]

    def _played(self) -> dict[str, Method]:
        """Return the methods of which the matched control is played."""
        return {n: m for n, m in self.methods.items() if self.plays and (self.draws or m.claim == "exact")}

    def _asked(self, seed: int, name: str) -> bool:
        return self.first_seed <= seed < self.first_seed + self.seeds and name in self.methods

    def _results(self, records: Sequence[Record]) -> dict[str, Any]:
        return {
            "format": self.format,
            "settings": {"data": self.data, "seeds": self.seeds, **self._chance(), **self.own_settings()},
            "threat_model": self.threat_model(),
            **self.results(records),
            "unsupported": [{"method": name, "note": note} for name, note in self.unsupported.items()],
            "versions": versions(),
            "seconds": sum(record["seconds"] for record in records),
        }

    def _chance(self) -> dict[str, Any]:
        return {"first_seed": self.first_seed, "draws": self.draws if self.plays else None}

    def settings(self) -> dict[str, Any]:
        """Return everything that records depend on; the number of seeds is not among it."""
        return {
            "format": self.format,
            "data_sha256": canonical_digest(sorted(arrays_from_graph(self.graph).items())),
            "oubli": oubli.__version__,
            **self._chance(),
            "methods": {name: method.describe for name, method in self.methods.items()},
            **self.own_settings(),
        }

    @abstractmethod
    def own_settings(self) -> dict[str, Any]:
        """Return the settings that this kind of audit has, as plain values."""

    @abstractmethod
    def attempt(self, seed: int, method: Method) -> Record:
        """Audit one method under one seed; the record is of plain values, with ``seconds``."""

    @abstractmethod
    def threat_model(self) -> str:
        """Say in words who attacks, what they see and what they do not."""

    @abstractmethod
    def results(self, records: Sequence[Record]) -> dict[str, Any]:
        """Return what is published of the records, with at least ``methods``, ``summary`` and ``rows``."""


def _parse(given: Sequence[str], kind: Kind | None) -> tuple[list[Method], dict[str, str]]:
    """Return the methods that remove this kind of thing, and why the others do not."""
    parsed = {method.name: method for method in map(parse_method, given)}
    if not parsed:
        raise InputError("methods: name at least one")
    told = {
        name: f"{name} removes {' and '.join(method.kinds)} only, not {kind}"
        for name, method in parsed.items()
        if kind is not None and kind not in method.kinds
    }
    if len(told) == len(parsed):
        raise InputError(f"methods: {'; '.join(told.values())}; name others")
    return [method for name, method in parsed.items() if name not in told], told
