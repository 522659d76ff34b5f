"""The tables of the unlearning benchmark, of SGCRidge."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.data import arxiv, dataset, has_dataset, small_graph
from benchmarks.results import Table, make_table, write_results
from benchmarks.unlearning.requests import KINDS
from benchmarks.unlearning.settings import Plan, fit_compiled, measure, show, time_refits
from benchmarks.unlearning.solving import time_parts
from oubli.graph import Graph
from oubli.models import SGCRidge

OPERATORS = ("random_walk", "symmetric")
SIZES = (1, 10, 100, 1000)
LARGE_SHARES = (0.01, 0.1, 0.5)
OTHERS = ("cora", "citeseer", "facebook-pages", "minesweeper")
COLUMNS = [
    ("operator", "operator"),
    ("kind", "removed"),
    ("size", "each draw", ",d"),
    ("edges", "edges gone", ",d"),
    ("reached", "rows reached, by hop", ",d"),
    ("changed", "training rows changed", ",d"),
    ("unlearn_ms.median", "unlearn ms", ".2f"),
    ("unlearn_ms.q1", "q1", ".2f"),
    ("unlearn_ms.q3", "q3", ".2f"),
    ("solve_ms.median", "re-solve ms", ".1f"),
    ("ratio", "ratio", ".1f"),
    ("slowest_ratio", "slowest draw", ".1f"),
    ("path", "path"),
    ("identical", "bytes equal"),
]
TERMS = (
    "CPU time of one thread. *unlearn* is the whole call: validation, graph edit, push, Gram, solve, receipt. "
    "*re-solve* computes quantised features, hops, Gram and weights anew from the graph in memory, in turn with the "
    "removals. "
    "Medians over the draws; *ratio* is re-solve / unlearn, *slowest draw* the same for the draw that took longest. "
    "*bytes equal*: after the draws the model's digest was that of a fresh fit on what remained."
)


def run(name: str, quick: bool, generated: bool, folder: Path | None) -> Path:
    """Measure all settings and write the results."""
    graph = small_graph() if generated else arxiv()
    plan = Plan(draws=5, solves=2) if quick else Plan()
    sizes = tuple(size for size in (SIZES[:1] if quick else SIZES) if 40 * size < graph.num_nodes)
    models = {operator: _fit(graph, operator=operator) for operator in OPERATORS}
    shape = f"{graph.num_nodes:,} nodes, {graph.num_edges:,} edges, {graph.num_features} features"
    source = "a generated graph" if generated else "ogbn-arxiv with features drawn from the labels"
    title = f"Unlearning beside a full re-solve: {source} ({shape}, {graph.train_nodes.size:,} training rows), two hops"
    tables: list[Table] = []

    def keep(table: Table) -> Path:
        """Write what there is so far: a run that is cut short leaves its tables."""
        tables.append(table)
        return write_results(name, title, tables, folder)

    keep(_parts_table(models, draws=3 if quick else 10))
    keep(_main_table("Removals of each kind", TERMS, models, KINDS, sizes, plan))
    if not generated:
        keep(_other_table(OTHERS[:1] if quick else OTHERS, plan))
    if not quick:
        raw = {operator: _fit(graph, operator=operator, normalize=None) for operator in OPERATORS}
        note = "Rows keep their length: values are larger, so more rounded rows change. Otherwise as above."
        keep(_main_table("Features as they are (normalize=None)", note, raw, ("edge", "node"), sizes, plan))
        raw.clear()
    return keep(_large_table(models, graph, LARGE_SHARES[1:2] if quick else LARGE_SHARES, plan))


def _fit(graph: Graph, **parameters: Any) -> SGCRidge:
    return fit_compiled(SGCRidge(**parameters), graph)


def _parts_table(models: dict[str, SGCRidge], draws: int) -> Table:
    rows = [
        {"operator": operator, **{k: v if k == "part" else {n: 1e3 * s for n, s in v.items()} for k, v in row.items()}}
        for operator, model in models.items()
        for row in time_parts(model, draws)
    ]
    columns = [("operator", "operator"), ("part", "part"), ("cpu.median", "CPU ms", ".1f")]
    columns += [("cpu.min", "min", ".1f"), ("cpu.max", "max", ".1f")]
    note = (
        "The yardstick, taken apart. The parts write into memory they already have; the whole allocates it, as a fit "
        "does. How the hop and the Gram compare with SciPy's and NumPy's is in kernels.md."
    )
    return make_table("The full re-solve", columns, rows, note)


def _main_table(
    title: str, note: str, models: dict[str, SGCRidge], kinds: tuple[str, ...], sizes: tuple[int, ...], plan: Plan
) -> Table:
    rows = []
    for operator, model in models.items():
        for kind in kinds:
            # A ball is ten nodes or more: as a single node it is a node.
            for size in sizes if kind != "subgraph" else [max(size, 10) for size in sizes if size != 10]:
                rows.append({"operator": operator} | measure(model, kind, size, plan))
                show(rows[-1])
    return make_table(title, COLUMNS, rows, note)


def _large_table(models: dict[str, SGCRidge], graph: Graph, shares: tuple[float, ...], plan: Plan) -> Table:
    rows = []
    for operator, model in models.items():
        for share in shares:
            size = round(share * graph.num_edges)
            row = {"operator": operator, "share": share} | measure(model, "edge", size, plan, afresh=True)
            refit = time_refits(model, "edge", size, max(1, plan.solves // 2))
            rows.append(row | {"refit_ms": refit, "refit_ratio": refit["median"] / row["unlearn_ms"]["median"]})
            show(rows[-1])
    columns = [*COLUMNS[:2], ("share", "share of all edges", ".0%"), *COLUMNS[2:-2]]
    columns += [("refit_ms.median", "refit ms", ".0f"), ("refit_ratio", "refit / unlearn", ".1f"), *COLUMNS[-2:]]
    note = (
        "Each draw starts from the whole graph; the re-solve is that of the graph after the removal. It is spared what "
        "a request of this size costs in itself: to validate it, to take it out of the graph, and to keep the keyed "
        "hashes that tell a second request from a wrong one. *refit* has to do the same work: "
        "`fit(graph.without(removal))`."
    )
    return make_table("Large batches", columns, rows, note)


def _other_table(names: tuple[str, ...], plan: Plan) -> Table:
    rows = []
    for name in names:
        if not has_dataset(name):
            continue
        model = _fit(dataset(name))
        graph = model.graph_
        described = {"data": name, "nodes": graph.num_nodes, "columns": model.coef_.shape[1]}
        described["training"] = graph.train_nodes.size
        for kind, size in (("edge", 1), ("node", 1), ("label", 1), ("edge", 100)):
            rows.append({"operator": "random_walk"} | described | measure(model, kind, size, plan))
            show(rows[-1])
    columns = [("data", "data"), ("nodes", "nodes", ",d"), ("columns", "columns", ",d"), ("training", "training", ",d")]
    note = (
        "Defaults throughout. With many columns, or fewer training rows than columns, the solve outweighs the hops, "
        "and a removal costs what a solve costs."
    )
    return make_table("Other data sets", [*columns, *COLUMNS[1:]], rows, note)
