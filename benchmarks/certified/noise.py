"""More noise and less epsilon, their product fixed: what it does to accuracy and to the steps that are needed."""

from __future__ import annotations

import numpy as np

from benchmarks.certified.sequence import plain
from benchmarks.certified.settings import Row, accuracy, chosen_model
from benchmarks.timing import Samples
from benchmarks.unlearning.requests import draw_requests
from benchmarks.unlearning.settings import SEED
from oubli.errors import CertificateError
from oubli.graph import Graph

EPSILONS = (10.0, 3.0, 1.0, 0.3, 0.1)
REQUESTS = 50
FITS = 3


def measure(data: str, graph: Graph, settings: list[Row], quick: bool) -> list[Row]:
    """Return a row a mechanism and epsilon."""
    rows = []
    for setting in settings:
        for epsilon in EPSILONS[2:3] if quick else EPSILONS:
            noise_std = setting["noise_std"] / epsilon
            row = {"data": data, "mechanism": setting["mechanism"], "epsilon": epsilon}
            row |= {"alpha": setting["alpha"], "noise_std": noise_std}
            rows.append(plain(row | _swept(graph, setting, epsilon, noise_std)))
    return rows


def _swept(graph: Graph, setting: Row, epsilon: float, noise_std: float) -> Row:
    before, after, steps, times = [], [], [], Samples()
    for seed in range(FITS):
        model = chosen_model(graph, setting, epsilon=epsilon, noise_std=noise_std)
        try:
            model.fit(graph)
        except CertificateError:
            return {"budget": None}
        before.append(accuracy(model, graph.test_nodes))
        for request in draw_requests(graph, "edge", 1, REQUESTS, SEED + seed):
            times.time(lambda model=model, request=request: model.unlearn(request))
        after.append(accuracy(model, graph.test_nodes))
        steps.append(model.odometer_.newton_steps / model.odometer_.requests)
    row: Row = {"budget": model.odometer_.budget, "before": np.mean(before), "after": np.mean(after)}
    row |= {"spread": np.std(after, ddof=1), "steps": np.mean(steps), "ms": 1e3 * np.median(times.cpu)}
    return row
