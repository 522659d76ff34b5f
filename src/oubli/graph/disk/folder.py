"""A graph in a folder: mapped arrays by slot, and a manifest with the SHA-256 of each.

::

    manifest.json    format, kind "graph", nodes, arcs, files: {name: {sha256, bytes}}, notes
    ids.npy          (n,) int64 or unicode     external ids by slot
    order.npy        (n,) int64                optional: slots in ascending order of ids, where slots are in another
    start.npy        (n,) int64                row i of the adjacency is neighbours[start[i] : start[i] + count[i]]
    count.npy        (n,) int32
    neighbours.npy   (arcs,) int32             ascending in each row, both directions of every edge, no self-loops
    features.npy     (n, d) float32            or feature_indptr, feature_indices, feature_values and feature_width
    label_codes.npy  (n,) int32                position in label_values, -1 where there is none
    label_values.npy (classes,)                ascending
    split_codes.npy  (n,) uint8                0 none, 1 train, 2 val, 3 test
    alive.npy        (n,) bool                 in models alone: whether the node is still there
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oubli.errors import InputError
from oubli.graph.adjacency import Adjacency
from oubli.graph.disk.arrays import allocate, disk_error, flush_array, hash_file, map_array, mismatch
from oubli.graph.durable import flush_folder, write_and_rename
from oubli.graph.features import FeatureTable
from oubli.graph.graph import Graph
from oubli.graph.ids import NodeIndex

FORMAT = 1
MANIFEST = "manifest.json"
SPARSE = ("feature_indptr", "feature_indices", "feature_values")
KINDS = {
    "ids": ("iU", "nodes"),
    "order": ("i", "nodes"),
    "start": ("i", "nodes"),
    "count": ("i", "nodes"),
    "neighbours": ("i", "arcs"),
    "features": ("f", "nodes"),
    "feature_indptr": ("i", ""),
    "feature_indices": ("i", ""),
    "feature_values": ("f", ""),
    "feature_width": ("i", ""),
    "label_codes": ("i", "nodes"),
    "label_values": ("iU", ""),
    "split_codes": ("u", "nodes"),
}
"""Kinds of the arrays there may be, and what their length is."""

NEEDED = ("ids", "start", "count", "neighbours", "label_codes", "label_values", "split_codes")


@dataclass(frozen=True)
class GraphManifest:
    """What the manifest of a graph folder says.

    Attributes
    ----------
    nodes, arcs, features : int
        Arcs are twice the edges.
    files : dict
        By name of an array: "sha256" and "bytes" of its file.
    notes : dict
        How the graph came about, such as its sources and what was dropped; plain values.
    """

    nodes: int
    arcs: int
    features: int
    files: dict[str, dict[str, Any]]
    notes: dict[str, Any] = field(default_factory=dict)

    def write(self, folder: Path) -> None:
        """Write it to a folder, which is then a graph folder."""
        text = json.dumps({"format": FORMAT, "kind": "graph", **asdict(self)}, indent=1)
        try:
            with write_and_rename(folder / f"{MANIFEST}.new", folder / MANIFEST) as stream:
                stream.write(text.encode())
            flush_folder(folder)
        except OSError as error:
            raise disk_error(folder / MANIFEST, error) from None


def is_graph_folder(path: str | Path) -> bool:
    """Tell whether a folder holds a graph in mapped arrays."""
    try:
        return bool(json.loads((Path(path) / MANIFEST).read_text()).get("kind") == "graph")
    except (OSError, ValueError, AttributeError):
        return False


def read_graph_manifest(path: str | Path) -> GraphManifest:
    """Return the manifest of a graph folder.

    Raises
    ------
    InputError
        When there is none, it is of another version, or a file it names is missing or has another size.
    """
    folder = Path(path)
    try:
        given = json.loads((folder / MANIFEST).read_text())
        if given["format"] != FORMAT or given["kind"] != "graph":
            raise InputError(f"{folder}: not a graph folder of this version of oubli; make one with `oubli import`")
        manifest = GraphManifest(*(given[name] for name in ("nodes", "arcs", "features", "files", "notes")))
        if strange := set(manifest.files) - KINDS.keys():
            raise InputError(f"{folder / MANIFEST}: names {min(strange)!r}, which no graph has; import the graph again")
        sizes = {name: (folder / f"{name}.npy").stat().st_size for name in manifest.files}
    except (OSError, ValueError, KeyError, TypeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{folder}: no whole graph folder ({error}); make one with `oubli import`") from None
    for name, size in sizes.items():
        if size != manifest.files[name]["bytes"]:
            raise InputError(
                f"{folder / name}.npy: has {size:,} bytes instead of {manifest.files[name]['bytes']:,}: cut off or "
                "changed; import the graph again"
            )
    return manifest


def compare_checksums(graph: Graph) -> None:
    """Read the files of a graph that is mapped from a folder, and compare their SHA-256; of another graph, none.

    Raises
    ------
    InputError
        When one is damaged or was changed.
    """
    if graph.folder is None:
        return
    for name, file in read_graph_manifest(graph.folder).files.items():
        if hash_file(graph.folder / f"{name}.npy") != file["sha256"]:
            raise mismatch(graph.folder / f"{name}.npy")


def open_graph(path: str | Path) -> Graph:
    """Open a graph folder that `oubli import` or `write_graph` made, without reading it whole.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    Graph
        Its arrays are mapped: pages are read when they are needed, and the files are never changed.

    Raises
    ------
    InputError
        When there is no whole graph in the folder. Checksums are compared when the graph is copied into a model.
    """
    folder = Path(path)
    manifest = read_graph_manifest(folder)
    missing = [name for name in NEEDED if name not in manifest.files]
    if missing:
        raise InputError(f"{folder}: {missing[0]}.npy is missing; import the graph again")
    arrays = {name: map_array(folder / f"{name}.npy", "private") for name in manifest.files}
    _check_kinds(folder, manifest, arrays)
    graph = graph_from_mapped(arrays)
    graph.folder = folder.resolve()
    return graph


def _check_kinds(folder: Path, manifest: GraphManifest, arrays: Mapping[str, NDArray[Any]]) -> None:
    lengths = {"nodes": manifest.nodes, "arcs": manifest.arcs}
    for name, array in arrays.items():
        kinds, counts = KINDS[name]
        if array.dtype.kind not in kinds or array.shape[:1] != (lengths.get(counts, array.size),):
            raise InputError(
                f"{folder / name}.npy: holds {array.dtype} of shape {array.shape}, which is not what a graph of "
                f"{manifest.nodes:,} nodes and {manifest.arcs:,} arcs has; import the graph again"
            )


def graph_from_mapped(arrays: Mapping[str, NDArray[Any]]) -> Graph:
    """Return the graph of arrays by slot, which it uses as they are."""
    count, alive = arrays["count"], arrays.get("alive")
    if "features" in arrays:
        features = arrays["features"]
        table = FeatureTable((len(features), features.shape[1]), dense=features)
    else:
        indptr, indices, values = (arrays[name] for name in SPARSE)
        table = FeatureTable((count.size, int(arrays["feature_width"][0])), sparse=(indptr, indices, values))
    return Graph(
        NodeIndex(arrays["ids"], alive=alive, order=arrays.get("order")),
        Adjacency(arrays["start"], count, arrays["neighbours"]),
        table,
        arrays["label_codes"],
        arrays["label_values"],
        arrays["split_codes"],
    )


def mapped_arrays(graph: Graph) -> dict[str, NDArray[Any]]:
    """Return the arrays of a graph by slot, as they are: not copies."""
    adjacency, table = graph.adjacency, graph.table
    arrays: dict[str, NDArray[Any]] = {
        "ids": graph.index.ids,
        "alive": graph.index.alive,
        "start": adjacency.start,
        "count": adjacency.count,
        "neighbours": adjacency.neighbours,
        "label_codes": graph.label_codes,
        "label_values": graph.label_values,
        "split_codes": graph.split_codes,
    }
    if graph.index.order is not None:
        arrays["order"] = graph.index.order
    if table.dense is not None:
        return arrays | {"features": table.dense}
    width = np.array([table.shape[1]], np.int64)
    return arrays | {
        **dict(zip(SPARSE, (table.indptr, table.indices, table.values), strict=True)),
        "feature_width": width,
    }


def write_graph(graph: Graph, path: str | Path) -> GraphManifest:
    """Write a graph to a new folder of mapped arrays, which `open_graph` opens.

    Raises
    ------
    InputError
        When the folder is there already, or cannot be made.
    CapacityError
        When the disk is full.
    """
    folder = Path(path)
    try:
        folder.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise InputError(f"{folder}: cannot be made ({error.strerror or error}); name a new folder") from None
    compact = graph.compacted()
    files = {}
    for name, array in mapped_arrays(compact).items():
        if name != "alive":
            fill(folder / f"{name}.npy", array)
            files[name] = entry(folder / f"{name}.npy")
    manifest = GraphManifest(compact.num_nodes, compact.adjacency.num_arcs, compact.num_features, files)
    manifest.write(folder)
    return manifest


def replace_array(folder: Path, name: str, array: NDArray[Any]) -> None:
    """Put another array of the same length in the place of one of a graph folder."""
    manifest = read_graph_manifest(folder)
    (folder / f"{name}.npy").unlink()
    fill(folder / f"{name}.npy", array)
    replace(manifest, files=manifest.files | {name: entry(folder / f"{name}.npy")}).write(folder)


def fill(path: Path, array: NDArray[Any]) -> NDArray[Any]:
    """Write an array to a new file, and return it mapped."""
    mapped = allocate(path, array.shape, array.dtype)
    mapped[...] = array
    flush_array(mapped)
    return mapped


def entry(path: Path) -> dict[str, Any]:
    """Return what a manifest says of a file."""
    return {"sha256": hash_file(path), "bytes": path.stat().st_size}
