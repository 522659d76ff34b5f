"""The choice of a ridge strength on the validation nodes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oubli.errors import InputError
from oubli.graph.graph import Graph
from oubli.models.parameters import numbers


def ridge_strengths(given: Any) -> list[float]:
    """Return the values of the parameter alpha, descending.

    Raises
    ------
    InputError
        When one is not a positive number.
    """
    alphas = numbers(given, "alpha")[::-1]
    for alpha in alphas:
        if not 0 < alpha < np.inf:
            raise InputError(f"alpha: expected positive numbers, got {alpha!r}")
    return alphas


def validation_slots(graph: Graph) -> NDArray[np.int64]:
    """Return the slots that alpha is chosen by.

    Raises
    ------
    InputError
        When there are none.
    """
    slots = graph.split_slots("val")
    if slots.size == 0:
        raise InputError("alpha: there are no validation nodes to choose by; give one alpha, or a graph with val=")
    return slots


def best_alpha(
    alphas: list[float],
    solve: Callable[[float], NDArray[np.float64]],
    score: Callable[[NDArray[np.float64]], float],
) -> tuple[float, NDArray[np.float64]]:
    """Return the alpha whose weights score best, the first of equals, and those weights."""
    best, chosen = -np.inf, (alphas[0], np.empty((0, 0)))
    for alpha in alphas:
        candidate = solve(alpha)
        found = score(candidate)
        if found > best:
            best, chosen = found, (alpha, candidate)
    return chosen
