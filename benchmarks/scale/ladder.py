"""Sizes one after the other, from edges to models that forgot; rows are written as soon as they are measured."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.scale import rows
from benchmarks.scale.figure import draw_figure
from benchmarks.scale.models import ENGINES, changes_in_place
from benchmarks.scale.processes import run_phase
from benchmarks.scale.sizes import Size, check_room
from benchmarks.scale.tables import Results
from oubli.engines.available import available_memory

FOLDED = 3
"""How many times the bytes of a model a process takes that has it in memory and solves it again."""

HALO_ENGINE = "dask"


@dataclass(frozen=True)
class Plan:
    """How often things are done.

    Attributes
    ----------
    rounds : int
        Times that a process which forgets is followed by one that solves the same model again.
    draws : int
        Requests of each case in such a process; there is one before, with nothing in the page cache.
    threads : int
    memory : int
        Bytes the importer may work with.
    verify : bool
        Rebuild each model at the end.
    """

    rounds: int = 3
    draws: int = 2
    threads: int = 2
    memory: int = 2**30
    verify: bool = True

    @property
    def requests(self) -> int:
        """Return how many requests of a case there are in all."""
        return 1 + self.rounds * self.draws


@dataclass(frozen=True)
class Place:
    """Where the files of a size are."""

    folder: Path

    @property
    def source(self) -> Path:
        return self.folder / "source"

    @property
    def graph(self) -> Path:
        return self.folder / "graph"

    @property
    def requests(self) -> Path:
        return self.folder / "requests.npz"

    def model(self, engine: str) -> Path:
        return self.folder / f"model-{engine}"


def climb(
    sizes: Sequence[Size], engines: Sequence[str] | None, plan: Plan, scratch: Path, keep: bool, results: Results
) -> Path:
    """Measure all sizes on the engines named, or on those that each fits; return the path of the tables."""
    target = Path()
    for size in sizes:
        chosen = engines or fitting(size)
        check_room(size, scratch, len(chosen), keep)
        place = Place(scratch / f"{size.name}-{size.features}")
        try:
            drawn = _prepare(size, place, plan, keep, results)
            for engine in chosen:
                found = _measure(size, engine, [(kind, count) for kind, count in drawn["cases"]], place, plan)
                # Digests after removals are to be compared where these were the same.
                found["digests"][0]["requests"] = drawn["sha256"]
                target = results.put(size, engine, found)
                if not keep:
                    shutil.rmtree(place.model(engine))
        finally:
            if not keep:
                shutil.rmtree(place.folder, ignore_errors=True)
        draw_figure(results.rows, results.figure)
    return target


def fitting(size: Size) -> list[str]:
    """Return the engines that this machine has the memory for; mapped files always do."""
    roomy = FOLDED * size.model_bytes() < available_memory()
    return [engine for engine in ENGINES if roomy or engine == "mmap"]


def _prepare(size: Size, place: Place, plan: Plan, keep: bool, results: Results) -> dict[str, Any]:
    """Make the graph folder, unless an earlier run left it, and draw the requests; return what is said of these."""
    place.folder.mkdir(parents=True, exist_ok=True)
    at = {"arcs": size.arcs, "features": size.features}
    if not place.graph.exists():
        made = run_phase("generate", plan.threads, **at, source=str(place.source))
        _say(size, "generate", made)
        files = {"source": str(place.source), "graph": str(place.graph)}
        brought = run_phase("import", plan.threads, **at, **files, memory=plan.memory)
        _say(size, "import", brought)
        results.put(size, None, rows.of_graph(made, brought))
        if not keep:
            shutil.rmtree(place.source)
    files = {"graph": str(place.graph), "requests": str(place.requests)}
    return run_phase("draw", plan.threads, **files, draws=plan.requests, processes=1 + plan.rounds)


def _measure(
    size: Size, engine: str, cases: list[tuple[str, int]], place: Place, plan: Plan
) -> dict[str, list[dict[str, Any]]]:
    """Fit, forget and solve again in turn, verify; return the rows by table."""
    shutil.rmtree(place.model(engine), ignore_errors=True)
    model = {"model": str(place.model(engine)), "engine": engine}
    given = model | {"features": size.features}
    asking = given | {"requests": str(place.requests)}
    fitted = run_phase("fit", plan.threads, **asking, graph=str(place.graph))
    _say(size, f"fit, {engine}", fitted)
    first = [[*case, 0] for case in cases]
    cold = {"cold": changes_in_place(engine), "digest": False, "process": 0}
    forgot = [run_phase("unlearn", plan.threads, **asking, asked=first, **cold)]
    solved = []
    for at, asked in enumerate(_rounds(cases, plan)):
        last = at == plan.rounds - 1
        warm = {"cold": False, "digest": last, "process": 1 + at}
        forgot.append(run_phase("unlearn", plan.threads, **asking, asked=asked, **warm))
        solved.append(run_phase("re-solve", plan.threads, **given, digest=last))
        _say(size, f"unlearn, {engine}", forgot[-1])
        _say(size, f"re-solve, {engine}", solved[-1])
    verified: dict[str, Any] = {"marks": [], "identical": None}
    if plan.verify:
        verified = run_phase("verify", plan.threads, **model)
    _say(size, f"verify, {engine}", verified)
    found = rows.of_engine(fitted, forgot, solved, verified)
    if engine == HALO_ENGINE:
        found["halo"] = rows.of_halo(_halos(place, cases, plan))
    return found


def _rounds(cases: list[tuple[str, int]], plan: Plan) -> Iterator[list[list[Any]]]:
    """Yield what each process is asked: its cases in turn, there and back."""
    draw = 1
    for _ in range(plan.rounds):
        asked: list[list[Any]] = []
        for _ in range(plan.draws):
            asked += [[*case, draw] for case in (cases if draw % 2 else reversed(cases))]
            draw += 1
        yield asked


def _halos(place: Place, cases: list[tuple[str, int]], plan: Plan) -> dict[int, dict[str, Any]]:
    from benchmarks.scale.halo import PARTITIONS

    asked = [[*case, draw] for draw in range(min(3, plan.requests)) for case in cases]
    files = {"graph": str(place.graph), "scratch": str(place.folder), "requests": str(place.requests)}
    return {
        partitions: run_phase("halo", plan.threads, **files, partitions=partitions, asked=asked)
        for partitions in PARTITIONS
    }


def _say(size: Size, what: str, result: dict[str, Any]) -> None:
    for mark in result["marks"]:
        case = " ".join(str(mark[key]) for key in ("size", "kind") if key in mark)
        print(
            f"{size.name:>6} x {size.features:<4} {what:<18} {mark['name']:<9} {case:<10} {mark['wall']:9.3f} s, "
            f"CPU {mark['cpu']:9.3f} s, anonymous {mark['anon'] / 2**20:8.0f} MiB, read "
            f"{mark['read_bytes'] / 2**20:8.0f} MiB, written {mark['write_bytes'] / 2**20:8.0f} MiB",
            flush=True,
        )
