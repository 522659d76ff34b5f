"""The data of a mapped graph for another process: linked to, and imported again with its edges in another order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oubli.graph.disk.arrays import allocate, map_array
from oubli.graph.disk.folder import SPARSE, graph_from_mapped, open_graph, replace_array
from oubli.graph.graph import Graph
from oubli.graph.importing import import_graph
from oubli.graph.labels import SPLITS

LINKS = "mapped"
FEATURES = ("features", *SPARSE, "feature_width")
RAW = ("ids", "order", "alive", "start", "count", "neighbours", "label_codes", "split_codes", *FEATURES)
BLOCK = 1 << 18
"""Nodes whose edges are imported at a time, or rows that are copied."""


def link_graph(source: Path, files: Mapping[str, str], folder: Path) -> None:
    """Link to the files of a graph's own arrays, and to none of what was made of them."""
    links = folder / LINKS
    links.mkdir(mode=0o700)
    for name, file in files.items():
        if name in RAW:
            (links / f"{name}.npy").symlink_to((source / file).resolve())


def has_links(folder: Path) -> bool:
    """Tell whether `link_graph` was here."""
    return (folder / LINKS).is_dir()


def import_again(folder: Path, label_values: NDArray[Any], seed: int) -> Graph:
    """Return the living part of a linked graph, imported anew: its edges in another order, some turned round."""
    arrays = {file.stem: map_array(file, "private") for file in sorted((folder / LINKS).iterdir())}
    given = graph_from_mapped({**arrays, "label_values": label_values})
    slots = given.index.living_slots()
    ranks = given.index.ranks()
    codes = given.label_codes[slots]
    missing: Any = "" if label_values.dtype.kind == "U" else -1
    import_graph(
        lambda: _blocks(given, ranks, seed),
        folder / "again",
        num_nodes=slots.size,
        features=_living_features(given, slots, folder),
        labels=np.append(label_values, missing)[codes],
        splits={name: given.split_codes[slots] == code for code, name in enumerate(SPLITS, start=1)},
    )
    replace_array(folder / "again", "ids", given.index.ids[slots])
    return open_graph(folder / "again")


def _blocks(graph: Graph, ranks: NDArray[np.int64], seed: int) -> Iterator[NDArray[np.int64]]:
    generator = np.random.default_rng(seed)
    starts = np.arange(0, graph.adjacency.start.size, BLOCK)
    for first in generator.permutation(starts).tolist():
        edges = ranks[graph.adjacency.edges_from(first, min(first + BLOCK, graph.adjacency.start.size))]
        turned = generator.random(len(edges)) < 0.5
        edges[turned] = edges[turned, ::-1]
        yield edges


def _living_features(graph: Graph, slots: NDArray[np.int64], folder: Path) -> Any:
    if graph.table.dense is None:
        return graph.table.take(slots).to_scipy()
    out = allocate(folder / "features.npy", (slots.size, graph.num_features), np.float32)
    for first in range(0, slots.size, BLOCK):
        out[first : first + BLOCK] = graph.table.dense[slots[first : first + BLOCK]]
    return folder / "features.npy"
