"""Archives of the TU collection: many graphs with a label each, as text, read into the arrays of an .npz."""

from __future__ import annotations

import warnings
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oubli.errors import InputError
from oubli.graph.archive import Arrays

NEEDED: Mapping[str, Any] = {"A": np.int64, "graph_indicator": np.int64, "graph_labels": np.int64}
OPTIONAL: Mapping[str, Any] = {"node_labels": np.int64, "node_attributes": np.float64, "edge_labels": np.int64}
LARGEST_FILE = 1 << 30  # bytes, beyond any of these data sets: a small archive can unpack to terabytes


def read_tu(folder: Path, name: str) -> Arrays:
    """Read ``<name>.zip`` of the TU collection (Morris and others, "TUDataset", 2020; chrsmrrs.github.io/datasets).

    Nothing is unpacked onto the disk: ``<name>/<name>_A.txt``, ``_graph_indicator.txt``, ``_graph_labels.txt`` and,
    where there are any, ``_node_labels.txt``, ``_node_attributes.txt`` and ``_edge_labels.txt`` are read in place, and
    other files are left alone. Directions are forgotten, self-loops dropped.

    Returns
    -------
    dict of str to ndarray
        ``graph_ptr`` (graphs + 1), ``edge_index`` (2, edges) with ``u < v``, ascending, ``graph_labels`` (classes
        ``0 .. C-1``) and ``graph_label_values`` (what they are in the archive); as there are any, ``node_labels``
        (nodes,), ``node_attributes`` (nodes, columns) and ``edge_labels`` (edges,).

    Raises
    ------
    InputError
        When the archive is damaged, or its files do not fit together.
    """
    path = folder / f"{name}.zip"
    try:
        with zipfile.ZipFile(path) as archive:
            there = set(archive.namelist())
            files = {part: f"{name}/{name}_{part}.txt" for part in (*NEEDED, *OPTIONAL)}
            missing = [files[part] for part in NEEDED if files[part] not in there]
            if missing:
                raise InputError(f"{path}: {missing[0]} is missing; is this an archive of the TU collection?")
            texts = {part: _text(archive, path, file) for part, file in files.items() if file in there}
    # The last two are zipfile's own, for a packing that it does not know and for a password: caught, not raised here.
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError) as error:
        raise InputError(f"{path}: not a whole archive ({error}); fetch it again") from None
    kinds = {**NEEDED, **OPTIONAL}
    return _arrays(path, {part: _numbers(path, files[part], text, kinds[part]) for part, text in texts.items()})


def _text(archive: zipfile.ZipFile, path: Path, file: str) -> str:
    size = archive.getinfo(file).file_size
    if size > LARGEST_FILE:
        raise InputError(f"{path}: {file} has {size} bytes, more than any data set of the collection; refused")
    return archive.read(file).decode("ascii", errors="replace")


def _numbers(path: Path, file: str, text: str, kind: Any) -> NDArray[Any]:
    """Return the numbers of a file, shape (lines, columns)."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of a file without lines: graphs without edges
            return np.loadtxt(text.splitlines(), dtype=kind, delimiter=",", ndmin=2)
    except ValueError as error:
        raise InputError(f"{path}: {file}: expected numbers separated by commas ({error})") from None


def _arrays(path: Path, parts: Mapping[str, NDArray[Any]]) -> Arrays:
    owner, labels = _column(path, parts, "graph_indicator"), _column(path, parts, "graph_labels")
    num_graphs = len(labels)
    sizes = np.bincount(np.clip(owner, 0, num_graphs + 1), minlength=num_graphs + 2)
    if not num_graphs or sizes[0] or sizes[-1] or not sizes[1:-1].all() or (np.diff(owner) < 0).any():
        raise InputError(
            f"{path}: graph_indicator must name the graphs 1 .. {num_graphs} of graph_labels in ascending order, "
            "each of them once or more"
        )
    values, classes = np.unique(labels, return_inverse=True)
    out: Arrays = {
        "graph_ptr": np.concatenate([[0], np.cumsum(sizes[1:-1])]).astype(np.int32),
        "graph_labels": classes.astype(np.int64),
        "graph_label_values": values,
    }
    arcs = parts["A"].reshape(-1, 2) if not parts["A"].size else parts["A"]
    if arcs.shape[1] != 2 or (arcs.size and not 1 <= arcs.min() <= arcs.max() <= len(owner)):
        raise InputError(f"{path}: A must have two nodes in 1 .. {len(owner)} a line")
    if (owner[arcs[:, 0] - 1] != owner[arcs[:, 1] - 1]).any():
        raise InputError(f"{path}: A joins nodes of different graphs")
    low, high = arcs.min(axis=1, initial=len(owner)) - 1, arcs.max(axis=1, initial=0) - 1
    # Of the two lines of an edge, the first stands for both.
    keys, first = np.unique(low * len(owner) + high, return_index=True)
    first = first[keys // len(owner) != keys % len(owner)]
    out["edge_index"] = np.stack([low[first], high[first]]).astype(np.int32)
    if "edge_labels" in parts:
        out["edge_labels"] = _column(path, parts, "edge_labels", len(arcs))[first]
    if "node_labels" in parts:
        out["node_labels"] = _column(path, parts, "node_labels", len(owner))
    if "node_attributes" in parts:
        out["node_attributes"] = _lines(path, parts, "node_attributes", len(owner)).astype(np.float32)
    return out


def _lines(path: Path, parts: Mapping[str, NDArray[Any]], part: str, lines: int) -> NDArray[Any]:
    if len(parts[part]) != lines:
        raise InputError(f"{path}: {part} has {len(parts[part])} lines, and should have {lines}")
    return parts[part]


def _column(path: Path, parts: Mapping[str, NDArray[Any]], part: str, lines: int | None = None) -> NDArray[np.int64]:
    given = parts[part] if lines is None else _lines(path, parts, part, lines)
    if given.ndim != 2 or given.shape[1] != 1:
        raise InputError(f"{path}: {part} must have one number a line, and has {given.shape[1:]}")
    return np.asarray(given[:, 0], np.int64)
