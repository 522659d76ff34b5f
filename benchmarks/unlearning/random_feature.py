"""The tables of the unlearning benchmark, of RandomFeatureNet."""

from __future__ import annotations

import copy
import functools
import json
import operator
import tracemalloc
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.data import dataset, has_dataset, small_graph
from benchmarks.results import FOLDER, Table, make_table, write_results
from benchmarks.unlearning.head import HeadSamples
from benchmarks.unlearning.requests import draw_requests
from benchmarks.unlearning.settings import SEED, Plan, clone, fit_compiled, measure, show
from oubli.graph import Graph
from oubli.models import RandomFeatureNet

TITLE = "Unlearning beside a full fit: RandomFeatureNet"
KINDS = ("edge", "node", "label", "feature")
SETTINGS: dict[str, dict[str, Any]] = {
    "minesweeper": {},
    "facebook-pages": {},
    "squirrel-filtered": {"operator": 0.0, "hops": 3, "projection": 128},
    "cora": {},
}
BATCH = 100

COLUMNS = [
    ("data", "data"),
    ("kind", "removed"),
    ("size", "each request", ",d"),
    ("edges", "edges gone", ",d"),
    ("changed", "training rows changed", ",d"),
    ("unlearn_ms.median", "unlearn ms", ".1f"),
    ("unlearn_ms.q1", "q1", ".1f"),
    ("unlearn_ms.q3", "q3", ".1f"),
    ("unlearn_head_ms.median", "of which the head's solve", ".1f"),
    ("unlearn_rest_ms.median", "without it", ".2f"),
    ("unlearn_rest_ms.q1", "q1", ".2f"),
    ("unlearn_rest_ms.q3", "q3", ".2f"),
    ("solve_ms.median", "full fit ms", ".0f"),
    ("ratio", "ratio", ".1f"),
    ("rest_ratio", "ratio without the solves", ".0f"),
    ("path", "path"),
    ("identical", "bytes equal"),
]
TERMS = (
    "CPU time of one thread. *unlearn* is the whole call: validation, graph edit, messages, Gram, solve of the head, "
    "receipt. *full fit* computes inputs, messages, Gram and weights anew from the graph in memory, in turn with the "
    "removals. Medians over the draws; *ratio* is full fit / unlearn, and *without the solves* the same with the solve "
    "of the head taken off either; *changed* counts training rows. Data sets may have been measured in different runs. "
    "*bytes equal*: after the draws the model's digest was that of a fresh fit on what "
    "remained."
)


def run(name: str, quick: bool, generated: bool, folder: Path | None, data: Sequence[str] = tuple(SETTINGS)) -> Path:
    """Measure all settings on the data sets and write the results; rows of others stay as they were measured."""
    plan = Plan(draws=3, solves=1) if quick else Plan(draws=12, solves=3)
    chosen = {} if quick or generated else {data: SETTINGS[data] for data in data if has_dataset(data)}
    shapes, kinds, batches = _others(name, folder, chosen)
    target = Path()
    for data_name, parameters in (chosen or {"generated": {"messages": 100}}).items():
        graph = dataset(data_name) if chosen else small_graph()
        shapes.append(_shape(data_name, graph, parameters))
        model = fit_compiled(RandomFeatureNet(**parameters), graph)
        batch = min(BATCH, graph.num_nodes // 50)
        for kind in KINDS:
            for size in (1, batch):
                # Of large requests fewer draws: the graph is to stay much as it was.
                here = plan if size == 1 else Plan(max(2, plan.draws // 4), max(1, plan.solves // 2))
                kinds.append({"data": data_name} | measure(model, kind, size, here))
                show(kinds[-1])
        batches += [_batch(data_name, model, kind, batch) for kind in KINDS[:2]]
        # What there is so far: a run that is cut short leaves its tables.
        target = write_results(name, TITLE, _tables(shapes, kinds, batches), folder)
    return target


def _others(name: str, folder: Path | None, chosen: Mapping[str, Any]) -> Iterator[list[dict[str, Any]]]:
    """Return the rows of each table that an earlier run wrote about other data sets."""
    path = (folder or FOLDER) / f"{name}.json"
    tables = json.loads(path.read_text(encoding="utf-8"))["tables"] if chosen and path.is_file() else [{"rows": []}] * 3
    return ([row for row in table["rows"] if row["data"] not in chosen] for table in tables)


def _tables(shapes: list[dict[str, Any]], kinds: list[dict[str, Any]], batches: list[dict[str, Any]]) -> list[Table]:
    columns = [("data", "data"), ("settings", "settings"), ("nodes", "nodes", ",d"), ("edges", "edges", ",d")]
    columns += [("training", "training", ",d"), ("columns", "columns", ",d"), ("received_mib", "received MiB", ".0f")]
    columns += [("kept_mib", "model MiB", ".0f"), ("peak_mib", "peak of the fit MiB", ".0f")]
    note = (
        "Defaults unless said otherwise. Memory is that of arrays: *received* is what training nodes received, kept so "
        "that a removal takes back what changes; *model* is all that the fitted model keeps, its graph included; the "
        "peak is that of the fit, without the graph it was given."
    )
    singles = [("data", "data"), ("kind", "removed"), ("size", "things", ",d"), ("single_s", "one by one s", ".2f")]
    singles += [("batch_s", "in one request s", ".3f"), ("ratio", "ratio", ".1f"), ("path", "path of the batch")]
    both = "The same things, one request each and all in one, which shares one solve of the head; CPU time."
    return [
        make_table("Data and memory", columns, shapes, note),
        make_table("Removals of each kind", COLUMNS, kinds, TERMS),
        make_table("A batch in one request", [*singles, ("identical", "bytes equal")], batches, both),
    ]


def _shape(data: str, graph: Graph, parameters: dict[str, Any]) -> dict[str, Any]:
    """Fit once under the eye of the memory, and describe what is measured."""
    tracemalloc.start()
    model = RandomFeatureNet(**parameters).fit(graph)
    kept, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    rows = model._rows
    shape = {"nodes": graph.num_nodes, "edges": graph.num_edges, "training": rows.trained.size, "columns": rows.width}
    settings = ", ".join(f"{name}={value!r}" for name, value in parameters.items())
    memory = {"received_mib": rows.received_bytes, "kept_mib": kept, "peak_mib": peak}
    return {"data": data, "settings": settings} | shape | {name: size / 2**20 for name, size in memory.items()}


def _batch(data: str, model: RandomFeatureNet, kind: str, size: int) -> dict[str, Any]:
    """Time things removed one by one, and the same things in one request."""
    requests = list(draw_requests(model.graph_, kind, 1, size, SEED))
    single, whole, times = copy.deepcopy(model), copy.deepcopy(model), (HeadSamples(), HeadSamples())
    for request in requests:
        times[0].time_with(single, lambda: single.unlearn(request, missing="ignore"))  # noqa: B023
    everything = functools.reduce(operator.or_, requests)
    receipt = times[1].time_with(whole, lambda: whole.unlearn(everything))
    same = single.digest() == whole.digest() == clone(model).fit(whole.graph_).digest()
    total, once = sum(times[0].cpu), times[1].cpu[0]
    row = {"data": data, "kind": kind, "size": size, "single_s": total, "batch_s": once, "ratio": total / once}
    print(f"{data:>17} {kind:>9}: {size} one by one {total:.2f} s, in one request {once:.3f} s", flush=True)
    return row | {"path": receipt.path, "identical": same}
