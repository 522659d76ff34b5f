"""What shards of a Dask engine take, and what they send one another: by their number, and by the change."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.scale.models import make_model
from benchmarks.scale.requests import read_request
from benchmarks.scale.usage import metered
from oubli.graph.disk import open_graph

PARTITIONS = (1, 2, 4)


def halo(graph: str, scratch: str, requests: str, partitions: int, asked: Sequence[Sequence[Any]]) -> dict[str, Any]:
    """Fit with a worker a partition and carry out requests, each given as kind, size and number of the draw."""
    from oubli.engines.dask import DaskEngine

    model = make_model("dask", Path(scratch))
    with DaskEngine(workers=partitions, partitions=partitions) as engine:
        # The number of partitions is the engine's own to say, not a model's.
        vars(model)["_make_engine"] = lambda given: engine
        with metered("fit") as mark:
            model.fit(open_graph(graph))
        held = engine.memory()
        marks = [mark | _sent(engine) | {"kind": "fit"}]
        for kind, size, number in asked:
            request = read_request(Path(requests), kind, size, number)
            with metered("unlearn", kind=kind, size=size) as mark:
                receipt = model.unlearn(request)
            marks.append(mark | _sent(engine) | {"reached": receipt.reached, "changed": receipt.rows_changed})
        shards = [sum(shard.values()) for shard in held["shards"]]
        found = {"marks": marks, "shards": shards, "workers": list(held["workers"].values())}
        return found | {"digest": model.digest()}


def _sent(engine: Any) -> dict[str, list[int]]:
    return {"sent_rows": list(engine.traffic_.rows), "sent_bytes": list(engine.traffic_.bytes)}
