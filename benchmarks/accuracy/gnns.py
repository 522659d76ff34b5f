"""Graph neural networks on the tasks, tuned on validation nodes.

``python -m benchmarks.accuracy.gnns [--models gcn,sage,...] [NAME ...]`` fits every trial of a model on the first split
of a data set (on three splits or five seeds where one is too noisy to tell), and the trial with the best mean
validation score on all its splits; on a public split with five seeds. Every run is a line in
benchmarks/results/accuracy-runs.jsonl, and is not repeated.
"""

from __future__ import annotations

from benchmarks.threads import limit_threads

if __name__ == "__main__":
    limit_threads(1)

import argparse
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from benchmarks.accuracy.datasets import FURTHER_TASKS, TASKS, Task, available_tasks
from benchmarks.accuracy.records import Key, Record, Records, measured
from oubli.baselines import GNNClassifier
from oubli.graph import Graph

Settings = dict[str, Any]

SCHEDULE: Settings = {"epochs": 500, "patience": 60, "evaluate_every": 2}
SEEDS = range(5)

# Where a run takes minutes there are four trials rather than six, and less patience: thousands of validation nodes
# tell sooner than hundreds that the best is past.
LARGE = {"facebook-pages", "amazon-computers", "github-social", "coauthor-physics", "coauthor-cs", "ogbn-arxiv"}
LARGE_TRIALS = 4
SHORT_SCHEDULE: Settings = {"epochs": 300, "patience": 30, "evaluate_every": 2}
SHORT = LARGE | {"amazon-photo"}

# How many runs trials are compared on, where one does not tell them apart.
NOISY = {"cora": 5, "citeseer": 5, "chameleon-filtered": 3, "squirrel-filtered": 3, "twitch-de": 3, "facebook-pages": 3}

# Its seven columns are a number one hot, so scaling or dropping them would take away what they say.
FEW_COLUMNS = {"minesweeper"}


def _plain(kind: str, hidden: int, rate: float, decay: float, dropout: float, rows: bool) -> Settings:
    return {
        "kind": kind,
        "hidden": hidden,
        "learning_rate": rate,
        "weight_decay": decay,
        "dropout": dropout,
        # Bags of words are scaled and dropped out, or taken as they are.
        "input_dropout": dropout if rows else 0.0,
        "row_normalize": rows,
    }


def _plain_trials(kind: str, wide: int, wider: int) -> list[Settings]:
    return [
        _plain(kind, 64, 0.01, 5e-4, 0.5, True),
        _plain(kind, 64, 0.01, 0.0, 0.5, False),
        _plain(kind, 64, 0.005, 5e-4, 0.2, False),
        _plain(kind, wide, 0.01, 5e-4, 0.5, True),
        _plain(kind, 64, 0.01, 5e-4, 0.7, True),
        _plain(kind, wider, 0.005, 0.0, 0.2, False),
    ]


def _deep(
    kind: str, layers: int, hidden: int, normalization: str, dropout: float, rate: float, decay: float, rows: bool
) -> Settings:
    return {
        "kind": kind,
        "layers": layers,
        "hidden": hidden,
        "normalization": normalization,
        "residual": True,
        "dropout": dropout,
        "learning_rate": rate,
        "weight_decay": decay,
        "row_normalize": rows,
    }


# Chosen once, by no score of test nodes.
TRIALS: dict[str, list[Settings]] = {
    "gcn": _plain_trials("gcn", 128, 256),
    "sage": _plain_trials("sage", 128, 256),
    "gat": _plain_trials("gat", 128, 128),
    "deep": [
        _deep("sage", 3, 128, "layer", 0.5, 0.01, 5e-4, False),
        _deep("gcn", 3, 128, "layer", 0.5, 0.005, 5e-4, True),
        _deep("gat", 3, 64, "layer", 0.5, 0.005, 5e-4, True),
        _deep("sage", 6, 64, "batch", 0.2, 0.01, 0.0, True),
        _deep("gcn", 6, 64, "batch", 0.2, 0.01, 0.0, False),
        _deep("sage", 10, 64, "batch", 0.2, 0.01, 0.0, False),
    ],
}


def trials(model: str, task: Task) -> list[Settings]:
    """Return the settings that are tried."""
    tried = TRIALS[model][: LARGE_TRIALS if task.name in LARGE else None]
    if task.name in FEW_COLUMNS:
        tried = [settings | {"row_normalize": False, "input_dropout": 0.0} for settings in tried]
    return tried


def schedule(task: Task) -> Settings:
    """Return how long networks are trained."""
    return SHORT_SCHEDULE if task.name in SHORT else SCHEDULE


def tuning_runs(task: Task) -> list[tuple[int, int]]:
    """Return the splits and seeds on which trials are compared."""
    return final_runs(task)[: NOISY.get(task.name, 1)]


def final_runs(task: Task) -> list[tuple[int, int]]:
    """Return the splits and seeds on which the chosen trial is run."""
    if len(task.splits) == 1:
        return [(task.splits[0], seed) for seed in SEEDS]
    return [(split, split) for split in task.splits]


@lru_cache(maxsize=1)
def _graph(task_name: str, split: int) -> Graph:
    return next(task for task in TASKS + FURTHER_TASKS if task.name == task_name).load(split)


def run(records: Records, task: Task, model: str, trial: int, place: tuple[int, int]) -> Record:
    """Return a run's record, made now unless it is there."""
    split, seed = place
    key, settings = Key(task.name, model, trial, split, seed), trials(model, task)[trial] | schedule(task)
    found = records.find(key, settings=settings)
    if found is not None:
        return found
    graph = _graph(task.name, split)
    with measured() as account:
        fitted = GNNClassifier(**settings, scoring=task.scoring, seed=seed).fit(graph)
    scores = {
        "validation": 100 * fitted.score(graph.val_nodes, task.scoring),
        "test": 100 * fitted.score(graph.test_nodes, task.scoring),
    }
    epochs = {"best_epoch": fitted.best_epoch_, "epochs": fitted.epochs_}
    record = records.add(key, **scores, **account, **epochs, scoring=task.scoring, settings=settings)
    print(
        f"{task.name} {model} trial {trial} split {split} seed {seed}: validation {record['validation']:.2f}, "
        f"test {record['test']:.2f}; epoch {fitted.best_epoch_} of {fitted.epochs_}, "
        f"{record['cpu_seconds']:.1f} s CPU, {record['peak_mib']:.0f} MiB",
        flush=True,
    )
    return record


def best_trial(records: Records, task: Task, model: str) -> int:
    """Return the trial with the best mean validation score; of equals the first."""
    # Split by split, so that each is loaded once.
    scores = [
        [run(records, task, model, trial, place)["validation"] for trial in range(len(trials(model, task)))]
        for place in tuning_runs(task)
    ]
    return int(np.mean(scores, axis=0).argmax())


def run_task(records: Records, task: Task, model: str) -> list[Record]:
    """Tune a model on a task and return the final runs."""
    chosen = best_trial(records, task, model)
    runs = [run(records, task, model, chosen, place) for place in final_runs(task)]
    tests = [record["test"] for record in runs]
    print(f"{task.name} {model}: trial {chosen}, test {np.mean(tests):.2f} ± {np.std(tests, ddof=1):.2f}", flush=True)
    return runs


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the networks."""
    import torch

    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy.gnns", description=main.__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="data sets to run; all without any")
    parser.add_argument("--models", default=",".join(TRIALS), help="which, with commas: %(default)s")
    chosen = parser.parse_args(arguments)
    models = chosen.models.split(",")
    unknown = [model for model in models if model not in TRIALS]
    if unknown:
        parser.error(f"no model is called {unknown[0]}; there are {', '.join(TRIALS)}")
    tasks, records = available_tasks(chosen.names), Records()
    # Deep networks last: should time run out, the usual ones are there.
    for group in ([model for model in models if model != "deep"], [model for model in models if model == "deep"]):
        for task in tasks:
            for model in group:
                run_task(records, task, model)


if __name__ == "__main__":
    main()
