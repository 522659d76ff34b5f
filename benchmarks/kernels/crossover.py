"""From which share of the arcs a full hop is quicker than pushing deltas: what `oubli.propagation.state` goes by."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.kernels.limits import on_threads
from benchmarks.results import Table, make_table
from benchmarks.timing import Samples, interleave
from benchmarks.unlearning.requests import draw_requests
from oubli.graph import Graph, RemovalPlan
from oubli.models import SGCRidge
from oubli.propagation import Propagation, push
from oubli.propagation.hop import full_hop

SHARES = (0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.6)


def hop_crossover(model: SGCRidge, draws: int, shares: tuple[float, ...] = SHARES) -> Table:
    """Time a push of deltas through one hop from random rows that have a given share of the arcs, and a full hop."""
    graph, propagation = model.graph_, model._engine.propagation
    lists = graph.adjacency.start, graph.adjacency.count, graph.adjacency.neighbours
    totals, scratch = propagation.totals[-1].copy(), np.empty_like(propagation.totals[-1])
    following = np.empty_like(propagation.messages)
    order = np.random.default_rng(0).permutation(graph.num_nodes)
    arcs = np.cumsum(graph.adjacency.count[order] + 1)
    rows = []
    for share in shares:
        changed = order[: int(np.searchsorted(arcs, share * arcs[-1])) + 1]
        change = np.random.default_rng(1).integers(-3, 4, (changed.size, propagation.width), np.int32)
        cases = {
            "push": on_threads(1, lambda: _push(graph, totals, changed, change)),  # noqa: B023
            "full": on_threads(1, lambda: full_hop(scratch.size, *lists, propagation.messages, scratch, following)),
        }
        samples = interleave(cases, draws)
        push_ms, full_ms = (1e3 * float(np.median(samples[name].cpu)) for name in ("push", "full"))
        row = {"share": share, "changed": changed.size, "reached": len(_push(graph, totals, changed, change)[0])}
        rows.append(row | {"push_ms": push_ms, "full_ms": full_ms, "ratio": push_ms / full_ms})
    columns = [("share", "share of the arcs", ".0%"), ("changed", "rows changed", ",d"), ("reached", "reached", ",d")]
    columns += [("push_ms", "push, CPU ms", ".1f"), ("full_ms", "full hop, CPU ms", ".1f"), ("ratio", "ratio", ".2f")]
    note = "One hop with rounding, one thread; random rows change by small integers."
    return make_table("Push or pull: one hop", columns, rows, note)


def _push(graph: Graph, totals: Any, changed: Any, change: Any) -> Any:
    given = graph.adjacency
    lists, none = push.Lists(given.start, given.count, given.neighbours, len(totals)), np.empty(0, np.int64)
    pushing = push.Push(lists, changed, totals.shape[1])
    rows = pushing.rows(none, push.no_marks(len(totals)))
    degrees = given.count[rows].astype(np.int64) + 1
    former = np.empty((rows.size, totals.shape[1]), np.int32)
    push.round_rows(former.size, totals, rows, degrees, former)
    pushing.scatter(change, totals)
    return rows, push.changed_messages(totals, rows, degrees, former)


def call_crossover(model: SGCRidge, sizes: tuple[int, ...], draws: int) -> Table:
    """Time whole calls of `unlearn` for growing batches of edges, pushing at every hop or pulling at the last."""
    rows = []
    for size in sizes:
        times = {"push": Samples(), "pull": Samples()}
        shares = []
        for draw in range(draws):
            request = next(iter(draw_requests(model.graph_, "edge", size, 1, draw)))
            for way, samples in times.items():
                current = copy.deepcopy(model)
                with _forced(way, shares, model._engine.propagation.hops):
                    samples.time(on_threads(1, lambda: current.unlearn(request)))  # noqa: B023
        push_ms, pull_ms = (1e3 * float(np.median(times[way].cpu)) for way in ("push", "pull"))
        row = {"operator": model.operator, "size": size, "share": float(np.median(shares))}
        rows.append(row | {"push_ms": push_ms, "pull_ms": pull_ms, "ratio": push_ms / pull_ms})
    columns = [("operator", "operator"), ("size", "edges gone", ",d"), ("share", "arcs pushed at the last hop", ".1%")]
    columns += [("push_ms", "push, CPU ms", ".1f"), ("pull_ms", "pull, CPU ms", ".1f"), ("ratio", "ratio", ".2f")]
    note = "Whole calls, one thread: after a pull the Gram is summed anew too, after a push only what changed."
    return make_table("Push or pull: whole calls", columns, rows, note)


@contextmanager
def _forced(way: str, shares: list[float], hops: int) -> Iterator[None]:
    """Push at every hop, or pull at the last; note which share of all arcs the last hop was about to push."""
    asked, decide = [0], Propagation._prefers_full

    def forced(self: Propagation, graph: Graph, changed: NDArray[np.int64], plan: RemovalPlan) -> bool:
        # Asked once before the graph changes, and then at every hop.
        asked[0] += 1
        if asked[0] <= hops:
            return False
        arcs = push.count_arcs(graph.adjacency.count, changed)
        shares.append(arcs / (graph.adjacency.num_arcs + graph.num_nodes))
        return way == "pull"

    Propagation._prefers_full = forced
    try:
        yield
    finally:
        Propagation._prefers_full = decide
