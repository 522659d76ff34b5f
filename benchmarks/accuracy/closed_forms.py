"""The closed forms on the tasks, by the same protocol as the networks.

``python -m benchmarks.accuracy.closed_forms [NAME ...]`` tries six candidates a data set on the splits that the
networks are tuned on; strengths (alphas, bandwidth, Correct-and-Smooth) are chosen on validation nodes within each
candidate. The candidate with the best mean validation score is then fitted on all splits. Random-feature nets, which
forget locally, are chosen among themselves in the same way. Every run is a line in
benchmarks/results/accuracy-runs.jsonl, and is not repeated.
"""

from __future__ import annotations

from benchmarks.threads import limit_threads

if __name__ == "__main__":
    limit_threads(1)

import argparse
import warnings
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from benchmarks.accuracy.datasets import FURTHER_TASKS, TASKS, Task, available_tasks
from benchmarks.accuracy.gnns import FEW_COLUMNS, tuning_runs
from benchmarks.accuracy.records import Key, Record, Records, measured
from oubli.models import CorrectAndSmooth, LCFNet, NodeClassifier, RandomFeatureNet, SGCRidge
from oubli.models.homophily import HomophilyCounters

MODEL, LOCAL = "closed form", "random-feature net"
THRESHOLD = 0.35

CORRECTIONS = [0.0, 0.5, 0.8, 0.95]
SMOOTHINGS = [0.0, 0.3, 0.5, 0.8, 0.9]
ALPHAS = [100.0, 30.0, 10.0, 3.0, 1.0, 0.3, 0.1, 0.03, 0.01]
NET_ALPHAS = [3000.0, 1000.0, 300.0, 100.0, 30.0, 10.0]
HEAD: dict[str, Any] = {"bandwidth": [0.3, 1.0], "alpha": [0.3, 1.0, 3.0]}
SMOOTHED_HEAD: dict[str, Any] = {"bandwidth": [0.3, 1.0, 3.0], "alpha": [0.1, 0.3, 1.0]}
FEW_HEAD: dict[str, Any] = {"bandwidth": [0.1, 0.3, 1.0, 3.0], "alpha": [0.01, 0.03, 0.1, 0.3, 1.0]}
SQUARE: dict[str, Any] = {"operator": "symmetric", "self_loops": True}
BLOCKS: dict[str, Any] = {"layers": 0, "scaling": "block", "neighbour_labels": False}

Candidate = tuple[str, Callable[[str], NodeClassifier]]


def _sgc(**settings: Any) -> Candidate:
    return _shown("SGC", settings), lambda scoring: SGCRidge(**settings, alpha=ALPHAS, scoring=scoring)


def _lcf(**settings: Any) -> Candidate:
    return _shown("LCF-Net", settings), lambda scoring: LCFNet(**settings, scoring=scoring)


def _net(**settings: Any) -> Candidate:
    return (
        _shown("RandomFeatureNet", settings),
        lambda scoring: RandomFeatureNet(**settings, alpha=NET_ALPHAS, scoring=scoring),
    )


def _shown(name: str, settings: dict[str, Any]) -> str:
    return f"{name}({', '.join(f'{k}={v}' for k, v in settings.items() if k not in ('bandwidth', 'alpha'))})"


def _smoothed(candidate: Candidate, corrections: Sequence[float] = CORRECTIONS) -> Candidate:
    name, make = candidate

    def smooth(scoring: str) -> NodeClassifier:
        return CorrectAndSmooth(make(scoring), correction=corrections, smoothing=SMOOTHINGS, scoring=scoring)

    return f"{name} + C&S", smooth


# Neighbours that are alike are what smoothing lives on: it comes with these, and only with these.
ASSORTATIVE = [
    _smoothed(candidate)
    for candidate in (
        _sgc(hops=3, representation="concat", operator="symmetric", projection=512),
        _lcf(hops=2, components=256, **SQUARE, **BLOCKS, **SMOOTHED_HEAD),
        _lcf(hops=3, components=256, **SQUARE, **BLOCKS, **SMOOTHED_HEAD),
        _lcf(hops=2, components=128, **BLOCKS, **SMOOTHED_HEAD),
        _lcf(hops=2, layers=2, **SMOOTHED_HEAD),
        _lcf(hops=2, layers=2, label_folds=2, **SMOOTHED_HEAD),
    )
]

HETEROPHILOUS = [
    _sgc(hops=1, representation="concat", normalize=None),
    _sgc(hops=2, representation="concat"),
    _lcf(hops=2, **BLOCKS, **HEAD),
    _lcf(hops=2, operator="symmetric", **BLOCKS, **HEAD),
    _lcf(hops=1, layers=1, operator="symmetric", neighbour_labels=False, bandwidth=1.0, alpha=3.0),
    _lcf(hops=2, layers=2, neighbour_labels=False, **SQUARE, **HEAD),
]

# A hundred training rows are fitted closely: they leave no residual worth spreading, and few choices tell less noise.
FEW_LABELS = [
    _smoothed(candidate, corrections=[0.0])
    for candidate in (
        _sgc(hops=3, operator="symmetric"),
        _sgc(hops=6, operator="symmetric", normalize=None),
        _sgc(hops=4),
        _lcf(hops=6, components=64, self_loops=True, **BLOCKS, **FEW_HEAD),
        _lcf(hops=6, components=64, **SQUARE, **BLOCKS, **FEW_HEAD),
        _lcf(hops=10, components=64, self_loops=True, **BLOCKS, **FEW_HEAD),
    )
]

# A number one hot is no bag of words to be scaled.
FEW_INPUTS = [
    _sgc(hops=3, representation="concat", operator="symmetric", normalize=None),
    _lcf(hops=2, normalize=None, **BLOCKS, **HEAD),
    _lcf(hops=1, layers=6, normalize=None, **HEAD),
    _lcf(hops=1, layers=4, label_folds=3, random_features=64, head="linear", normalize=None),
    _lcf(hops=1, layers=5, label_folds=4, random_features=128, head="linear", normalize=None),
    _lcf(hops=1, layers=5, label_folds=4, head="linear", normalize=None),
]

NETS = [
    _net(messages=0, hops=2),
    _net(messages=0, hops=3, operator="symmetric", projection=512),
    _net(),
    _net(hops=2, operator="symmetric"),
    # Fewer bits: where thousands of edges meet, this operator sums beyond what twelve allow.
    _net(hops=3, operator=0.0, projection=128, fraction_bits=10),
    _net(hybrid=True),
    _net(hybrid=True, label_folds=4),
]


@lru_cache
def _is_assortative(name: str) -> bool:
    task = next(task for task in TASKS + FURTHER_TASKS if task.name == name)
    homophily = HomophilyCounters.from_graph(task.load(task.splits[0])).adjusted
    return homophily is None or homophily >= THRESHOLD


def candidates(task: Task, model: str = MODEL) -> list[Candidate]:
    """Return what is tried on a task: of closed forms, by the adjusted homophily of its training edges."""
    if model == LOCAL:
        return NETS
    if task.name in FEW_COLUMNS:
        return FEW_INPUTS
    if task.name in ("cora", "citeseer", "pubmed"):
        return FEW_LABELS
    return ASSORTATIVE if _is_assortative(task.name) else HETEROPHILOUS


def run(records: Records, task: Task, trial: int, split: int, model: str = MODEL) -> Record:
    """Return a run's record, made now unless it is there."""
    key, (name, make) = Key(task.name, model, trial, split, 0), candidates(task, model)[trial]
    found = records.find(key, candidate=name)
    if found is not None:
        return found
    graph = task.load(split)
    with warnings.catch_warnings():
        # That the kernel is measured from landmarks is in the record, under choices.
        warnings.simplefilter("ignore", UserWarning)
        with measured() as account:
            fitted = make(task.scoring).fit(graph)
        with measured() as again:
            make(task.scoring).fit_with(graph, fitted.choices_)
    scores = {
        "validation": 100 * fitted.score(graph.val_nodes, task.scoring),
        "test": 100 * fitted.score(graph.test_nodes, task.scoring),
    }
    record = records.add(
        key,
        **scores,
        **account,
        fit_cpu_seconds=again["cpu_seconds"],
        scoring=task.scoring,
        candidate=name,
        choices=fitted.choices_,
    )
    print(
        f"{task.name} split {split} {name}: validation {record['validation']:.2f}, test {record['test']:.2f}; "
        f"{record['cpu_seconds']:.1f} s CPU with all choices, {record['fit_cpu_seconds']:.2f} s without, "
        f"{record['peak_mib']:.0f} MiB",
        flush=True,
    )
    return record


def best_trial(records: Records, task: Task, model: str = MODEL) -> int:
    """Return the candidate with the best mean validation score; of equals the first."""
    places = sorted({split for split, _ in tuning_runs(task)})
    trials = range(len(candidates(task, model)))
    scores = [[run(records, task, trial, split, model)["validation"] for trial in trials] for split in places]
    return int(np.mean(scores, axis=0).argmax())


def run_task(records: Records, task: Task, model: str) -> list[Record]:
    """Choose a candidate for a task and return its runs on all splits."""
    chosen = best_trial(records, task, model)
    runs = [run(records, task, chosen, split, model) for split in task.splits]
    tests = [record["test"] for record in runs]
    spread = f" ± {np.std(tests, ddof=1):.2f}" if len(tests) > 1 else ""
    print(f"{task.name}: {runs[0]['candidate']}, test {np.mean(tests):.2f}{spread}", flush=True)
    return runs


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the closed forms."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy.closed_forms", description=main.__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="data sets to run; all without any")
    records = Records()
    for task in available_tasks(parser.parse_args(arguments).names):
        for model in (MODEL, LOCAL):
            run_task(records, task, model)


if __name__ == "__main__":
    main()
