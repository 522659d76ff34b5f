"""A graph as named arrays, for model folders: those of a file, and the ledger of what was removed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from oubli.graph import archive
from oubli.graph.graph import Graph
from oubli.graph.ledger import Ledger

LEDGER_KEY, LEDGER_HASHES = "ledger_key", "ledger_hashes"


def graph_to_arrays(graph: Graph) -> dict[str, NDArray[Any]]:
    """Return the arrays of a graph: the living nodes, and nothing of removed ones but hashes."""
    ledger = graph.index.ledger
    arrays = archive.arrays_from_graph(graph)
    arrays[LEDGER_KEY] = np.frombuffer(ledger.key, np.uint8)
    arrays[LEDGER_HASHES] = ledger.hashes()
    return arrays


def graph_from_arrays(arrays: dict[str, NDArray[Any]]) -> Graph:
    """Return the graph that `graph_to_arrays` took apart."""
    graph = archive.graph_from_arrays(arrays, "graph")
    if LEDGER_KEY in arrays:
        graph.index.ledger = Ledger(arrays[LEDGER_KEY].tobytes(), arrays[LEDGER_HASHES])
    return graph
