"""One setting: a model, a kind and a size of removal, timed draw by draw beside full re-solves."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.timing import Samples, summary
from benchmarks.unlearning.head import HeadSamples
from benchmarks.unlearning.requests import draw_requests
from benchmarks.unlearning.solving import solve_again, twin
from oubli.graph import Graph, Removal
from oubli.models import NodeClassifier

SEED = 7


@dataclass
class Plan:
    """How often things are done.

    Attributes
    ----------
    draws : int
        Removals timed a setting.
    solves : int
        Full re-solves timed a setting, spread evenly among them.
    """

    draws: int = 20
    solves: int = 5


def fit_compiled(model: NodeClassifier, graph: Graph) -> NodeClassifier:
    """Return the model fitted, after every kind of removal has been tried on another: nothing is left to compile."""
    trial = clone(model).fit(graph)
    some, edges = graph.train_nodes[:4], graph.edges
    trial.unlearn(Removal(nodes=some[:1], features=some[1:2], labels=some[2:3]), missing="ignore")
    trial.unlearn(Removal(edges=edges[-1:]), missing="ignore")
    return model.fit(graph)


def measure(model: NodeClassifier, kind: str, size: int, plan: Plan, afresh: bool = False) -> dict[str, Any]:
    """Time removals and full re-solves in turn, then compare the bytes with those of a fresh fit.

    Parameters
    ----------
    model : NodeClassifier
        A fitted model, which is left as it is.
    kind, size
        What is removed in each draw.
    plan : Plan
    afresh : bool
        Start every draw from the whole graph, rather than from what the draws before it left: for large batches.
    """
    current = copy.deepcopy(model)
    forgetting, solving, receipts = HeadSamples(), HeadSamples(), []
    every = -(-plan.draws // plan.solves)
    for draw, request in enumerate(_requests(model, kind, size, plan.draws, afresh)):
        if afresh and draw:
            current = copy.deepcopy(model)
        receipts.append(forgetting.time_with(current, lambda: current.unlearn(request)))  # noqa: B023
        if draw % every == 0:
            other = twin(current)
            solving.time_with(other, lambda: solve_again(other))  # noqa: B023
    same = current.digest() == clone(model).fit(current.graph_).digest()
    return {"kind": kind, "size": size, "identical": same} | _account(forgetting, solving, receipts)


def time_refits(model: NodeClassifier, kind: str, size: int, draws: int) -> dict[str, float]:
    """Return milliseconds of the way without `unlearn`: take the removal out of the graph, and fit that."""
    times = Samples()
    for request in _requests(model, kind, size, draws, afresh=True):
        times.time(lambda: clone(model).fit(model.graph_.without(request)))  # noqa: B023
    return summary([1e3 * seconds for seconds in times.cpu])


def clone(model: NodeClassifier) -> NodeClassifier:
    """Return an unfitted model with the same parameters."""
    return type(model)(**model.get_params(deep=False))


def _requests(model: NodeClassifier, kind: str, size: int, draws: int, afresh: bool) -> Iterator[Removal]:
    if not afresh:
        yield from draw_requests(model.graph_, kind, size, draws, SEED)
        return
    for draw in range(draws):
        yield from draw_requests(model.graph_, kind, size, 1, SEED + draw)


def _account(forgetting: HeadSamples, solving: HeadSamples, receipts: list[Any]) -> dict[str, Any]:
    full = float(np.median(solving.cpu))
    paths = [receipt.path for receipt in receipts]
    rest = float(np.median(forgetting.rest))
    return {
        "unlearn_ms": summary([1e3 * seconds for seconds in forgetting.cpu]),
        "unlearn_wall_ms": summary([1e3 * seconds for seconds in forgetting.wall]),
        "solve_ms": summary([1e3 * seconds for seconds in solving.cpu]),
        "ratio": full / float(np.median(forgetting.cpu)),
        "unlearn_head_ms": summary([1e3 * seconds for seconds in forgetting.head]),
        "unlearn_rest_ms": summary([1e3 * seconds for seconds in forgetting.rest]),
        "solve_head_ms": summary([1e3 * seconds for seconds in solving.head]),
        "rest_ratio": float(np.median(solving.rest)) / rest,
        "slowest_ratio": full / max(forgetting.cpu),
        "reached": [round(float(np.median(hop))) for hop in zip(*(r.reached for r in receipts), strict=False)],
        "changed": round(float(np.median([receipt.rows_changed for receipt in receipts]))),
        "edges": round(float(np.median([receipt.removed["edges"] for receipt in receipts]))),
        "path": max(sorted(set(paths)), key=paths.count),
    }


def show(row: dict[str, Any]) -> None:
    """Print a measured setting."""
    name = row.get("data") or row["operator"]
    print(
        f"{name:>17} {row['kind']:>9} x {row['size']:<7,d} {row['unlearn_ms']['median']:9.2f} ms, "
        f"re-solve {row['solve_ms']['median']:8.1f} ms, ratio {row['ratio']:7.1f}, without the head's solve "
        f"{row['rest_ratio']:7.1f}, {row['path']}, bytes {'equal' if row['identical'] else 'DIFFER'}",
        flush=True,
    )
