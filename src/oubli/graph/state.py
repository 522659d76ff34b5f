"""A graph as named arrays, for model folders: those of a file, and the ledger of what was removed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

from oubli.graph import archive
from oubli.graph.disk.folder import graph_from_mapped
from oubli.graph.graph import Graph
from oubli.graph.ids import as_narrow
from oubli.graph.ledger import Ledger

LEDGER_KEY, LEDGER_HASHES = "ledger_key", "ledger_hashes"


def graph_to_arrays(graph: Graph) -> dict[str, NDArray[Any]]:
    """Return the arrays of a graph: the living nodes, and nothing of removed ones but hashes."""
    return archive.arrays_from_graph(graph) | _ledger_arrays(graph.index.ledger)


def graph_from_arrays(arrays: dict[str, NDArray[Any]]) -> Graph:
    """Return the graph that `graph_to_arrays` took apart."""
    graph = archive.graph_from_arrays(arrays, "graph")
    if LEDGER_KEY in arrays:
        graph.index.ledger = Ledger(arrays[LEDGER_KEY].tobytes(), arrays[LEDGER_HASHES])
    return graph


def beside_store(graph: Graph) -> dict[str, NDArray[Any]]:
    """Return what is kept of a graph beside its mapped arrays: the label values in use, and the ledger."""
    codes, values = graph.label_codes, graph.label_values.copy()
    used = _in_use(codes, values.size)
    # A value that is used no more is overwritten by the one before it: the order stays, and a search finds the first.
    for at in np.flatnonzero(~used).tolist():
        values[at] = values[at - 1] if at else np.zeros(1, values.dtype)[0] if values.dtype.kind == "U" else -1
    return {"label_values": as_narrow(values), **_ledger_arrays(graph.index.ledger)}


def graph_of_store(mapped: Mapping[str, NDArray[Any]], beside: Mapping[str, NDArray[Any]]) -> Graph:
    """Return the graph of mapped arrays and of what `beside_store` returned."""
    graph = graph_from_mapped({**mapped, "label_values": beside["label_values"]})
    graph.index.ledger = Ledger(beside[LEDGER_KEY].tobytes(), beside[LEDGER_HASHES])
    return graph


def _ledger_arrays(ledger: Ledger) -> dict[str, NDArray[Any]]:
    return {LEDGER_KEY: np.frombuffer(ledger.key, np.uint8), LEDGER_HASHES: ledger.hashes()}


@nb.njit(cache=True)
def _in_use(codes, values):  # type: ignore[no-untyped-def]
    """Tell which codes are there, and look no further once all were seen."""
    used = np.zeros(values, np.bool_)
    left = values
    for code in codes:
        if left == 0:
            break
        if code >= 0 and not used[code]:
            used[code] = True
            left -= 1
    return used
