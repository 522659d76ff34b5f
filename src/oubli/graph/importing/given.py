"""What is given of the nodes, brought to files in the order it was given in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from oubli.errors import InputError
from oubli.graph.adjacency import MAX_NODES
from oubli.graph.archive import SPARSE_PARTS, node_arrays, read_arrays
from oubli.graph.disk.folder import fill
from oubli.graph.features import FeatureTable
from oubli.graph.foreign import as_numpy
from oubli.graph.ids import as_narrow
from oubli.graph.importing.node_table import NodeTable
from oubli.graph.importing.sources.binary import ArchiveSource, map_npy
from oubli.graph.labels import SPLITS, encode_labels

BLOCK = 1 << 20

ARCHIVED = frozenset(
    {"num_nodes", "node_ids", "labels", "label_names", "unlabelled_nodes", "features", *SPARSE_PARTS}
    | {f"{name}_masks" for name in SPLITS}
)
"""What is taken from an archive of a graph beside its edges."""


@dataclass(frozen=True)
class GivenNodes:
    """Arguments of an import that are about nodes.

    Attributes
    ----------
    table : Path or None
        A node table.
    archive : ArchiveSource or None
        Where edges come from that alone, which may have all else as well.
    features, labels : array-like, path of a .npy file, or None
        In the order of the ids.
    num_nodes : int or None
    splits : dict
        By name a mask or a list of ids, or the path of a .npy file with one.
    """

    table: Path | None = None
    archive: ArchiveSource | None = None
    features: Any = None
    labels: Any = None
    num_nodes: int | None = None
    splits: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Taken:
    """What `take_nodes` found.

    Attributes
    ----------
    num_nodes : int or None
        None where the edges tell.
    positions : bool
        Whether edges name positions rather than ids.
    """

    num_nodes: int | None
    positions: bool = False


def take_nodes(given: GivenNodes, folder: Path, memory: int) -> Taken:
    """Write what is given of the nodes to .npy files in a folder, but for features that are in such a file.

    Raises
    ------
    InputError
        When something cannot be read, is given twice, or sizes do not match.
    """
    taken = Taken(given.num_nodes)
    if given.table is not None:
        table = NodeTable(given.table, folder, memory)
        table.read()
        taken = _agree(taken, table.rows, f"{given.table}: has a row for each of")
    elif given.archive is not None:
        taken = _take_archive(given, folder)
    for name, what in (("features", given.features), ("labels", given.labels)):
        if what is None:
            continue
        have = folder / ("features.npy" if name == "features" else "label_codes.npy")
        if have.exists() or (name == "features" and (folder / "feature_indptr.npy").exists()):
            first = given.archive.path if given.archive is not None else given.table
            raise InputError(f"{name}: given twice, by {first} and beside it; leave one out")
        rows = take_features(what, folder) if name == "features" else take_labels(what, folder)
        taken = _agree(taken, rows, f"{_name(what, name)}: has a row for each of")
    if taken.num_nodes is not None and taken.num_nodes > MAX_NODES:
        raise InputError(f"nodes: {taken.num_nodes:,}; a graph holds at most {MAX_NODES:,}")
    return taken


def _name(given: Any, what: str) -> str:
    return str(given) if isinstance(given, str | Path) else what


def _agree(taken: Taken, rows: int, said: str) -> Taken:
    if taken.num_nodes is not None and taken.num_nodes != rows:
        raise InputError(f"{said} {rows:,} nodes, and there are {taken.num_nodes:,}; give one row a node")
    return Taken(rows, taken.positions)


def nodes_in(archive: ArchiveSource) -> list[str]:
    """Return the names of the arrays of an archive that are about nodes."""
    return sorted(name for name in archive.names if name in ARCHIVED or name.endswith("_masks"))


def _take_archive(given: GivenNodes, folder: Path) -> Taken:
    """Take what an archive has beside its edges, which name positions."""
    assert given.archive is not None
    path, told = given.archive.path, nodes_in(given.archive)
    if not told:
        return Taken(given.num_nodes)
    if "num_nodes" not in told:
        raise InputError(f"{path}: has {', '.join(told)}, and array num_nodes is missing; see oubli.graph.read_npz")
    nodes = node_arrays(read_arrays(path, ARCHIVED), str(path))
    if given.num_nodes is not None and given.num_nodes != nodes.num_nodes:
        raise InputError(f"{path}: has {nodes.num_nodes:,} nodes, and num_nodes is {given.num_nodes:,}")
    if nodes.ids is not None:
        _fresh(folder, "ids", nodes.ids)
    if nodes.labels is not None:
        take_labels(nodes.labels, folder)
    if nodes.features is not None:
        take_features(nodes.features, folder)
    codes = np.zeros(nodes.num_nodes, np.uint8)
    for code, name in enumerate(SPLITS, start=1):
        if name in nodes.masks:
            codes[nodes.masks[name]] = code
    if nodes.masks and not given.splits:
        _fresh(folder, "split_codes", codes)
    return Taken(nodes.num_nodes, positions=True)


def take_features(features: Any, folder: Path) -> int:
    """Check features, and write those that are in memory to a file; return the number of rows."""
    if isinstance(features, str | Path):
        array = map_npy(Path(features))
        check_features(array, str(features))
        return len(array)
    given = features if sp.issparse(features) else as_numpy(features)
    if sp.issparse(given):
        table = FeatureTable.from_input(given, np.arange(given.shape[0]))
        parts = (table.indptr, table.indices, table.values)
        for name, part in zip(("feature_indptr", "feature_indices", "feature_values"), parts, strict=True):
            _fresh(folder, name, part)
        _fresh(folder, "feature_width", np.array([table.shape[1]], np.int64))
        return table.shape[0]
    array = np.asarray(given)
    check_features(array, "features")
    _fresh(folder, "features", array)
    return len(array)


def check_features(array: NDArray[Any], name: str) -> None:
    """Refuse features that are no table of numbers."""
    if array.dtype.kind not in "fiub":
        raise InputError(f"{name}: expected numbers, got an array of {array.dtype}")
    if array.ndim != 2:
        raise InputError(f"{name}: expected shape (nodes, features), got {array.shape}")


def take_labels(labels: Any, folder: Path) -> int:
    """Write labels as codes, and the values that these stand for; return how many labels there are."""
    name = _name(labels, "labels")
    array = map_npy(Path(labels)) if isinstance(labels, str | Path) else as_numpy(labels)
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "iubU" or array.ndim != 1:
        if isinstance(labels, str | Path):
            raise InputError(
                f"{name}: expected integers or strings of shape (nodes,), got {array.dtype} of shape {array.shape}"
            )
        rows = len(array) if hasattr(array, "__len__") else 0
        codes, values = encode_labels(array, rows)
        _fresh(folder, "label_codes", codes)
        _fresh(folder, "label_values", values)
        return rows
    codes = np.empty(len(array), np.int32)
    values = np.empty(0, array.dtype if array.dtype.kind == "U" else np.int64)
    parts = range(0, len(array), BLOCK)
    for first in parts:
        values = np.union1d(values, encode_labels(array[first : first + BLOCK], len(array[first : first + BLOCK]))[1])
    for first in parts:
        part, found = encode_labels(array[first : first + BLOCK], len(array[first : first + BLOCK]))
        places = np.append(np.searchsorted(values, found), -1).astype(np.int32)
        codes[first : first + BLOCK] = places[part]
    _fresh(folder, "label_codes", codes)
    _fresh(folder, "label_values", as_narrow(values))
    return len(array)


def _fresh(folder: Path, name: str, array: NDArray[Any]) -> None:
    path = folder / f"{name}.npy"
    path.unlink(missing_ok=True)
    fill(path, array)
