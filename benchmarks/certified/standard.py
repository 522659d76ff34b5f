"""Training from scratch with a standard optimiser on the same embeddings: scikit-learn's logistic regression."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.certified.sequence import plain
from benchmarks.certified.settings import Row, chosen_model, unfitted
from benchmarks.timing import Samples
from benchmarks.unlearning.requests import draw_requests
from benchmarks.unlearning.settings import SEED
from oubli.graph import Graph
from oubli.models.certificate import ENOUGH

MOST = 200_000
"""Rows times classes up to which all classes are trained; of more, some, and their time is scaled up."""

SAMPLED = 4


def measure(data: str, graph: Graph, settings: list[Row], quick: bool) -> list[Row]:
    """Return a row for the loss of the "output" mechanism, which has no linear term: 100 edges, and what both take."""
    setting = settings[0]
    (request,) = draw_requests(graph, "edge", 100 if graph.num_edges > 1000 else 10, 1, SEED)
    model = chosen_model(graph, setting).fit(graph)
    smaller = graph.without(request)
    fitting, propagating, standard = Samples(), Samples(), Samples()
    fresh = unfitted(model)
    fitting.time(lambda: fresh.fit(smaller))
    embedding = propagating.time(lambda: fresh._make_embedding().fit(smaller))
    slots = smaller.split_slots("train")
    rows = propagating.time(lambda: embedding.rows(smaller, slots))
    labels = np.searchsorted(fresh.classes_, smaller.label_values[smaller.label_codes[slots]])
    columns = fresh._head.weights.shape[1]
    wanted = np.arange(columns)
    if columns * slots.size > MOST:
        wanted = np.linspace(0, columns - 1, SAMPLED).astype(np.int64)
    goal = ENOUGH * fresh.odometer_.budget / np.sqrt(columns)
    targets = labels[:, None] == (wanted if columns > 1 else wanted + 1)[None, :]
    lengths = [train(rows, target, fresh._head.strength, goal, standard) for target in targets.T]
    once = Samples()
    once.time(lambda: model.unlearn(request))
    row = {"data": data, "alpha": setting["alpha"], "noise_std": setting["noise_std"], "classes": columns}
    row |= {"trained": wanted.size, "goal": goal, "length": max(lengths), "fit_s": fitting.cpu[0]}
    row |= {"propagation_s": sum(propagating.cpu), "lbfgs_s": sum(standard.cpu) * columns / wanted.size}
    row["total_s"] = row["propagation_s"] + row["lbfgs_s"]
    row |= {"unlearn_s": once.cpu[0], "ratio": row["total_s"] / once.cpu[0]}
    print(row, flush=True)
    return [plain(row)]


def train(rows: NDArray[np.float64], target: Any, strength: float, goal: float, times: Samples) -> float:
    """Train one class against the rest down to a gradient's length; return the length that is left."""
    from sklearn.linear_model import LogisticRegression

    # Its tolerance is on the largest entry of the mean gradient.
    tolerance = goal / len(rows) / np.sqrt(rows.shape[1])
    machine = LogisticRegression(C=1.0 / strength, fit_intercept=False, tol=tolerance, max_iter=20_000)
    times.time(lambda: machine.fit(rows, target))
    weights = machine.coef_[0]
    pulls = 1.0 / (1.0 + np.exp(-rows @ weights)) - target
    return float(np.linalg.norm(rows.T @ pulls + strength * weights))
