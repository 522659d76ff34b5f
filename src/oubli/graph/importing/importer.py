"""Edges of any size to a graph folder, in bounded memory."""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from oubli.errors import InputError
from oubli.graph.archive import read_arrays
from oubli.graph.disk.arrays import disk_error
from oubli.graph.foreign import as_numpy
from oubli.graph.importing.given import GivenNodes, nodes_in
from oubli.graph.importing.journal import Journal
from oubli.graph.importing.orders import check_order
from oubli.graph.importing.report import ImportReport
from oubli.graph.importing.run import Import, Request
from oubli.graph.importing.sources import ArchiveSource, BlockSource, Source, open_sources
from oubli.graph.importing.sources.block import array_fingerprint, file_fingerprint
from oubli.graph.labels import SPLITS
from oubli.graph.tables import find_tables

LEAST_MEMORY = 4096

Edges = str | Path | Iterable[Any] | Callable[[], Iterable[NDArray[np.integer[Any]]]]


def import_graph(
    edges: Edges,
    folder: str | Path,
    *,
    nodes: str | Path | None = None,
    features: ArrayLike | sp.sparray | str | Path | None = None,
    labels: ArrayLike | str | Path | None = None,
    num_nodes: int | None = None,
    train: ArrayLike | str | Path | None = None,
    val: ArrayLike | str | Path | None = None,
    test: ArrayLike | str | Path | None = None,
    splits: Mapping[str, Any] | str | Path | None = None,
    self_loops: Literal["drop", "error"] = "drop",
    reorder: Literal["degree", "bfs"] | None = None,
    memory: int = 2**30,
    progress: Callable[[str, int, int], None] | None = None,
    restart: bool = False,
) -> ImportReport:
    """Bring edges of any size to a graph folder, which `open_graph` opens, in bounded memory.

    An import that is interrupted, even by a kill or a full disk, goes on where it was when it is called again with the
    same arguments. It works in a folder beside `folder`, named ``<folder>.importing``; the graph appears whole.

    Parameters
    ----------
    edges : path, list of paths, array-like of shape (edges, 2), iterable of such arrays, or callable that returns one
        Files are text as `read_tables` takes it, also compressed by gzip (``.gz``), Parquet, ``.npy`` of shape
        (edges, 2) or (2, edges), or ``.npz`` as `read_npz` takes it, which brings its nodes along if it is alone, or
        with `edge_index` and nothing of the nodes; a folder stands for its edge list and node table. Edges are
        undirected; repeated ones and both directions count once. An import from blocks can be resumed if they come
        from a list or a callable, which gives the same blocks each time.
    folder : str or Path
        A new folder for the graph.
    nodes : str or Path, optional
        A node table as `read_tables` takes it: its ids are the nodes.
    features : array-like, SciPy sparse matrix, or path of a .npy file, optional
        One row a node, in the order of the ids that are given, else of ``0 .. n-1``. A file is mapped and streamed.
    labels : array-like or path of a .npy file, optional
        Integers, negative where missing, or strings.
    num_nodes : int, optional
        Nodes are then ``0 .. num_nodes-1``. Without anything that tells the nodes these are ``0 .. largest id`` where
        edges come from NumPy's formats or Python (the ends of the edges if ids are larger than a node number can be),
        and the ends of the edges where they come from text or Parquet.
    train, val, test : array-like or path of a .npy file, optional
        Disjoint splits: boolean masks, or lists of ids.
    splits : mapping or path of an .npz file, optional
        The three by name, instead.
    self_loops : {"drop", "error"}, default "drop"
        What becomes of edges from a node to itself, which graphs here have not.
    reorder : {"degree", "bfs"}, optional
        Keep nodes in another order on the disk, so that neighbours are near each other; ids stay as they are.
    memory : int, default 2**30
        Bytes to work with, beside what is held for each node.
    progress : callable, optional
        Called with the stage, how much is done, and of how much.
    restart : bool, default False
        Begin anew if an interrupted import is there.

    Returns
    -------
    ImportReport
        What came in, and what was dropped; it is kept in the manifest of the folder as well.

    Raises
    ------
    InputError
        With the file and its line or row, for what cannot be read; when the folder is there already, or an interrupted
        import of other arguments is.
    UnknownNodeError
        For an edge or a split that names no node.
    CapacityError
        When the disk is full, or strings as ids take more memory than is given. What is done is kept.

    Examples
    --------
    >>> from oubli.graph import import_graph
    >>> from oubli.graph.disk import open_graph
    >>> report = import_graph([(0, 1), (1, 0), (1, 2), (2, 2)], "tiny")
    >>> report.edges, report.duplicates, report.self_loops
    (2, 1, 1)
    >>> open_graph("tiny")
    Graph(3 nodes, 2 edges, 0 features, 0 classes; train 0, val 0, test 0)
    """
    _check(num_nodes, self_loops, memory)
    check_order(reorder)
    target, node_path = Path(folder), None if nodes is None else Path(nodes)
    if isinstance(edges, str | Path) and Path(edges).is_dir():
        edges, node_path = find_tables(Path(edges), node_path)
    sources = open_sources(edges, memory)
    archive = _archive(sources, node_path)
    chosen = _splits(dict(zip(SPLITS, (train, val, test), strict=True)), splits)
    given = GivenNodes(node_path, archive, features, labels, num_nodes, chosen)
    request = Request(sources, given, self_loops, reorder, memory)
    once = any(isinstance(source, BlockSource) and source.once for source in sources)
    # Parameters that decide what is written, and where the parts of it go.
    arguments = {
        "edges": [source.fingerprint() for source in sources] + ([uuid.uuid4().hex] if once else []),
        "nodes": _fingerprint(node_path),
        "features": _fingerprint(features),
        "labels": _fingerprint(labels),
        "splits": {name: _fingerprint(split) for name, split in chosen.items()},
        "num_nodes": num_nodes,
        "self_loops": self_loops,
        "reorder": reorder,
        "memory": memory,
    }
    work = target.with_name(f"{target.name}.importing")
    return _run(request, arguments, target, work, progress or (lambda *done: None), restart or once)


def _archive(sources: list[Source], nodes: Path | None) -> ArchiveSource | None:
    """Return the archive that edges come from if all do, and refuse to join one with nodes of its own."""
    archives = [source for source in sources if isinstance(source, ArchiveSource)]
    if len(sources) == 1 and nodes is None:
        return archives[0] if archives else None
    for source in archives:
        if lost := nodes_in(source):
            beside = nodes if nodes is not None else "other edges"
            raise InputError(
                f"{source.path}: has nodes of its own ({', '.join(lost)}), which cannot be joined with {beside}; "
                "import it alone, or an archive with its edge_index alone"
            )
    return None


def _run(
    request: Request,
    arguments: Mapping[str, Any],
    target: Path,
    work: Path,
    progress: Callable[[str, int, int], None],
    restart: bool,
) -> ImportReport:
    if os.path.lexists(target) and not (work / "checkpoint.json").exists():
        raise InputError(f"{target}: is there already; name a new folder, or delete that one first")
    try:
        journal = Journal(work, dict(arguments), Import.STAGES[0], restart)
    except OSError as error:
        raise disk_error(work, error) from None
    try:
        if journal.stage != Import.STAGES[-1] and os.path.lexists(target):
            raise _KeptError(f"{target}: is there already; name a new folder, or delete that one first")
        report = Import(request, journal, target, progress).run()
        journal.remove()
    except _KeptError as error:
        raise InputError(str(error)) from None
    except InputError:
        # The same sources would fail again.
        journal.remove()
        raise
    except OSError as error:
        raise disk_error(Path(error.filename or work), error) from None
    finally:
        journal.close()
    return report


class _KeptError(Exception):
    """Bad input that is no reason to throw away what was done."""


def _check(num_nodes: Any, self_loops: Any, memory: Any) -> None:
    for name, value, least in (("num_nodes", num_nodes, 0), ("memory", memory, LEAST_MEMORY)):
        if value is None and name == "num_nodes":
            continue
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < least:
            raise InputError(f"{name}: expected an integer from {least:,}, got {value!r}")
    if self_loops not in ("drop", "error"):
        raise InputError(f'self_loops: expected "drop" or "error", got {self_loops!r}')


def _splits(each: Mapping[str, Any], splits: Mapping[str, Any] | str | Path | None) -> dict[str, Any]:
    """Return the splits that are given, by name."""
    chosen = {name: split for name, split in each.items() if split is not None}
    if splits is None:
        return chosen
    if chosen:
        raise InputError(f"splits: given twice, here and as {', '.join(chosen)}; leave one out")
    if isinstance(splits, str | Path):
        found = read_arrays(splits)
        if not found or not set(found) <= set(SPLITS):
            have = ", ".join(sorted(found)) or "none"
            raise InputError(f"{splits}: expected arrays of the names {', '.join(SPLITS)}; it has {have}")
        return dict(found)
    if not set(splits) <= set(SPLITS):
        raise InputError(f"splits: expected the names {', '.join(SPLITS)}, got {', '.join(map(str, splits))}")
    return {name: split for name, split in splits.items() if split is not None}


def _fingerprint(given: Any) -> Any:
    """Return plain values by which an argument is recognised."""
    if given is None:
        return None
    if isinstance(given, str | Path):
        if not Path(given).is_file():
            raise InputError(f"{given}: {'is a folder; name a file' if Path(given).is_dir() else 'no such file'}")
        return file_fingerprint(Path(given))
    if sp.issparse(given):
        return [list(given.shape), given.nnz, array_fingerprint(given.tocoo().data)]
    array = as_numpy(given)
    if isinstance(array, np.ndarray) and array.dtype != object:
        return array_fingerprint(array)
    return hashlib.sha256(repr(given).encode()).hexdigest()
