"""Batches removed by a certified model, beside training from scratch and a step that nobody checks."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from benchmarks.certified.sequence import plain
from benchmarks.certified.settings import LARGE, Row, accuracy, chosen_model, unfitted
from benchmarks.timing import Samples
from benchmarks.unlearning.requests import draw_requests
from benchmarks.unlearning.settings import SEED
from oubli.graph import Graph, Removal
from oubli.models import CertifiedClassifier

SIZES = (("edge", 1), ("edge", 100), ("edge", 1000), ("node", 100))


def measure(data: str, graph: Graph, settings: list[Row], quick: bool) -> list[Row]:
    """Return a row a mechanism, kind and size; every draw begins with the model of the whole graph."""
    rows = []
    for setting in settings:
        model = chosen_model(graph, setting).fit(graph)
        for kind, size in SIZES[:2] if quick else SIZES:
            draws = 1 if quick else 2 if graph.num_nodes > LARGE else 5
            found = _batch(model, graph, list(draw_requests(graph, kind, size, draws, SEED)))
            settled = {key: setting[key] for key in ("mechanism", "alpha", "noise_std")}
            rows.append(plain({"data": data, "kind": kind, "size": size} | settled | found))
            shown = ("data", "mechanism", "kind", "size", "ms", "propagation_ms", "fit_ms", "ratio", "path")
            print({key: rows[-1][key] for key in shown}, flush=True)
    return rows


def _batch(model: CertifiedClassifier, graph: Graph, requests: list[Removal]) -> Row:
    forgetting, propagating, editing, fitting, stepping = (Samples() for _ in range(5))
    gaps, excess, steps, path = [], [], [], ""
    for request in requests:
        current = copy.deepcopy(model)
        embedding: Any = current._embedding
        remove = embedding.remove
        embedding.remove = lambda *given, remove=remove: propagating.time(lambda: remove(*given))
        path = forgetting.time(lambda current=current, request=request: current.unlearn(request)).path
        smaller = editing.time(lambda request=request: graph.without(request))
        fresh = unfitted(model)
        fitting.time(lambda fresh=fresh, smaller=smaller: fresh.fit(smaller))
        after, again = (accuracy(each, smaller.test_nodes) for each in (current, fresh))
        gaps.append(after - again)
        steps.append(current.odometer_.newton_steps)
        excess.append(stepping.time(lambda smaller=smaller: unchecked_step(model, smaller)) / model.odometer_.budget)
    cpu = {"ms": forgetting, "propagation_ms": propagating, "edit_ms": editing, "fit_ms": fitting, "cgu_ms": stepping}
    row: Row = {key: 1e3 * np.median(times.cpu) for key, times in cpu.items()}
    row |= {"slowest_ms": 1e3 * max(forgetting.cpu), "draws": len(requests), "newton_steps": np.mean(steps)}
    row |= {"ratio": row["fit_ms"] / row["ms"], "cgu_ratio": row["cgu_ms"] / row["ms"]}
    return row | {"after": after, "gap": np.mean(gaps), "cgu_spent": 100 * np.median(excess), "path": path}


def unchecked_step(model: CertifiedClassifier, graph: Graph) -> float:
    """Propagate a graph whole and move the weights of `model` by one Newton step; return the residual that it leaves.

    As certified graph unlearning (CGU) does, which charges a bound in place of this residual.
    """
    other = unfitted(model)
    other.graph_ = graph
    embedding = other._make_embedding().fit(graph)
    other._set_head(embedding)
    other._head.resume(model._head.weights, model._head.noise)
    other._head.newton_step(0.0)
    return float(other._certificate.residual(graph))
