"""The run of an audit over seeds and methods: resumable, one record at a time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import oubli
from oubli.audit.files import versions, write_results
from oubli.audit.forgetting.methods import Kind, Method, parse_method
from oubli.audit.journal import Journal, Record
from oubli.errors import InputError
from oubli.graph import Graph
from oubli.graph.archive import arrays_from_graph
from oubli.guarantees.digest import canonical_digest

Progress = Callable[[int, int, str], None]
MOST_SEEDS = 10_000


class ForgettingAudit(ABC):
    """An audit of methods that forget, on one graph, over several seeds; `run` goes on where it was stopped.

    Parameters
    ----------
    graph : Graph
    methods : sequence of str
        As `parse_method` reads them.
    seeds : int, default 10
        How often everything is drawn anew; intervals are over seeds.
    data : str, default "graph"
        Name of the graph, for the record.
    first_seed : int, default 0

    Attributes
    ----------
    attempts : int
        Seeds times methods.
    """

    format: ClassVar[str]
    kind: ClassVar[Kind | None]
    """What is removed; None where that differs from test to test."""
    named: ClassVar[tuple[str, ...]] = ("methods",)
    """Parts of the settings by name, which a later run may add to."""

    def __init__(
        self, graph: Graph, methods: Sequence[str], seeds: int = 10, data: str = "graph", first_seed: int = 0
    ) -> None:
        if not isinstance(seeds, int) or isinstance(seeds, bool) or not 1 <= seeds <= MOST_SEEDS:
            raise InputError(f"seeds: expected an integer from 1 to {MOST_SEEDS:,}, got {seeds!r}")
        if not isinstance(first_seed, int) or isinstance(first_seed, bool) or first_seed < 0:
            raise InputError(f"first_seed: expected an integer of at least 0, got {first_seed!r}")
        parsed = [parse_method(text, self.kind) for text in methods]
        if not parsed:
            raise InputError("methods: name at least one")
        self.graph, self.seeds, self.data, self.first_seed = graph, seeds, data, first_seed
        self.methods: dict[str, Method] = {method.name: method for method in parsed}

    @property
    def attempts(self) -> int:
        """How many records there are to make."""
        return self.seeds * len(self.methods)

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
            done = 0
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
            kept = [record for (seed, name), record in sorted(found.items()) if self._asked(seed, name)]
            results = self._results(kept)
            write_results(folder, results, results["rows"], results["summary"])
        return results

    def _asked(self, seed: int, name: str) -> bool:
        return self.first_seed <= seed < self.first_seed + self.seeds and name in self.methods

    def _results(self, records: Sequence[Record]) -> dict[str, Any]:
        return {
            "format": self.format,
            "settings": {"data": self.data, "seeds": self.seeds, "first_seed": self.first_seed, **self.own_settings()},
            "threat_model": self.threat_model(),
            **self.results(records),
            "versions": versions(),
            "seconds": sum(record["seconds"] for record in records),
        }

    def settings(self) -> dict[str, Any]:
        """Return everything that records depend on; the number of seeds is not among it."""
        return {
            "format": self.format,
            "data_sha256": canonical_digest(sorted(arrays_from_graph(self.graph).items())),
            "oubli": oubli.__version__,
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
