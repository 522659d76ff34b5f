"""oubli: graph models that forget, exactly, at the cost of the change."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from oubli.graph import Graph, Removal
    from oubli.graph.datasets import load_dataset
    from oubli.guarantees import Verification, verify
    from oubli.models import load_model

__version__ = "0.1.0"

__all__ = ["Graph", "Removal", "Verification", "load_dataset", "load_model", "verify"]

# Imported on first use: `oubli --help` need not wait for NumPy and Numba.
_HOMES = {
    "Graph": "oubli.graph",
    "Removal": "oubli.graph",
    "Verification": "oubli.guarantees",
    "load_dataset": "oubli.graph.datasets",
    "load_model": "oubli.models",
    "verify": "oubli.guarantees",
}
_FLOORS = ("audit", "engines", "errors", "federated", "graph", "guarantees", "models", "propagation", "report", "solve")


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    if name in _FLOORS:
        return import_module(f"oubli.{name}")
    raise AttributeError(f"module 'oubli' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
