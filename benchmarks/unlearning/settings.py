"""One setting: a model, a kind and a size of removal, timed draw by draw beside full re-solves."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks.timing import Samples, summary
from benchmarks.unlearning.requests import draw_requests
from benchmarks.unlearning.solving import solve_again, twin
from oubli.graph import Removal
from oubli.models import SGCRidge

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


def measure(model: SGCRidge, kind: str, size: int, plan: Plan, afresh: bool = False) -> dict[str, Any]:
    """Time removals and full re-solves in turn, then compare the bytes with those of a fresh fit.

    Parameters
    ----------
    model : SGCRidge
        A fitted model, which is left as it is.
    kind, size
        What is removed in each draw.
    plan : Plan
    afresh : bool
        Start every draw from the whole graph, rather than from what the draws before it left: for large batches.
    """
    current = copy.deepcopy(model)
    forgetting, solving, receipts = Samples(), Samples(), []
    every = -(-plan.draws // plan.solves)
    for draw, request in enumerate(_requests(model, kind, size, plan.draws, afresh)):
        if afresh and draw:
            current = copy.deepcopy(model)
        receipts.append(forgetting.time(lambda: current.unlearn(request)))  # noqa: B023
        if draw % every == 0:
            other = twin(current)
            solving.time(lambda: solve_again(other))  # noqa: B023
    same = current.digest() == clone(model).fit(current.graph_).digest()
    return {"kind": kind, "size": size, "identical": same} | _account(forgetting, solving, receipts)


def time_refits(model: SGCRidge, kind: str, size: int, draws: int) -> dict[str, float]:
    """Return milliseconds of the way without `unlearn`: take the removal out of the graph, and fit that."""
    times = Samples()
    for request in _requests(model, kind, size, draws, afresh=True):
        times.time(lambda: clone(model).fit(model.graph_.without(request)))  # noqa: B023
    return summary([1e3 * seconds for seconds in times.cpu])


def clone(model: SGCRidge) -> SGCRidge:
    """Return an unfitted model with the same parameters."""
    return type(model)(**model.get_params(deep=False))


def _requests(model: SGCRidge, kind: str, size: int, draws: int, afresh: bool) -> Iterator[Removal]:
    if not afresh:
        yield from draw_requests(model.graph_, kind, size, draws, SEED)
        return
    for draw in range(draws):
        yield from draw_requests(model.graph_, kind, size, 1, SEED + draw)


def _account(forgetting: Samples, solving: Samples, receipts: list[Any]) -> dict[str, Any]:
    full = float(np.median(solving.cpu))
    paths = [receipt.path for receipt in receipts]
    return {
        "unlearn_ms": summary([1e3 * seconds for seconds in forgetting.cpu]),
        "unlearn_wall_ms": summary([1e3 * seconds for seconds in forgetting.wall]),
        "solve_ms": summary([1e3 * seconds for seconds in solving.cpu]),
        "ratio": full / float(np.median(forgetting.cpu)),
        "slowest_ratio": full / max(forgetting.cpu),
        "reached": [round(float(np.median(hop))) for hop in zip(*(r.reached for r in receipts), strict=True)],
        "changed": round(float(np.median([receipt.rows_changed for receipt in receipts]))),
        "edges": round(float(np.median([receipt.removed["edges"] for receipt in receipts]))),
        "path": max(sorted(set(paths)), key=paths.count),
    }
