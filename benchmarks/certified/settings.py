"""The graphs that certified models are measured on, and their settings, chosen on validation nodes."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks.accuracy.datasets import TASKS
from benchmarks.data import arxiv, has_dataset, small_graph
from benchmarks.timing import Samples
from oubli.errors import CertificateError
from oubli.graph import Graph
from oubli.models import CertifiedClassifier

Row = dict[str, Any]

ALPHAS = (1e-2, 1e-3, 1e-4, 1e-5)
NOISES = {"output": (0.01, 0.1, 1.0), "objective": (0.1, 1.0, 10.0)}
MECHANISMS = tuple(NOISES)
NEAR = 0.005
"""Accuracies this near to the best are as good: among them the most noise is chosen, which hides most."""

DELTA = 1e-4
LARGE = 20_000
"""Nodes from which on a setting is drawn once, instead of three times."""

GRAPHS: dict[str, Callable[[], Graph]] = {
    task.name: lambda task=task: task.load(0)
    for task in TASKS
    if task.name in ("cora", "citeseer", "amazon-photo", "amazon-computers", "coauthor-physics")
} | {"ogbn-arxiv": arxiv}


def load(data: str) -> Graph:
    """Return a data set with its first split, or the generated graph."""
    return small_graph() if data == "generated" else GRAPHS[data]()


def available() -> list[str]:
    """Return the data sets whose files are there."""
    files = {"ogbn-arxiv": "ogbn-arxiv-nofeat"}
    return [name for name in GRAPHS if has_dataset(files.get(name, name))]


def make_model(graph: Graph, mechanism: str, alpha: float, noise_std: float, **others: Any) -> CertifiedClassifier:
    """Return a model with a delta that gives no training node away."""
    delta = min(DELTA, 0.5 / graph.train_nodes.size)
    settings: Row = {"delta": delta, "mechanism": mechanism, "alpha": alpha, "noise_std": noise_std}
    return CertifiedClassifier(**settings | others)


def chosen_model(graph: Graph, setting: Row, **others: Any) -> CertifiedClassifier:
    """Return a model with a setting that was chosen, or the one that is made without arguments."""
    if setting["mechanism"] == "default":
        return CertifiedClassifier()
    values = {"alpha": setting["alpha"], "noise_std": setting["noise_std"]}
    return make_model(graph, setting["mechanism"], **values | others)


def unfitted(model: CertifiedClassifier) -> CertifiedClassifier:
    """Return a model with the same settings."""
    return CertifiedClassifier(**model.describe()["params"])


def accuracy(model: CertifiedClassifier, nodes: Any, draws: int = 5) -> float:
    """Return the accuracy in per cent of what is given out: of fresh noise the mean of several draws."""
    if model.mechanism != "output":
        return 100 * model.score(nodes)
    scores = []
    for _ in range(draws):
        model._release()
        scores.append(model.score(nodes))
    return 100 * float(np.mean(scores))


def choose(data: str, graph: Graph, quick: bool) -> list[Row]:
    """Fit the grid of each mechanism; return a row a mechanism, with what was chosen and its accuracies."""
    rows = []
    for mechanism in MECHANISMS:
        alphas, noises = (ALPHAS[1:3], NOISES[mechanism][1:2]) if quick else (ALPHAS, NOISES[mechanism])
        tried, times = {}, Samples()
        for alpha, noise_std in itertools.product(alphas, noises):
            found = times.time(lambda given=(mechanism, alpha, noise_std): try_setting(graph, *given))
            if found is not None:
                tried[noise_std, alpha] = found
        best = max(tried.values())
        noise_std, alpha = max(pair for pair, score in tried.items() if score >= best - 100 * NEAR)
        row = {"data": data, "mechanism": mechanism, "alpha": alpha, "noise_std": noise_std}
        row |= {"validation": tried[noise_std, alpha], "best": best, "cpu_s": sum(times.cpu)}
        row["tried"] = [{"noise_std": n, "alpha": a, "validation": score} for (n, a), score in tried.items()]
        rows.append(row | {"nodes": graph.num_nodes, "edges": graph.num_edges, "training": graph.train_nodes.size})
        print({key: row[key] for key in ("data", "mechanism", "alpha", "noise_std", "validation")}, flush=True)
    return rows


def try_setting(graph: Graph, mechanism: str, alpha: float, noise_std: float) -> float | None:
    """Return the validation accuracy of a setting, None where no fit meets the budget."""
    draws = 1 if graph.num_nodes > LARGE or mechanism == "output" else 3
    scores = []
    for _ in range(draws):
        try:
            model = make_model(graph, mechanism, alpha, noise_std).fit(graph)
        except CertificateError:
            return None
        scores.append(accuracy(model, graph.val_nodes))
    return float(np.mean(scores))


def quiet() -> None:
    """Say nothing of a delta that the default setting has on purpose."""
    warnings.filterwarnings("ignore", message="delta")
