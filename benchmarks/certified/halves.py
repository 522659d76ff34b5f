"""Half of the training nodes forgotten in small batches, or half of their features: accuracy beside a fresh fit."""

from __future__ import annotations

import numpy as np

from benchmarks.certified.sequence import plain
from benchmarks.certified.settings import Row, accuracy, chosen_model, unfitted
from benchmarks.timing import Samples
from benchmarks.unlearning.settings import SEED
from oubli.graph import Graph, Removal

KINDS = ("node", "feature")
BATCH = 0.01
LOOKS = (0.1, 0.25, 0.55)
"""Shares of the training nodes after which a fresh fit is compared."""


def measure(data: str, graph: Graph, settings: list[Row], quick: bool) -> list[Row]:
    """Return a row a mechanism, kind and share."""
    rows = []
    for setting in settings:
        for kind in KINDS[:1] if quick else KINDS:
            settled = {"data": data, "mechanism": setting["mechanism"], "kind": kind}
            rows += [plain(settled | row) for row in _forget(graph, setting, kind, LOOKS[:1] if quick else LOOKS)]
            print(rows[-1], flush=True)
    return rows


def _forget(graph: Graph, setting: Row, kind: str, looks: tuple[float, ...]) -> list[Row]:
    model = chosen_model(graph, setting).fit(graph)
    start = accuracy(model, graph.test_nodes)
    nodes = _spared(graph)
    size = max(1, round(BATCH * graph.train_nodes.size))
    times, largest, gone, rows = Samples(), 0.0, 0, []
    for share in looks:
        while gone < min(share * graph.train_nodes.size, nodes.size):
            request = Removal(**{f"{kind}s": nodes[gone : gone + size]})
            times.time(lambda request=request: model.unlearn(request))
            largest = max(largest, model.odometer_.spent)
            gone += size
        rest = model.graph_.compacted()
        again = accuracy(unfitted(model).fit(rest), rest.test_nodes)
        after, account = accuracy(model, rest.test_nodes), model.odometer_
        row: Row = {"share": 100 * share, "requests": account.requests, "before": start, "after": after}
        row |= {"retrained": again, "gap": after - again, "ms": 1e3 * float(np.median(times.cpu))}
        row |= {"newton_steps": account.newton_steps, "retrainings": account.retrainings}
        rows.append(row | {"spent": 100 * largest, "releases": account.releases})
    return rows


def _spared(graph: Graph) -> np.ndarray:
    """Return the training nodes in a drawn order, without one of each class: no class may be emptied."""
    order = np.random.default_rng(SEED).permutation(graph.split_slots("train"))
    first = np.unique(graph.label_codes[order], return_index=True)[1]
    return np.asarray(graph.index.ids[np.delete(order, first)])
