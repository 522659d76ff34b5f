"""Edges between training nodes of different classes, put in before training and forgotten afterwards."""

from __future__ import annotations

import numpy as np

from benchmarks.certified.sequence import plain
from benchmarks.certified.settings import Row, accuracy, chosen_model, unfitted
from benchmarks.timing import Samples
from oubli.audit.efficacy.alteration import with_edges
from oubli.audit.efficacy.opposed import opposed_edges
from oubli.graph import Graph, Removal

SHARE = 0.05
BATCHES = 10
SEEDS = 3


def measure(data: str, graph: Graph, settings: list[Row], quick: bool) -> list[Row]:
    """Return a row a mechanism: means over draws of the edges, and of the noise."""
    rows = []
    for setting in settings:
        draws = [_poisoned(graph, setting, seed) for seed in range(1 if quick else SEEDS)]
        row: Row = {"data": data, "mechanism": setting["mechanism"], "draws": len(draws)}
        row |= {key: np.mean([draw[key] for draw in draws]) for key in draws[0]}
        gaps = [draw["after"] - draw["never"] for draw in draws]
        row |= {"gap": np.mean(gaps), "spread": np.std(gaps, ddof=1) if len(gaps) > 1 else None}
        rows.append(plain(row))
        print(rows[-1], flush=True)
    return rows


def _poisoned(graph: Graph, setting: Row, seed: int) -> Row:
    edges = opposed_edges(graph, round(SHARE * graph.num_edges), seed)
    model = chosen_model(graph, setting).fit(with_edges(graph, edges))
    row = {"edges": float(len(edges)), "with": accuracy(model, graph.test_nodes)}
    times = Samples()
    for part in np.array_split(edges, BATCHES):
        times.time(lambda part=part: model.unlearn(Removal(edges=part)))
    row |= {"after": accuracy(model, graph.test_nodes), "never": accuracy(unfitted(model).fit(graph), graph.test_nodes)}
    account = model.odometer_
    return row | {"ms": 1e3 * float(np.median(times.cpu)), "steps": account.newton_steps, "spent": 100 * account.spent}
