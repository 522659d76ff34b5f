"""Bounds on the residual of one Newton step beside the residual that is evaluated and the true one."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.certified.sequence import plain
from benchmarks.certified.settings import Row, chosen_model
from benchmarks.timing import summary
from benchmarks.unlearning.requests import draw_requests
from benchmarks.unlearning.settings import SEED
from oubli.graph import Graph, Removal
from oubli.graph.removal import RemovalPlan
from oubli.guarantees import residual_bounds
from oubli.models import CertifiedClassifier
from oubli.propagation import hop_weights
from oubli.solve.logistic import Curvature

KINDS = ("edge", "feature", "node")
DRAWS = {"cora": 200, "generated": 3}
CONVOLUTION = 0.5
FEW = 20
"""Draws where products of many digits take long."""

Matrix = NDArray[np.float64]


def measure(data: str, graph: Graph, settings: list[Row], quick: bool) -> list[Row]:
    """Return a row a kind of removal, with every draw's figures; each starts from the model of the whole graph."""
    model = chosen_model(graph, settings[0]).fit(graph)
    length = longest_features(model)
    rows = []
    for kind in KINDS:
        found = [_one(model, request, kind, length) for request in _requests(graph, kind, DRAWS.get(data, FEW))]
        row: Row = {"data": data, "kind": kind, "draws": len(found), "budget": model.odometer_.budget}
        row |= {name: summary([one[name] for one in found]) for name in found[0]}
        row["sound"] = all(one["true"] <= one["evaluated"] for one in found)
        within = [one["true"] <= one["data_dependent"] + one["solver"] <= one["worst"] + one["solver"] for one in found]
        row["ordered"] = all(within)
        rows.append(plain(row | {"all": found}))
        print({key: row[key] for key in ("data", "kind", "worst", "data_dependent", "evaluated", "true")}, flush=True)
    return rows


def _requests(graph: Graph, kind: str, draws: int) -> list[Removal]:
    if kind == "edge":
        return list(draw_requests(graph, "edge", 1, draws, SEED))
    # Nodes that train: others leave nothing in the penalty and little elsewhere.
    nodes = np.random.default_rng(SEED).permutation(graph.train_nodes)[:draws]
    return [Removal(**{f"{kind}s": [node]}) for node in nodes]


def longest_features(model: CertifiedClassifier) -> float:
    """Return the length of the longest feature row that is propagated, projected as it may be."""
    graph: Graph = model.graph_
    quantiser = model._embedding._propagation.quantiser  # type: ignore[attr-defined]
    rows = np.empty((graph.num_nodes, quantiser.width(graph.table)))
    quantiser.float_rows(graph.table, rows)
    return float(np.linalg.norm(rows, axis=1).max())


def _one(fitted: CertifiedClassifier, request: Removal, kind: str, length: float) -> dict[str, float]:
    """Remove one thing, take one exact step for every class, and return all figures, over all classes together."""
    model: Any = copy.deepcopy(fitted)
    head, graph = model._head, model.graph_
    plan = graph.resolve(request)
    shift = _shift(graph, plan, kind, length)
    left, before = float(np.linalg.norm(head.gradient)), float(np.linalg.norm(head._rows, axis=1).max())
    weight_lengths, count = np.linalg.norm(head.weights, axis=0), head.count
    trains = graph.split_codes == 1
    gone = plan.nodes[trains[plan.nodes]]
    trains[gone] = False
    model._embedding.remove(graph, plan, trains)
    slots = np.flatnonzero(trains)
    head.drop(gone)
    head.replace(slots, model._embedding.rows(graph, slots))
    rows = head._rows
    longest = max(before, float(np.linalg.norm(rows, axis=1).max()))
    curvature = Curvature(rows, head._predicted, head.strength)
    gradient = head.gradient
    step, _ = curvature.solve(gradient, 1e-13 * float(np.linalg.norm(gradient)), 2000)
    solver = float(np.linalg.norm(gradient - curvature.times(step)))
    dropped = count - head.count
    head.resume(head.weights - step, head.noise)
    gradients = [
        left + residual_bounds.gradient_shift(shift, longest, w, dropped, model.alpha) for w in weight_lengths.tolist()
    ]
    worst = [residual_bounds.worst_case(g, longest, model.alpha, head.count) for g in gradients]
    spectral = float(np.sqrt(np.linalg.eigvalsh(rows.T @ rows)[-1]))
    tight = [residual_bounds.data_dependent(rows, column, spectral) for column in step.T]
    figures = {"worst": np.linalg.norm(worst), "data_dependent": np.linalg.norm(tight), "evaluated": head.residual()}
    figures |= {"true": true_residual(model), "solver": solver, "unmoved": np.linalg.norm(gradient)}
    return {name: float(value) for name, value in figures.items()}


def _shift(graph: Graph, plan: RemovalPlan, kind: str, length: float) -> float:
    """Return the bound on the change of all rows together, from degrees alone."""
    weights, convolution = hop_weights("sgc", 2), CONVOLUTION
    degrees = graph.adjacency.count.astype(np.int64) + 1
    if kind == "edge":
        ends = plan.edges.ravel()
        return residual_bounds.edge_shift(degrees[ends], np.ones(2, np.int64), weights, convolution, length)
    (slot,) = (plan.nodes if kind == "node" else plan.features).tolist()
    if kind == "feature":
        return residual_bounds.feature_shift(int(degrees[slot]), weights, convolution, length)
    near = degrees[graph.adjacency.row(slot)]
    return residual_bounds.node_shift(int(degrees[slot]), near, weights, convolution, length)


def true_residual(model: Any) -> float:
    """Return the length of the gradient at the weights in force, in extended precision, on rows computed afresh."""
    graph: Graph = model.graph_
    slots = graph.split_slots("train")
    rows = model._make_embedding().fit(graph).rows(graph, slots).astype(np.longdouble)
    weights = model._head.weights.astype(np.longdouble)
    labels = np.searchsorted(model.classes_, graph.label_values[graph.label_codes[slots]])
    columns = weights.shape[1]
    targets = labels[:, None] == (np.arange(columns) if columns > 1 else np.ones(1))[None, :]
    pulls = 1 / (1 + np.exp(-(rows @ weights))) - targets
    gradient = rows.T @ pulls + np.longdouble(model.alpha) * len(rows) * weights + model._head.noise
    return float(np.sqrt((gradient**2).sum()))
