"""Accuracy of the closed forms, every choice made on validation nodes alone.

``python -m benchmarks.accuracy [--quick] [NAME ...]`` fits every candidate of a data set on every split, keeps the one
with the best validation score (the first of equals), and reports its test score. The test nodes are looked at once,
after.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
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
    few = list(_plain(((2, 3, 4, 6, 8), "last", FEW_LABELS)))
    many = list(_smoothed((((2, 3), "last"), ((2,), "concat")), MANY_LABELS, ("random_walk", "symmetric")))
    wide = list(_smoothed((((2, 3), "concat"),), [1.0, 0.3, 0.1, 0.03, 0.01, 0.003], ("random_walk",)))
    seeds: list[int | str] = list(range(1 if quick else 10))
    geom: list[int | str] = [f"geom:{k}" for k in range(1 if quick else 10)]
    return [
        Task("cora", "Cora, public split", [0], few, 81.0, _from_file("cora")),
        Task("citeseer", "CiteSeer, public split", [0], few, 71.0, _from_file("citeseer")),
        Task("cora-geom", "Cora, Geom-GCN splits", geom, many, 87.5, _from_file("cora")),
        Task("facebook-pages", "facebook-pages, random 60/20/20", seeds, wide, 94.5, random_split),
    ]


def _plain(*families: tuple[Sequence[int], str, list[float]]) -> Iterator[Candidate]:
    for hops, representation, alphas in families:
        for hop in hops:
            for operator in ("random_walk", "symmetric"):
                for normalize in ("l2", None):
                    settings: dict[str, Any] = {
                        "hops": hop,
                        "operator": operator,
                        "normalize": normalize,
                        "representation": representation,
                        "alpha": alphas,
                    }
                    yield _name(settings), lambda settings=settings: SGCRidge(**settings)


def _smoothed(
    families: Sequence[tuple[Sequence[int], str]], alphas: list[float], operators: Sequence[str]
) -> Iterator[Candidate]:
    for hops, representation in families:
        for hop in hops:
            for operator in operators:
                settings: dict[str, Any] = {
                    "hops": hop,
                    "operator": operator,
                    "representation": representation,
                    "alpha": alphas,
                }
                yield (
                    f"{_name(settings)} + C&S",
                    lambda settings=settings: CorrectAndSmooth(
                        SGCRidge(**settings), correction=CORRECTIONS, smoothing=SMOOTHINGS
                    ),
                )


def _name(settings: dict[str, Any]) -> str:
    return ", ".join(f"{k}={v}" for k, v in settings.items() if k != "alpha")


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


def run_split(task: Task, split: int | str) -> dict[str, Any]:
    """Fit all candidates on one split; return the chosen one with its scores in per cent."""
    graph = task.load(split)
    best: tuple[float, str, NodeClassifier, float] | None = None
    for name, make in task.candidates:
        started = time.process_time()
        model = make().fit(graph)
        seconds = time.process_time() - started
        validation = model.score(graph.val_nodes)
        if best is None or validation > best[0]:
            best = validation, name, model, seconds
    assert best is not None
    return {
        "split": split,
        "validation": 100 * best[0],
        "test": 100 * best[2].score(graph.test_nodes),
        "chosen": best[1],
        "choices": str(best[2].choices_),
        "fit_cpu_seconds": best[3],
    }


def run_task(task: Task) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Run all splits of a task; return its summary and its rows."""
    rows = []
    for split in task.splits:
        rows.append({"data": task.title, **run_split(task, split)})
        print(f"{task.title} {split}: test {rows[-1]['test']:.2f} ({rows[-1]['chosen']})", flush=True)
    tests = np.array([row["test"] for row in rows])
    summary = {
        "data": task.title,
        "splits": len(rows),
        "candidates": len(task.candidates),
        "validation": float(np.mean([row["validation"] for row in rows])),
        "test": float(tests.mean()),
        "std": float(tests.std(ddof=1)) if tests.size > 1 else None,
        "target": task.target,
        "reached": bool(tests.mean() >= task.target),
    }
    return summary, rows


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
    summary_columns += [("std", "std", ".2f"), ("target", "target", ".1f"), ("reached", "reached")]
    detail_columns = [("data", "data"), ("split", "split"), *scores, ("chosen", "chosen on validation")]
    detail_columns += [("choices", "choices"), ("fit_cpu_seconds", "fit, CPU s", ".1f")]
    note = "Candidates and all choices within them are selected on validation nodes; std is over splits."
    tables = [make_table("Summary", summary_columns, summaries, note), make_table("Splits", detail_columns, rows)]
    print(write_results("accuracy", "Accuracy", tables))


if __name__ == "__main__":
    main()
