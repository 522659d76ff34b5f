"""The model that is measured, on each engine: how it is made, opened, warmed up and solved anew."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from benchmarks.scale.sizes import HOPS
from oubli.graph import Removal, generate_graph
from oubli.graph.disk import open_graph, write_graph
from oubli.models import SGCRidge, load_model
from oubli.propagation.threads import SERIAL_WORK

ENGINES = ("memory", "mmap", "dask")
WORKERS = 2


def make_model(engine: str, scratch: Path) -> SGCRidge:
    """Return a model that is not fitted yet."""
    workers = WORKERS if engine == "dask" else None
    return SGCRidge(hops=HOPS, engine=engine, scratch=str(scratch), workers=workers)


def open_model(folder: Path, engine: str) -> SGCRidge:
    """Return a model that was saved."""
    model = load_model(folder, engine=engine, workers=WORKERS if engine == "dask" else None)
    assert isinstance(model, SGCRidge)
    return model


def changes_in_place(engine: str) -> bool:
    """Tell whether a removal is in the model's files already, so that to save it costs little."""
    return engine == "mmap"


def solve_again(model: SGCRidge) -> None:
    """Compute messages, all hops, sums and weights anew from the graph that the model has."""
    model.engine_.fit(model.engine_.recipe)
    model._solve(model.choices_["projection"], None)


def warm_up(engine: str, features: int, scratch: Path) -> None:
    """Have all code loaded that a fit and removals need, by a small graph; nothing is left of it."""
    if engine == "dask":
        # Its code runs in workers that each model starts anew.
        return
    # Large enough for the code that several threads share.
    arcs = 6 * SERIAL_WORK // (5 * features)
    nodes = min(40_000, arcs)
    graph = generate_graph(num_nodes=nodes, num_features=features, average_degree=16)
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        write_graph(graph, Path(folder) / "graph")
        model = make_model(engine, Path(folder)).fit(open_graph(Path(folder) / "graph"))
        for request in (Removal(edges=graph.edges[:1]), Removal(nodes=graph.node_ids[-3:])):
            model.unlearn(request)
        model.unlearn(Removal(edges=graph.edges[1000 : 1000 + arcs // 32]), missing="ignore")
        model.save(Path(folder) / "model")
        solve_again(open_model(Path(folder) / "model", engine))


def described(model: SGCRidge) -> dict[str, Any]:
    """Return what a table says of a model: the size of its graph, and why it has its engine."""
    graph = model.graph_
    return {
        "nodes": graph.num_nodes,
        "found_arcs": graph.adjacency.num_arcs,
        "largest_degree": int(graph.adjacency.count.max(initial=0)),
        "engine_why": model.engine_.why,
    }
