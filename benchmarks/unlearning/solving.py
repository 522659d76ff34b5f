"""The yardstick: a full re-solve of a model on the graph it still has, whole and in its parts."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import singledispatch
from typing import Any

import numpy as np

from benchmarks.timing import interleave, summary
from oubli.engines import MemoryEngine
from oubli.models import NodeClassifier, SGCRidge
from oubli.propagation import hop as kernels


@singledispatch
def solve_again(model: NodeClassifier) -> None:
    """Compute everything anew from the model's graph, choices included.

    The graph is in memory and is neither copied nor parsed nor validated, so this is the least a re-solve can do.
    """
    model._fit(None)


@solve_again.register
def _(model: SGCRidge) -> None:
    # Quantised features, hops, Gram, weights, in memory that the twin has already.
    engine = _engine(model)
    engine.propagation.fit(model.graph_)
    engine.sum_rows()
    model._solve(model.choices_["projection"], None)


@singledispatch
def twin(model: NodeClassifier) -> NodeClassifier:
    """Return a model on the same graph object that shares nothing else: solving it again mends nothing in `model`."""
    # What a fit computes is all assigned anew.
    return copy.copy(model)


@twin.register
def _(model: SGCRidge) -> SGCRidge:
    other = copy.copy(model)
    other._engine = copy.copy(model._engine)
    other._engine.propagation = other._engine.recipe.propagation()
    return other


def _engine(model: SGCRidge) -> MemoryEngine:
    assert isinstance(model._engine, MemoryEngine)
    return model._engine


def time_parts(model: SGCRidge, draws: int) -> list[dict[str, Any]]:
    """Return CPU seconds of the parts of a re-solve, each on its own and writing into memory it already has."""
    samples = interleave(_parts(model) | {"whole, as timed below": lambda: solve_again(model)}, draws)
    rows = [{"part": name, "cpu": summary(times.cpu)} for name, times in samples.items()]
    total = sum(row["cpu"]["median"] for row in rows[:-1])
    rows.insert(-1, {"part": "sum of the parts", "cpu": {"median": total}})
    return rows


def _parts(model: SGCRidge) -> dict[str, Callable[[], Any]]:
    graph, propagation = model.graph_, _engine(model).propagation
    lists = graph.adjacency.start, graph.adjacency.count, graph.adjacency.neighbours
    scale = propagation.operator.message_scale(graph.adjacency.count.astype(np.int64) + 1)
    inputs = [propagation.messages]
    parts: dict[str, Callable[[], Any]] = {
        "quantise": lambda: propagation.quantiser.all_rows(graph.table, lambda slots: scale[slots])
    }
    for hop, totals in enumerate(propagation.totals, start=1):
        following = np.empty_like(propagation.messages[: len(totals) if hop < propagation.hops else 0])
        parts[f"hop {hop}"] = _hop(lists, inputs[-1], totals, following)
        inputs.append(following)
        if hop < propagation.hops:
            kernels.round_all(totals.size, totals, graph.adjacency.count, following)
    parts["Gram"] = _engine(model).sum_rows
    parts["solve"] = lambda: model._solve(model.choices_["projection"], None)
    return parts


def _hop(lists: Any, messages: Any, totals: Any, following: Any) -> Callable[[], Any]:
    return lambda: kernels.full_hop(totals.size, *lists, messages, totals, following)
