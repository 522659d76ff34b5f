"""Single edges removed one after the other: what each costs, what remains of the accuracy, what is spent."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from benchmarks.certified.settings import Row, accuracy, chosen_model, unfitted
from benchmarks.timing import Samples
from benchmarks.unlearning.requests import draw_requests
from benchmarks.unlearning.settings import SEED
from oubli.graph import Graph
from oubli.models import CertifiedClassifier

REQUESTS = 2000
LIMIT = 40.0
"""CPU seconds after which no more requests are begun."""


def measure(data: str, graph: Graph, settings: list[Row], quick: bool) -> list[Row]:
    """Return a row a setting; on Cora also one for the model without any arguments."""
    default = [{"mechanism": "default", "alpha": 1e-2, "noise_std": 0.1}] if data in ("cora", "generated") else []
    return [{"data": data} | _sequence(graph, setting, 30 if quick else REQUESTS) for setting in [*settings, *default]]


def _sequence(graph: Graph, setting: Row, most: int) -> Row:
    times = Samples()
    model = times.time(lambda: chosen_model(graph, setting).fit(graph))
    before = accuracy(model, graph.test_nodes)
    stepping = StepTimes(model)
    requests, shares, steps = Samples(), [], []
    for request in draw_requests(graph, "edge", 1, most, SEED):
        requests.time(lambda request=request: model.unlearn(request))
        shares.append(model.odometer_.spent)
        steps.append(model.odometer_.newton_steps)
        if sum(requests.cpu) > LIMIT:
            break
    after = accuracy(model, graph.test_nodes)
    fresh = unfitted(model)
    rest = model.graph_.compacted()
    retraining = Samples()
    for _ in range(3 if sum(times.cpu) < 1 else 1):
        retraining.time(lambda: fresh.fit(rest))
    again = accuracy(fresh, graph.test_nodes)
    ms, account = 1e3 * np.array(requests.cpu), model.odometer_
    row = {key: setting[key] for key in ("mechanism", "alpha", "noise_std")}
    row |= {"requests": len(shares), "before": before, "after": after, "retrained": again, "gap": after - again}
    row |= {"ms": {"median": np.median(ms), "p95": np.quantile(ms, 0.95), "mean": ms.mean()}}
    row |= {"newton_share": 100 * stepping.cpu / sum(requests.cpu), "newton_steps": account.newton_steps}
    row |= {"requests_with_steps": int(np.count_nonzero(np.diff(steps, prepend=0)))}
    row |= {"retrainings": account.retrainings, "spent": 100 * max(shares)}
    row |= {"retraining_s": np.median(retraining.cpu), "ratio": np.median(retraining.cpu) / (ms.mean() / 1e3)}
    print({key: row[key] for key in ("mechanism", "requests", "before", "after", "ms", "ratio")}, flush=True)
    return dict(plain(row))


class StepTimes:
    """CPU time of a model's Newton steps, from now on."""

    def __init__(self, model: CertifiedClassifier) -> None:
        self.cpu = 0.0
        head: Any = model._head
        step = head.newton_step

        def timed(goal: float) -> bool:
            started = time.process_time()
            moved = step(goal)
            self.cpu += time.process_time() - started
            return bool(moved)

        head.newton_step = timed


def plain(value: Any) -> Any:
    """Return NumPy's numbers as Python's, within dictionaries and lists too."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value.item() if isinstance(value, np.generic) else value
