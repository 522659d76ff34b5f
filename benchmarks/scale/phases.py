"""The phases, each of which runs in a process of its own and returns plain values: marks, and what else it found."""

from __future__ import annotations

import hashlib
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import oubli
from benchmarks.scale.halo import halo
from benchmarks.scale.models import changes_in_place, described, make_model, open_model, solve_again, warm_up
from benchmarks.scale.requests import draw_requests, read_first, read_request, read_scored
from benchmarks.scale.sizes import Size
from benchmarks.scale.source import SPLITS, write_source
from benchmarks.scale.usage import drop_pages, metered
from oubli.errors import OubliError
from oubli.graph import import_graph
from oubli.graph.disk import open_graph

Found = dict[str, Any]


def generate(arcs: int, features: int, source: str) -> Found:
    """Write the source of a graph."""
    _rehearse(features, Path(source).parent)
    with metered("generate") as mark:
        write_source(Size(arcs, features), Path(source))
    return {"marks": [mark]}


def bring_in(arcs: int, features: int, source: str, graph: str, memory: int) -> Found:
    """Import a source to a graph folder."""
    _rehearse(features, Path(source).parent)
    with metered("import") as mark:
        report = _import(Size(arcs, features), Path(source), Path(graph), memory)
    return {"marks": [mark], "report": report}


def _import(size: Size, source: Path, graph: Path, memory: int) -> dict[str, Any]:
    files = {name: source / f"{name}.npy" for name in ("features", "labels", *SPLITS)}
    report = import_graph(source / "edges.npy", graph, **files, num_nodes=size.nodes, memory=memory)
    return report.to_dict()


def _rehearse(features: int, scratch: Path) -> None:
    """Make and import a small graph, so that nothing is left to compile."""
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        small, place = Size(20_000, features), Path(folder)
        write_source(small, place / "source")
        _import(small, place / "source", place / "graph", 2**20)


def draw(graph: str, requests: str, draws: int, processes: int) -> Found:
    """Draw all removals that will be asked for."""
    cases = draw_requests(Path(graph), Path(requests), draws, processes)
    with open(requests, "rb") as file:
        return {"marks": [], "cases": cases, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}


def fit(graph: str, model: str, engine: str, requests: str, features: int) -> Found:
    """Fit a model on a graph folder and save it."""
    folder = Path(model)
    warm_up(engine, features, folder.parent)
    opened = open_graph(graph)
    with metered("fit") as fitting:
        fitted = make_model(engine, folder.parent).fit(opened)
    with metered("save") as saving:
        fitted.save(folder)
    with metered("digest") as hashing:
        digest = fitted.digest()
    accuracy = 100 * fitted.score(read_scored(Path(requests)))
    return {"marks": [fitting, saving, hashing], "digest": digest, "accuracy": accuracy, **described(fitted)}


def unlearn(
    model: str,
    engine: str,
    requests: str,
    features: int,
    asked: Sequence[Sequence[Any]],
    process: int,
    cold: bool,
    digest: bool,
) -> Found:
    """Open a model and carry out requests, each given as kind, size and number of the draw.

    One comes first that is not timed. With `cold`, what the system keeps of the model's files in memory is dropped
    before the model is opened, and again before each request. `process` tells which of the processes that forget this
    is.
    """
    folder = Path(model)
    warm_up(engine, features, folder.parent)
    if cold:
        drop_pages(folder)
    marks = []
    with metered("load", cold=cold) as mark:
        opened = open_model(folder, engine)
    marks.append(mark)
    opened.unlearn(read_first(Path(requests), process))
    for kind, size, number in asked:
        request = read_request(Path(requests), kind, size, number)
        if cold:
            drop_pages(folder)
        case = {"kind": kind, "size": size, "cold": cold}
        with metered("unlearn", **case) as mark:
            receipt = opened.unlearn(request)
        marks.append(mark | {"reached": receipt.reached, "changed": receipt.rows_changed, "path": receipt.path})
        marks[-1]["edges"] = receipt.removed["edges"]
        if changes_in_place(engine):
            with metered("keep", **case) as mark:
                opened.save(folder)
            marks.append(mark)
    if not changes_in_place(engine):
        opened.save(folder)
    found = {"marks": marks, "weights": opened.weights_digest(), "digest": opened.digest() if digest else None}
    return found | {"accuracy": 100 * opened.score(read_scored(Path(requests)))}


def resolve(model: str, engine: str, features: int, digest: bool) -> Found:
    """Open a model and compute it anew on the graph it has; what is saved stays as it is."""
    folder = Path(model)
    warm_up(engine, features, folder.parent)
    opened = open_model(folder, engine)
    with metered("re-solve") as mark:
        solve_again(opened)
    return {"marks": [mark], "weights": opened.weights_digest(), "digest": opened.digest() if digest else None}


def verify(model: str, engine: str) -> Found:
    """Rebuild a model from what its graph still has, in another fresh process, and compare digests."""
    opened = open_model(Path(model), engine)
    with metered("verify") as mark:
        try:
            identical: bool | None = oubli.verify(opened).identical
        except OubliError as error:
            # A rebuild that cannot be made, for want of memory say, is no reason to lose what was measured.
            print(f"verify: {error}", file=sys.stderr)
            identical = None
    return {"marks": [mark] if identical is not None else [], "identical": identical}


PHASES: dict[str, Callable[..., Found]] = {
    "generate": generate,
    "import": bring_in,
    "draw": draw,
    "fit": fit,
    "unlearn": unlearn,
    "re-solve": resolve,
    "verify": verify,
    "halo": halo,
}
