"""Embeddings that forget edges: cost a batch, error against a float64 recomputation, and the bound on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.data import FEATURE_SEED, arxiv, small_graph
from benchmarks.results import Table, make_table, write_results
from benchmarks.timing import Samples, summary
from benchmarks.unlearning.requests import draw_requests
from oubli.graph import Graph, label_features, rmat_edges
from oubli.propagation import Embedding, IntegerEmbedding, LazyPropagation, Operator, Quantiser, hop_weights

HOPS = 2
OPERATOR = Operator.parse(0.5)
WEIGHTS = hop_weights("sgc", HOPS)
BATCHES = (1, 100, 1000)
DRAWS = 20
SIZE, EDGES = 169_343, 1_166_243
"""Nodes and edges of the graph of the published figures."""

CASES: dict[str, Callable[[], Embedding]] = {
    "exact, 12 bits": lambda: IntegerEmbedding(OPERATOR, WEIGHTS, Quantiser(fraction_bits=12)),
    "exact, 14 bits": lambda: IntegerEmbedding(OPERATOR, WEIGHTS, Quantiser(fraction_bits=14)),
    "lazy, rmax 1e-4": lambda: LazyPropagation(OPERATOR, WEIGHTS, Quantiser(), 1e-4),
    "lazy, rmax 1e-3": lambda: LazyPropagation(OPERATOR, WEIGHTS, Quantiser(), 1e-3),
}


@dataclass
class Case:
    """An embedding with a graph of its own, and what was timed."""

    graph: Graph
    embedding: Embedding
    wanted: NDArray[np.bool_]
    times: Samples = field(default_factory=Samples)
    reached: list[list[int]] = field(default_factory=list)
    whole: int = 0

    def remove(self, request: Any, timed: bool) -> None:
        """Honour a request; the first of a size is not timed."""
        plan = self.graph.resolve(request)
        times = self.times if timed else Samples()
        change = times.time(lambda: self.embedding.remove(self.graph, plan, self.wanted))
        if timed:
            self.reached.append(change.reached)
            self.whole += change.whole

    def forget_times(self) -> None:
        self.times, self.reached, self.whole = Samples(), [], 0


def run(name: str, quick: bool, generated: bool, folder: Path | None) -> Path:
    """Measure all graphs and write the results."""
    makers = {"a generated graph": small_graph} if generated else {"ogbn-arxiv": arxiv}
    if not quick and not generated:
        makers["R-MAT of the same size"] = rmat_graph
    tables: list[Table] = []
    target = Path()
    for graph_name, make in makers.items():
        graph = make()
        draws = 3 if quick else DRAWS
        batches = BATCHES[:2] if quick else BATCHES
        shape = f"{graph.num_nodes:,} nodes, {graph.num_edges:,} edges, {graph.num_features} columns"
        title = f"{graph_name} ({shape})"
        cases, first = fit_cases(graph, 1 if quick else 3)
        tables.append(make_table(f"Fit: {title}", FIT_COLUMNS, first, FIT_NOTE))
        rows = [row for size in batches for row in measure(graph, cases, size, draws)]
        tables.append(make_table(f"Removal: {title}", COLUMNS, rows, NOTE))
        # What there is so far: a run that is cut short leaves its tables.
        target = write_results(name, f"Embeddings that forget: {HOPS} hops, r = 0.5, one thread", tables, folder)
        print(title, flush=True)
    return target


def rmat_graph() -> Graph:
    """Return an R-MAT graph of the size of ogbn-arxiv, features drawn from drawn labels."""
    edges = rmat_edges(18, 10, seed=FEATURE_SEED)
    rng = np.random.default_rng(FEATURE_SEED)
    edges = edges[(edges < SIZE).all(axis=1)]
    chosen = edges[rng.permutation(len(edges))[:EDGES]]
    labels = rng.integers(0, 40, SIZE)
    train = rng.random(SIZE) < 0.5
    return Graph.from_edges(chosen, features=label_features(labels, 128, 1.0, FEATURE_SEED), labels=labels, train=train)


FIT_COLUMNS = [
    ("case", "case"),
    ("cpu_s.median", "CPU s", ".2f"),
    ("cpu_s.min", "min", ".2f"),
    ("mb", "state MB", ".0f"),
]
FIT_NOTE = "All hops of the whole graph; a lazy embedding starts without residues. CPU time."


def fit_cases(graph: Graph, draws: int) -> tuple[dict[str, Case], list[dict[str, Any]]]:
    """Fit every case, each on a graph of its own, with and without training rows wanted."""
    cases: dict[str, Case] = {}
    rows = []
    train = np.zeros(graph.index.ids.size, bool)
    train[graph.split_slots("train")] = True
    for name, make in CASES.items():
        times = Samples()
        for wanted in (np.zeros_like(train), train):
            case = Case(graph.copy(), make(), wanted)
            for _ in range(draws):
                times.time(lambda case=case: case.embedding.fit(case.graph))
            cases[name + (", training rows wanted" if wanted.any() else "")] = case
        state = sum(array.nbytes for array in case.embedding.arrays(graph.slots(None)).values())
        rows.append({"case": name, "cpu_s": summary(times.cpu), "mb": state / 1e6})
    return cases, rows


COLUMNS = [("edges", "edges", ",d"), ("case", "case"), ("cpu_ms.median", "CPU ms", ".2f")]
COLUMNS += [("cpu_ms.q1", "q1", ".2f"), ("cpu_ms.q3", "q3", ".2f"), ("edit_ms.median", "of it the graph", ".2f")]
COLUMNS += [("reached", "rows reached", ",.0f"), ("whole", "whole", "d"), ("error", "error %", ".4f")]
COLUMNS += [("largest", "largest", ".1e"), ("ratio", "bound / error", ".2f"), ("bound", "bound / size", ".5f")]
COLUMNS += [("bound_ms", "bound ms", ".1f")]
NOTE = (
    "CPU time of `remove` for a batch of edges, the graph's own edit included and also timed alone on a copy; medians "
    "and quartiles of draws, every case with the same requests in turn. Rows that are reached are means a hop; `whole` "
    "counts draws in which a hop was computed whole. The error is that of all rows against a float64 recomputation "
    "after *all* requests so far (Frobenius norm, relative), and the largest of an entry; of the exact case it is the "
    "rounding to integers that defines it. The bound is on the absolute errors of a column, summed: over the true sum, "
    "and over the sum of the column itself, means of columns; and the CPU time of one evaluation."
)


def measure(graph: Graph, cases: dict[str, Case], size: int, draws: int) -> list[dict[str, Any]]:
    """Honour requests for `size` edges by every case in turn; return a row a case."""
    edit = Samples()
    twin = next(iter(cases.values())).graph.copy()
    current = twin
    for draw, request in enumerate(draw_requests(twin.copy(), "edge", size, draws + 1, FEATURE_SEED)):
        plan = current.resolve(request)
        (edit if draw else Samples()).time(lambda plan=plan: current.apply(plan))
        for name in list(cases) if draw % 2 else reversed(cases):
            cases[name].remove(request, timed=draw > 0)
    slots = graph.slots(None)
    exact = LazyPropagation(OPERATOR, WEIGHTS, Quantiser(), 0.0).fit(current).rows(current, slots)
    rows = []
    for name, case in cases.items():
        row = {"edges": size, "case": name, "edit_ms": summary([1e3 * t for t in edit.cpu]), "whole": case.whole}
        row |= {"cpu_ms": summary([1e3 * t for t in case.times.cpu]), "reached": np.mean(case.reached, 0).tolist()}
        if not case.wanted.any():
            row |= errors(case, exact, slots)
        rows.append(row)
        case.forget_times()
    return rows


def errors(case: Case, exact: NDArray[np.float64], slots: NDArray[np.int64]) -> dict[str, Any]:
    """Return how far an embedding is from the truth, and how far it is said to be."""
    off = np.abs(case.embedding.rows(case.graph, slots) - exact)
    times = Samples()
    case.embedding.error_bounds(case.graph)
    bound = times.time(lambda: case.embedding.error_bounds(case.graph))
    found = {"error": 100 * np.linalg.norm(off) / np.linalg.norm(exact), "largest": float(off.max())}
    if bound.any():
        found["ratio"] = float((bound / off.sum(axis=0)).mean())
        found["bound"] = float((bound / np.abs(exact).sum(axis=0)).mean())
        found["bound_ms"] = 1e3 * times.cpu[0]
    return {key: float(value) for key, value in found.items()}
