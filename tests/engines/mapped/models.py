"""Models in mapped files as the tests make them, and what is looked at of their folders."""

from __future__ import annotations

import json
from pathlib import Path

from oubli.engines import MappedEngine
from oubli.models import SGCRidge


class InPanels(SGCRidge):
    """Propagates a third of its columns at a time."""

    def _make_engine(self, graph):
        return MappedEngine(self.scratch, cache=2 * len(graph.split_codes) * max(1, graph.num_features // 3))


class OneColumn(SGCRidge):
    """Propagates each column by itself."""

    def _make_engine(self, graph):
        return MappedEngine(self.scratch, cache=0)


def manifest(folder: Path) -> dict:
    return json.loads((folder / "manifest.json").read_text())


def store(folder: Path) -> Path:
    """Return the folder of the store that a model's manifest names."""
    return folder / manifest(folder)["store"]["folder"]


def assert_tidy(folder: Path) -> None:
    """Assert that a model's folder holds what its manifest names, and nothing else."""
    told = manifest(folder)
    expected = {"lock", "manifest.json", told["state"], *(f"{told['state']}/{name}" for name in told["files"])}
    if "store" in told:
        place = told["store"]["folder"]
        expected |= {place, *(f"{place}/{entry['file']}" for entry in told["store"]["files"].values())}
    assert {entry.relative_to(folder).as_posix() for entry in folder.rglob("*")} == expected
