"""Classifiers kept within another: unfitted copies, and their place in the state of the outer one."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from oubli.errors import InputError
from oubli.graph.graph import Graph
from oubli.models.base import NodeClassifier

IN_MEMORY = ("auto", "memory")


def check_inner(given: Any, name: str) -> None:
    """Check that something can be within an exact model.

    Raises
    ------
    InputError
        When it is no node classifier, or its deletions are not exact.
    """
    if not isinstance(given, NodeClassifier):
        raise InputError(f"{name}: expected a node classifier, got {type(given).__name__}")
    if not given.exact:
        raise InputError(
            f"{name}: the deletions of {type(given).__name__} are not exact, and this model's would pass for exact; "
            "fit it alone"
        )
    engine = getattr(given, "engine", "auto")
    if engine not in IN_MEMORY:
        raise InputError(
            f"{name}: engine={engine!r}, and a model within another is kept in memory; leave engine out, or fit "
            f"the {type(given).__name__} alone"
        )


def unfitted(template: NodeClassifier, graph: Graph | None = None) -> NodeClassifier:
    """Return an unfitted copy; with a graph, one that can be asked what it would need there and keep of it."""
    fresh = type(template)(**template.get_params(deep=False))
    if "engine" in fresh.get_params(deep=False):
        # The outer model reads all of it and saves it with its own.
        fresh.set_params(engine="memory")
    if graph is not None:
        fresh.graph_ = graph
    return fresh


def inner_arrays(name: str, inner: NodeClassifier) -> dict[str, NDArray[Any]]:
    """Return the arrays of a model within, under names of its own, since the outer one may have the same."""
    return {f"{name}.{key}": array for key, array in inner._state_arrays().items()}


def restore_inner(
    name: str, template: NodeClassifier, outer: NodeClassifier, choices: dict[str, Any], arrays: dict[str, NDArray[Any]]
) -> NodeClassifier:
    """Return the model within that `inner_arrays` took apart, on the graph of the outer one."""
    inner, prefix = unfitted(template, outer.graph_), f"{name}."
    inner.choices_, inner.level_ = choices, outer.level_
    inner._restore({key.removeprefix(prefix): a for key, a in arrays.items() if key.startswith(prefix)})
    inner._start_life()
    return inner
