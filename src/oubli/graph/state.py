"""A graph as named arrays, for model folders: those of a file, and the ledger of what was removed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from oubli.graph import archive
from oubli.graph.graph import Graph
from oubli.graph.ledger import Ledger


def graph_to_arrays(graph: Graph) -> dict[str, NDArray[Any]]:
    """Return the arrays of a graph: the living nodes, and nothing of removed ones but hashes."""
    ledger = graph.index.ledger
    arrays = archive.arrays_from_graph(graph)
    arrays["ledger_key"] = np.frombuffer(ledger.key, np.uint8)
    arrays["ledger_hashes"] = ledger.hashes()
    return arrays


def graph_from_arrays(arrays: dict[str, NDArray[Any]]) -> Graph:
    """Return the graph that `graph_to_arrays` took apart."""
    graph = archive.graph_from_arrays(arrays, "graph")
    graph.index.ledger = Ledger(arrays["ledger_key"].tobytes(), arrays["ledger_hashes"])
    return graph
