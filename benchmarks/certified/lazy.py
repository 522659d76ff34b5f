"""What residues that are left behind would cost a certificate: the bound on them in units of the gradient."""

from __future__ import annotations

import numpy as np

from benchmarks.certified.sequence import plain
from benchmarks.certified.settings import Row, chosen_model
from benchmarks.timing import Samples
from benchmarks.unlearning.requests import draw_requests
from benchmarks.unlearning.settings import SEED
from oubli.graph import Graph
from oubli.propagation import LazyPropagation, Operator, Quantiser, hop_weights

THRESHOLDS = (1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8)
EDGES = 100


def measure(data: str, graph: Graph, settings: list[Row], quick: bool) -> list[Row]:
    """Return a row a threshold, after one batch of edges; the head is that of the exact model."""
    model = chosen_model(graph, settings[0]).fit(graph)
    (request,) = draw_requests(graph, "edge", EDGES, 1, SEED)
    width = model._embedding.width
    quantiser = Quantiser(12, "l2", width if width < graph.num_features else None)
    trains = graph.split_codes == 1
    rows = []
    for rmax in (THRESHOLDS[0], *(THRESHOLDS[::3] if quick else THRESHOLDS)):
        current, times = graph.copy(), Samples()
        embedding = LazyPropagation(Operator.parse("symmetric"), hop_weights("sgc", 2), quantiser, rmax).fit(current)
        plan = current.resolve(request)
        times.time(lambda embedding=embedding, plan=plan, at=current: embedding.remove(at, plan, trains))
        bounds = times.time(lambda embedding=embedding, at=current: embedding.error_bounds(at))
        error, budget = model._head.embedding_error(bounds), model.odometer_.budget
        row = {"data": data, "rmax": rmax, "remove_ms": 1e3 * times.cpu[0], "bound_ms": 1e3 * times.cpu[1]}
        row |= {"rho": float(np.linalg.norm(bounds)), "error": error, "budget": budget, "share": error / budget}
        rows.append(plain(row))
        print(rows[-1], flush=True)
    # The first threshold came twice, once to compile.
    return rows[1:]
