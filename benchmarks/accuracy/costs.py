"""What the chosen models cost: to fit, beside the best two-layer network, and to forget.

``python -m benchmarks.accuracy.costs [NAME ...]`` takes, on a data set's first split, the closed form and the network
that were chosen, trains them in turn on one thread, in memory that is kept, and lets the closed form forget one edge,
one node and one label, each compared with a fit on what remains. On ogbn-arxiv's graph a local update stands beside
gradient retraining.
"""

from __future__ import annotations

from benchmarks.threads import limit_threads

if __name__ == "__main__":
    limit_threads(1)

import argparse
import copy
import ctypes
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from benchmarks.accuracy.closed_forms import best_trial, candidates, run
from benchmarks.accuracy.datasets import Task, available_tasks
from benchmarks.accuracy.gnns import SHORT, SHORT_SCHEDULE, schedule, tuning_runs
from benchmarks.accuracy.gnns import trials as network_trials
from benchmarks.accuracy.records import Key, Record, Records
from benchmarks.data import arxiv, has_dataset
from benchmarks.results import FOLDER
from benchmarks.timing import Samples, interleave, summary
from oubli.baselines import GNNClassifier
from oubli.graph import Graph, Removal, generate_graph
from oubli.models import NodeClassifier, SGCRidge

VANILLA = ("gcn", "sage", "gat")
DRAWS = 7
TRIM_THRESHOLD, MMAP_MAX = -1, -4
"""Of glibc's mallopt."""
SEED = 20_261_121
PATH = FOLDER / "accuracy-costs.jsonl"


def best_network(records: Records, task: Task) -> tuple[str, int]:
    """Return the two-layer network, and its trial, with the best mean validation score on the tuning runs."""
    scores: dict[tuple[str, int], list[float]] = {}
    places = set(tuning_runs(task))
    for record in records.all():
        if record["data"] == task.name and record["model"] in VANILLA and (record["split"], record["seed"]) in places:
            scores.setdefault((record["model"], record["trial"]), []).append(record["validation"])
    if not scores:
        raise SystemExit(f"{task.name}: no network has been trained yet; run python -m benchmarks.accuracy.gnns first")
    return max(scores, key=lambda pair: float(np.mean(scores[pair])))


def fit_costs(records: Records, task: Task) -> Record:
    """Time the chosen closed form, its choices made, against the chosen network, in turn."""
    split = task.splits[0]
    graph, trial = task.load(split), best_trial(records, task)
    choices, (name, make) = run(records, task, trial, split)["choices"], candidates(task)[trial]
    model, settings = best_network(records, task)
    chosen = network_trials(model, task)[settings] | schedule(task)
    cases: dict[str, Callable[[], Any]] = {
        "closed form": lambda: make(task.scoring).fit_with(graph, choices),
        "network": lambda: GNNClassifier(**chosen, scoring=task.scoring, seed=0).fit(graph),
    }
    # Compiled on a small graph first, so that a training of minutes is not made twice.
    small = generate_graph(num_nodes=300, num_features=graph.num_features, seed=SEED)
    make("accuracy").fit(small)
    GNNClassifier(**chosen | {"epochs": 4}).fit(small)
    samples = interleave(cases, 1 if task.name in SHORT else DRAWS, warmups=0)
    ours, theirs = (float(np.median(samples[case].cpu)) for case in cases)
    times = {"fit_cpu": ours, "network_cpu": theirs, "ratio": theirs / ours}
    return {"candidate": name, "network": model, "draws": len(samples["network"].cpu)} | times


def unlearn_costs(records: Records, task: Task) -> Record:
    """Time removals from the chosen closed form, choices kept, and compare each with a fit on what remains."""
    split = task.splits[0]
    graph, trial = task.load(split), best_trial(records, task)
    choices, (_, make) = run(records, task, trial, split)["choices"], candidates(task)[trial]
    fitted = make(task.scoring).fit_with(graph, choices)
    rng = np.random.default_rng(SEED)
    requests = {
        "edge": Removal(edges=graph.edges[rng.integers(graph.num_edges, size=1)]),
        "node": Removal(nodes=rng.choice(graph.train_nodes, 1)),
        "label": Removal(labels=rng.choice(graph.train_nodes, 1)),
    }
    found: Record = {}
    for kind, request in requests.items():
        model, samples = copy.deepcopy(fitted), Samples()
        samples.time(lambda model=model, request=request: model.unlearn(request, level="frozen"))
        found[f"{kind}_cpu"] = samples.cpu[0]
        again = make(task.scoring).fit_with(graph.without(request), choices)
        found[f"{kind}_identical"] = model.digest() == again.digest()
    found["identical"] = all(found[f"{kind}_identical"] for kind in requests)
    return found


def arxiv_costs() -> Record:
    """Time a local update on ogbn-arxiv's graph against training a two-layer network on it anew."""
    graph = arxiv()
    model: NodeClassifier = SGCRidge(hops=2).fit(graph)
    rng = np.random.default_rng(SEED)
    edges = graph.edges[rng.permutation(graph.num_edges)[:21]]
    samples = Samples()
    for edge in edges[1:]:
        samples.time(lambda edge=edge: model.unlearn(Removal(edges=[tuple(edge)]), level="frozen"))
    settings: Record = SHORT_SCHEDULE | {"epochs": 100, "hidden": 64, "weight_decay": 0.0, "seed": 0}
    training = Samples()
    training.time(lambda: GNNClassifier(**settings).fit(_rest(graph, edges)))
    update = summary(samples.cpu)["median"]
    return {"update_cpu": update, "retraining_cpu": training.cpu[0], "ratio": training.cpu[0] / update}


def keep_memory() -> None:
    """Let freed memory be used again by either side, where libc has a switch for it.

    On virtual machines that give memory back, touching it anew took from 0.04 to 0.7 s of a fit of 0.2 s.
    """
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None)
        for parameter, value in ((MMAP_MAX, 0), (TRIM_THRESHOLD, 2**31 - 1)):
            libc.mallopt(parameter, value)


def _rest(graph: Graph, edges: Any) -> Graph:
    return graph.without(Removal(edges=edges))


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the costs."""
    import torch

    torch.set_num_threads(1)
    keep_memory()
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy.costs", description=main.__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="data sets, or arxiv-graph; all without any")
    names = parser.parse_args(arguments).names
    runs, costs = Records(), Records(PATH)
    jobs: list[tuple[str, str, Callable[[], Record]]] = []
    for task in available_tasks([name for name in names if name != "arxiv-graph"]) if names != ["arxiv-graph"] else []:
        jobs += [(task.name, "fit", lambda task=task: fit_costs(runs, task))]
        jobs += [(task.name, "unlearn", lambda task=task: unlearn_costs(runs, task))]
    if has_dataset("ogbn-arxiv-nofeat") and (not names or "arxiv-graph" in names):
        jobs += [("arxiv-graph", "update", arxiv_costs)]
    for name, what, job in jobs:
        key = Key(name, what, 0, 0, 0)
        if costs.find(key) is None:
            started = time.perf_counter()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                record = costs.add(key, **job())
            print(f"{record} ({time.perf_counter() - started:.0f} s)", flush=True)


if __name__ == "__main__":
    main()
