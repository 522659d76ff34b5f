"""Graphs in one file: compressed NumPy archives (.npz), read without pickle and written whole or not at all.

The arrays of a node-level file::

    num_nodes                              n
    edge_index         (2, edges)          one column an undirected edge, positions 0 .. n-1
    node_ids           (n,)                optional: external ids by position, when they are not 0 .. n-1
    features           (n, d)              dense features, or instead
    feat_indptr, feat_indices, feat_data, feat_shape                 the parts of compressed sparse rows
    labels             (n,)                optional: integers, negative where missing
    label_names        (classes,)          optional: the value that each label stands for, when that is not the label
    unlabelled_nodes   (k,)                optional: positions whose label is missing, whatever `labels` holds
    train_masks, val_masks, test_masks     (splits, n), optional; further groups of splits as `geom_train_masks` ...
"""

from __future__ import annotations

import zipfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from oubli.errors import CapacityError, InputError
from oubli.graph.durable import write_beside
from oubli.graph.graph import Graph, graph_at_positions
from oubli.graph.labels import SPLITS

Arrays = dict[str, NDArray[Any]]
# A RuntimeError is zipfile's word for members that are encrypted, or packed in a way that it does not know.
DAMAGE = (zipfile.BadZipFile, OSError, EOFError, ValueError, RuntimeError)
SPARSE_PARTS = ("feat_indptr", "feat_indices", "feat_data", "feat_shape")


def read_npz(path: str | Path, split: int | str | None = 0) -> Graph:
    """Read a graph from an .npz file.

    Parameters
    ----------
    path : str or Path
        A node-level file (the arrays are listed at the top of this module). Nothing in it is unpickled.
    split : int or str or None, default 0
        Which row of the masks to use; ``"geom:3"`` is row 3 of `geom_train_masks` and its kin; None leaves the splits
        empty. A file without masks gives a graph without splits. Nodes without a label are left out of every split.

    Returns
    -------
    Graph
        Without feature columns when the file has none.

    Raises
    ------
    InputError
        When there is no such file, it is not an .npz, it is damaged or holds pickled objects, an array is missing or
        has the wrong shape, it is a graph classification file, or the split is not there.
    CapacityError
        When an array does not fit memory.

    Examples
    --------
    >>> from oubli import Graph
    >>> from oubli.graph import read_npz, write_npz
    >>> write_npz(Graph.from_edges([("a", "b")], labels=["x", "y"], node_ids=["a", "b"]), "tiny.npz")
    >>> read_npz("tiny.npz").labels.tolist()
    ['x', 'y']
    """
    return graph_from_arrays(read_arrays(path), f"{path}", split)


def write_npz(graph: Graph, path: str | Path) -> None:
    """Write a graph to an .npz file that `read_npz` reads back to an equal graph.

    The file appears whole or not at all: it is written beside `path`, flushed to the disk, and renamed.

    Parameters
    ----------
    graph : Graph
        Only what is still in it is written: no trace of what was removed.
    path : str or Path
        Overwritten if it is there.

    Raises
    ------
    InputError
        When the folder is not there or may not be written to.
    CapacityError
        When the disk is full; a file that was at `path` before is untouched.
    """
    write_arrays(arrays_from_graph(graph), path)


def read_arrays(path: str | Path, only: Collection[str] | None = None) -> Arrays:
    """Return the arrays of an .npz file (those in `only`, if they are there), refusing pickled ones.

    Raises
    ------
    InputError
        When there is no such file, it is not an .npz, or it is damaged.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError(f"{path}: {'is a folder, not an .npz file' if path.is_dir() else 'no such file'}")
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except DAMAGE as error:
        raise InputError(f"{path}: not a whole .npz file ({error}); fetch or write it again") from None
    if not names or not all(name.endswith(".npy") for name in names):
        raise InputError(f"{path}: a zip file, but not an .npz: it must hold .npy arrays and nothing else")
    found = {name.removesuffix(".npy"): name for name in names}
    return {name: _read_array(path, member) for name, member in found.items() if only is None or name in only}


def _read_array(path: Path, name: str) -> NDArray[Any]:
    try:
        with zipfile.ZipFile(path) as archive, archive.open(name) as member:
            array: NDArray[Any] = np.lib.format.read_array(member, allow_pickle=False)
            member.read()  # to the end, where the checksum is checked
            return array
    except MemoryError:
        raise CapacityError(f"{path}: array {name} does not fit memory (or the file is damaged)") from None
    except Exception as error:  # a damaged archive fails in more ways than zipfile, zlib and NumPy document
        if "Object arrays" in str(error):
            raise InputError(
                f"{path}: array {name} holds pickled Python objects, which could run code when read; "
                "save it as numbers or strings (dtype=str, not object)"
            ) from None
        raise InputError(f"{path}: array {name} is damaged ({error}); fetch or write the file again") from None


def write_arrays(arrays: Mapping[str, NDArray[Any]], path: str | Path) -> None:
    """Write arrays to an .npz file, whole or not at all."""
    with write_beside(path) as file:
        np.savez_compressed(file, **arrays)  # type: ignore[arg-type]


def arrays_from_graph(graph: Graph) -> Arrays:
    """Return the arrays of a graph as they stand in a file."""
    graph = graph.compacted()
    ids, codes = graph.node_ids, graph.label_codes
    out: Arrays = {
        "num_nodes": np.asarray(graph.num_nodes, np.int32),
        "edge_index": graph.adjacency.edge_index(),
    }
    if not np.array_equal(ids, np.arange(ids.size)):
        out["node_ids"] = ids
    if graph.num_features and graph.table.is_sparse:
        out |= sparse_parts(graph.table.to_scipy())
    elif graph.num_features:
        out["features"] = graph.table.to_dense()
    if ids.size and (graph.label_values.size or graph.label_values.dtype.kind == "U"):
        out["labels"] = np.maximum(codes, 0)
        names = graph.label_values
        if names.dtype.kind == "U" or not np.array_equal(names, np.arange(names.size)):
            out["label_names"] = names
        if np.any(codes < 0):
            out["unlabelled_nodes"] = np.flatnonzero(codes < 0).astype(np.int32)
    if graph.split_codes.any():
        out |= {f"{name}_masks": (graph.split_codes == code)[None] for code, name in enumerate(SPLITS, start=1)}
    return out


def sparse_parts(matrix: Any) -> Arrays:
    """Return the parts of a SciPy sparse matrix as they stand in a file."""
    matrix = sp.csr_array(matrix)
    return {
        "feat_indptr": matrix.indptr.astype(np.int64 if matrix.nnz >= 2**31 else np.int32),
        "feat_indices": matrix.indices.astype(np.uint16 if matrix.shape[1] <= 2**16 else np.int32),
        "feat_data": matrix.data.astype(np.float32),
        "feat_shape": np.asarray(matrix.shape, np.int32),
    }


def graph_from_arrays(arrays: Mapping[str, NDArray[Any]], where: str, split: int | str | None = 0) -> Graph:
    """Return the graph that a file's arrays describe; `where` names the file in errors."""
    num_nodes = _num_nodes(arrays, where)
    edges = arrays["edge_index"]
    if edges.ndim != 2 or edges.shape[0] != 2 or edges.dtype.kind not in "iu":
        raise InputError(f"{where}: edge_index must be integers of shape (2, edges), got {edges.dtype} {edges.shape}")
    if edges.size and (int(edges.min()) < 0 or int(edges.max()) >= num_nodes):
        raise InputError(f"{where}: edge_index names a node outside 0 .. {num_nodes - 1}")
    nodes = node_arrays(arrays, where, split)
    ids = np.arange(num_nodes) if nodes.ids is None else nodes.ids
    try:
        pairs = edges.T if edges.dtype == np.int32 else edges.T.astype(np.int64)
        return graph_at_positions(pairs, ids, nodes.features, nodes.labels, nodes.masks)
    except InputError as error:
        raise type(error)(f"{where}: {error}") from None


@dataclass(frozen=True)
class NodeArrays:
    """What a file tells of nodes, by position.

    Attributes
    ----------
    num_nodes : int
    ids, labels : ndarray or None
    features : ndarray, SciPy matrix or None
    masks : dict of str to ndarray of bool
        Splits by name.
    """

    num_nodes: int
    ids: NDArray[Any] | None
    features: Any
    labels: NDArray[Any] | None
    masks: dict[str, NDArray[np.bool_]]


def node_arrays(arrays: Mapping[str, NDArray[Any]], where: str, split: int | str | None = 0) -> NodeArrays:
    """Return what a file's arrays tell of nodes; `where` names the file in errors."""
    num_nodes = _count_nodes(arrays, where)
    ids = arrays.get("node_ids")
    if ids is not None:
        _check_length(ids, num_nodes, "node_ids", where)
    labels, labelled = _labels(arrays, num_nodes, where)
    masks = {name: mask & labelled for name, mask in _masks(arrays, num_nodes, split, where).items()}
    return NodeArrays(num_nodes, ids, _features(arrays, num_nodes, where), labels, masks)


def _num_nodes(arrays: Mapping[str, NDArray[Any]], where: str) -> int:
    if "graph_ptr" in arrays:
        raise InputError(
            f"{where}: a graph classification file (many graphs, a label each), which oubli.graph.load_collection "
            "reads; expected a node-level file, one graph with a label a node"
        )
    for name in ("num_nodes", "edge_index"):
        if name not in arrays:
            have = ", ".join(sorted(arrays)) or "none"
            raise InputError(f"{where}: array {name} is missing (the file has: {have}); see oubli.graph.read_npz")
    return _count_nodes(arrays, where)


def _count_nodes(arrays: Mapping[str, NDArray[Any]], where: str) -> int:
    given = arrays["num_nodes"]
    if given.size != 1 or given.dtype.kind not in "iu" or int(given.item()) < 0:
        raise InputError(f"{where}: num_nodes must be one integer, not negative; got {given!r}")
    return int(given.item())


def _features(arrays: Mapping[str, NDArray[Any]], num_nodes: int, where: str) -> Any:
    if "features" in arrays:
        return arrays["features"]
    parts = [name for name in SPARSE_PARTS if name in arrays]
    if not parts:
        return None
    if len(parts) < len(SPARSE_PARTS):
        missing = ", ".join(sorted(set(SPARSE_PARTS) - set(parts)))
        raise InputError(f"{where}: sparse features need {', '.join(SPARSE_PARTS)}; missing: {missing}")
    indptr, indices, data, shape = (arrays[name] for name in SPARSE_PARTS)
    try:
        matrix = sp.csr_array((data, indices.astype(np.int32), indptr), shape=tuple(int(d) for d in shape))
        matrix.check_format(full_check=True)
    except (ValueError, TypeError) as error:
        raise InputError(f"{where}: feat_indptr, feat_indices, feat_data do not fit together ({error})") from None
    return matrix


def _labels(arrays: Mapping[str, NDArray[Any]], num_nodes: int, where: str) -> tuple[Any, NDArray[np.bool_]]:
    labelled = np.ones(num_nodes, bool)
    if "labels" not in arrays:
        return None, labelled
    labels = arrays["labels"]
    _check_length(labels, num_nodes, "labels", where)
    if labels.dtype.kind in "iuf":
        labelled = labels >= 0
    unlabelled = arrays.get("unlabelled_nodes", np.empty(0, np.int64))
    if unlabelled.dtype.kind not in "iu" or np.any(unlabelled < 0) or np.any(unlabelled >= num_nodes):
        raise InputError(f"{where}: unlabelled_nodes must be integers in 0 .. {num_nodes - 1}")
    labelled[unlabelled.astype(np.int64)] = False
    if "label_names" not in arrays:
        values = labels.astype(np.int64) if labels.dtype.kind in "iu" else labels.copy()
    else:
        names = arrays["label_names"]
        codes = labels[labelled]
        if names.ndim != 1 or labels.dtype.kind not in "iu" or np.any(codes >= names.size):
            raise InputError(f"{where}: label_names must give a name for every label; it has {names.size}")
        values = np.zeros(num_nodes, names.dtype)
        values[labelled] = names[codes]
    values[~labelled] = "" if values.dtype.kind == "U" else -1
    return values, labelled


def _masks(
    arrays: Mapping[str, NDArray[Any]], num_nodes: int, split: int | str | None, where: str
) -> dict[str, NDArray[np.bool_]]:
    group, _, number = str(split).rpartition(":")
    prefix = f"{group}_" if group else ""
    masked = {name: array.shape for name, array in arrays.items() if name.endswith("train_masks") and array.ndim}
    groups = {name.removesuffix("train_masks"): shape[0] for name, shape in masked.items()}
    if split is None or (not groups and str(split) == "0"):
        return {}
    if isinstance(split, bool) or not number.isdecimal() or int(number) >= groups.get(prefix, 0):
        ranges = [(p.replace("_", ":"), n - 1) for p, n in sorted(groups.items()) if n]
        have = " and ".join(f"{p}0" + (f" to {p}{last}" if last else "") for p, last in ranges)
        raise InputError(f"{where}: no split {split!r}; it has {have or 'none: pass split=0'}")
    masks = {}
    for name in SPLITS:
        stored = arrays.get(f"{prefix}{name}_masks")
        if stored is None:
            continue
        if stored.dtype != bool or stored.ndim != 2 or stored.shape != (groups[prefix], num_nodes):
            raise InputError(
                f"{where}: {prefix}{name}_masks must be booleans of shape ({groups[prefix]}, {num_nodes}), "
                f"got {stored.dtype} {stored.shape}"
            )
        masks[name] = stored[int(number)]
    return masks


def _check_length(array: NDArray[Any], num_nodes: int, name: str, where: str) -> None:
    if array.shape != (num_nodes,):
        raise InputError(f"{where}: {name} must have one entry a node, shape ({num_nodes},), got {array.shape}")
