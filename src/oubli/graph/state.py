"""A graph as named arrays, for model folders."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from oubli.graph.adjacency import Adjacency
from oubli.graph.features import FeatureTable
from oubli.graph.graph import Graph
from oubli.graph.ids import NodeIndex
from oubli.graph.ledger import Ledger


def graph_to_arrays(graph: Graph) -> dict[str, NDArray[Any]]:
    """Return the arrays of a compacted copy of the graph: the living nodes, and nothing of removed ones but hashes."""
    small = graph.compacted()
    arrays = {
        "ids": small.index.ids,
        "edges": small.adjacency.edges().astype(np.int32),
        "label_codes": small.label_codes,
        "label_values": small.label_values,
        "split_codes": small.split_codes,
        "key": np.frombuffer(small.index.ledger.key, np.uint8),
        "removed_hashes": small.index.ledger.hashes(),
        "feature_shape": np.array(small.table.shape, np.int64),
    }
    if small.table.dense is not None:
        return arrays | {"features": small.table.dense}
    names = ("feature_indptr", "feature_indices", "feature_values")
    return arrays | dict(zip(names, (small.table.indptr, small.table.indices, small.table.values), strict=True))


def graph_from_arrays(arrays: dict[str, NDArray[Any]]) -> Graph:
    """Return the graph that `graph_to_arrays` took apart."""
    ids = arrays["ids"]
    rows, columns = arrays["feature_shape"].tolist()
    if "features" in arrays:
        table = FeatureTable((rows, columns), dense=arrays["features"])
    else:
        triple = arrays["feature_indptr"], arrays["feature_indices"], arrays["feature_values"]
        table = FeatureTable((rows, columns), sparse=triple)
    return Graph(
        NodeIndex(ids, Ledger(arrays["key"].tobytes(), arrays["removed_hashes"])),
        Adjacency.from_pairs(ids.size, arrays["edges"].astype(np.int64)),
        table,
        arrays["label_codes"],
        arrays["label_values"],
        arrays["split_codes"],
    )
