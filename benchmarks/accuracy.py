"""Accuracy of the closed forms, every choice made on validation nodes alone.

``python -m benchmarks.accuracy [--quick] [NAME ...]`` fits every candidate of a data set on every split. Strengths
(alpha, Correct-and-Smooth) are chosen split by split. Among candidates, the one with the best mean validation score
over the splits is reported, as is usual where there are several; beside it stands what choosing split by split gives.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from benchmarks.data import data_folder
from benchmarks.results import make_table, write_results
from oubli.graph import Graph
from oubli.graph.archive import read_npz
from oubli.models import CorrectAndSmooth, NodeClassifier, SGCRidge

Candidate = tuple[str, Callable[[], NodeClassifier]]

CORRECTIONS = [0.0, 0.5, 0.8, 0.95]
SMOOTHINGS = [0.0, 0.3, 0.5, 0.7, 0.8, 0.9]
FEW_LABELS = [100.0, 30.0, 10.0, 3.0, 1.0, 0.3, 0.1, 0.03, 0.01]
OPERATORS = ("random_walk", "symmetric")
WIDE = [1.0, 0.3, 0.1, 0.03, 0.01, 0.003]
MANY_LABELS = [30.0, 10.0, 3.0, 1.0, 0.3, 0.1, 0.03, 0.01]


@dataclass(frozen=True)
class Task:
    """A data set with its splits, candidates, and the score this project set out to reach."""

    name: str
    title: str
    splits: list[int | str]
    candidates: list[Candidate]
    target: float
    load: Callable[[int | str], Graph]


def tasks(quick: bool) -> list[Task]:
    """Return the tasks whose data is there."""
    few = _candidates(product((2, 3, 4, 6, 8), ("last",), OPERATORS, ("l2", None)), FEW_LABELS, smooth=False)
    families = [(2, "last"), (3, "last"), (2, "concat")]
    variants = list(product(OPERATORS, ("l2", None)))
    many = _candidates([(*f, *v) for f in families for v in variants], MANY_LABELS, smooth=True)
    wide = _candidates(product((2, 3), ("concat",), OPERATORS[:1], ("l2",)), WIDE, smooth=True)
    seeds: list[int | str] = list(range(1 if quick else 10))
    geom: list[int | str] = [f"geom:{k}" for k in range(1 if quick else 10)]
    return [
        Task("cora", "Cora, public split", [0], few, 81.0, _from_file("cora")),
        Task("citeseer", "CiteSeer, public split", [0], few, 71.0, _from_file("citeseer")),
        Task("cora-geom", "Cora, Geom-GCN splits", geom, many, 87.5, _from_file("cora")),
        Task("facebook-pages", "facebook-pages, random 60/20/20", seeds, wide, 94.5, random_split),
    ]


def _candidates(
    families: Iterable[tuple[int, str, str, str | None]], alphas: list[float], smooth: bool
) -> list[Candidate]:
    return [_candidate(*family, alphas, smooth) for family in families]


def _candidate(
    hops: int, representation: str, operator: str, normalize: str | None, alphas: list[float], smooth: bool
) -> Candidate:
    settings: dict[str, Any] = {
        "hops": hops,
        "representation": representation,
        "operator": operator,
        "normalize": normalize,
    }
    name = ", ".join(f"{k}={v}" for k, v in settings.items())

    def make() -> NodeClassifier:
        base = SGCRidge(**settings, alpha=alphas)
        return CorrectAndSmooth(base, correction=CORRECTIONS, smoothing=SMOOTHINGS) if smooth else base

    return (f"{name} + C&S" if smooth else name), make


def _from_file(name: str) -> Callable[[int | str], Graph]:
    return lambda split: read_npz(data_folder() / f"{name}.npz", split=split)


def random_split(seed: int | str) -> Graph:
    """Return facebook-pages with a 60/20/20 split drawn by a seed; the file has none."""
    graph = read_npz(data_folder() / "facebook-pages.npz")
    order = np.random.default_rng(int(seed)).permutation(graph.num_nodes)
    first, second = int(0.6 * order.size), int(0.8 * order.size)
    parts = np.split(graph.node_ids[order], [first, second])
    return Graph.from_edges(
        graph.edges, features=graph.features, labels=graph.labels, train=parts[0], val=parts[1], test=parts[2]
    )


def run_split(task: Task, split: int | str) -> list[dict[str, Any]]:
    """Fit all candidates on one split; return a row each, scores in per cent."""
    graph = task.load(split)
    rows = []
    for name, make in task.candidates:
        started = time.process_time()
        model = make().fit(graph)
        seconds = time.process_time() - started
        rows.append(
            {
                "data": task.title,
                "split": split,
                "candidate": name,
                "validation": 100 * model.score(graph.val_nodes),
                "test": 100 * model.score(graph.test_nodes),
                "choices": str(model.choices_),
                "fit_cpu_seconds": seconds,
            }
        )
    return rows


def run_task(task: Task) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Run all splits of a task; return its summary and the rows of the chosen candidate."""
    by_split = []
    for split in task.splits:
        by_split.append(run_split(task, split))
        print(f"{task.title}, split {split}: {len(task.candidates)} candidates fitted", flush=True)
    # Indexed by split and candidate; of equals the first candidate is taken.
    validation = np.array([[row["validation"] for row in rows] for rows in by_split])
    tests = np.array([[row["test"] for row in rows] for rows in by_split])
    chosen = int(validation.mean(axis=0).argmax())
    each = tests[np.arange(len(tests)), validation.argmax(axis=1)]
    several = len(tests) > 1
    summary = {
        "data": task.title,
        "splits": len(by_split),
        "candidates": len(task.candidates),
        "chosen": task.candidates[chosen][0],
        "validation": float(validation[:, chosen].mean()),
        "test": float(tests[:, chosen].mean()),
        "std": float(tests[:, chosen].std(ddof=1)) if several else None,
        "test_by_split": float(each.mean()) if several else None,
        "target": task.target,
        "reached": bool(tests[:, chosen].mean() >= task.target),
    }
    print(summary, flush=True)
    return summary, [rows[chosen] for rows in by_split]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the tasks and write benchmarks/results/accuracy.{json,md}."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy", description=main.__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="data sets to run; all without any")
    parser.add_argument("--quick", action="store_true", help="one split each, and nothing is written")
    chosen = parser.parse_args(arguments)
    summaries, rows = [], []
    for task in tasks(chosen.quick):
        if chosen.names and task.name not in chosen.names:
            continue
        summary, details = run_task(task)
        summaries.append(summary)
        rows += details
    if chosen.quick or chosen.names:
        return
    scores = [("validation", "validation %", ".2f"), ("test", "test %", ".2f")]
    summary_columns = [("data", "data"), ("splits", "splits"), ("candidates", "candidates"), *scores]
    summary_columns += [("std", "std", ".2f"), ("test_by_split", "test %, chosen split by split", ".2f")]
    summary_columns += [("target", "target", ".1f"), ("reached", "reached"), ("chosen", "chosen on validation")]
    detail_columns = [("data", "data"), ("split", "split"), *scores]
    detail_columns += [("choices", "choices"), ("fit_cpu_seconds", "fit, CPU s", ".1f")]
    note = "Chosen by the mean validation score over the splits; std is over splits."
    tables = [make_table("Summary", summary_columns, summaries, note), make_table("Splits", detail_columns, rows)]
    print(write_results("accuracy", "Accuracy", tables))


if __name__ == "__main__":
    main()
