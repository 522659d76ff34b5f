"""What the homes of public data sets serve, read into the arrays that `oubli.graph.archive` writes.

Each reader takes the folder with the downloaded files and returns arrays. Self-loops are dropped, directions forgotten.
"""

from __future__ import annotations

import gzip
import io
import pickle
import zipfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from oubli.errors import InputError
from oubli.graph.adjacency import unique_pairs
from oubli.graph.archive import Arrays, read_arrays, sparse_parts
from oubli.graph.labels import SPLITS

PLANETOID_PARTS = ("x", "tx", "allx", "y", "ty", "ally", "graph", "test.index")
PLANETOID_VALIDATION = 500  # the nodes after the training nodes, by the data sets' convention
SPARSE_BELOW = 0.25  # share of non-zero features below which they are kept sparse


def read_planetoid(folder: Path, name: str) -> Arrays:
    """Read ``ind.<name>.*`` of github.com/kimiyoung/planetoid: pickles of Python 2, read with an allow-list.

    Test nodes that the files leave out (15 of citeseer) have no features and no label.
    """
    x, tx, allx, y, ty, ally, graph = (
        load_known_pickle(folder / f"ind.{name}.{part}") for part in PLANETOID_PARTS if part != "test.index"
    )
    test_nodes = _integers(folder / f"ind.{name}.test.index")
    try:
        pairs = np.array([(u, v) for u, near in graph.items() for v in near], np.int64).reshape(-1, 2)
        known, num_train = allx.shape[0], y.shape[0]
        num_nodes = max(known, int(test_nodes.max()) + 1, int(pairs.max(initial=-1)) + 1)
        nodes = np.concatenate([np.arange(known), test_nodes])
        features = sp.coo_array(sp.vstack([allx, tx]))
        one_hot = np.zeros((num_nodes, ally.shape[1]), np.int64)
        one_hot[nodes] = np.concatenate([ally, ty])
        matrix = sp.csr_array((features.data, (nodes[features.row], features.col)), shape=(num_nodes, x.shape[1]))
    except (AttributeError, IndexError, TypeError, ValueError) as error:
        raise InputError(f"{folder}: the files ind.{name}.* do not fit together ({error})") from None
    validation = np.arange(num_train, min(num_train + PLANETOID_VALIDATION, known))
    splits = {"train": np.arange(num_train), "val": validation, "test": test_nodes}
    return {
        **_edges(num_nodes, pairs),
        **sparse_parts(matrix),
        "labels": one_hot.argmax(axis=1),
        "unlabelled_nodes": np.flatnonzero(~one_hot.any(axis=1)),
        **{f"{split}_masks": np.isin(np.arange(num_nodes), splits[split])[None] for split in SPLITS},
    }


def read_heterophilous(folder: Path, name: str) -> Arrays:
    """Read ``<name>.npz`` of github.com/yandex-research/heterophilous-graphs, with its ten splits."""
    path = folder / f"{name.replace('-', '_')}.npz"
    given = _with_names(path, "node_features", "node_labels", "edges", *(f"{split}_masks" for split in SPLITS))
    features = given["node_features"].astype(np.float32)
    sparse = np.count_nonzero(features) < SPARSE_BELOW * features.size
    return {
        **_edges(len(features), given["edges"]),
        **(sparse_parts(sp.csr_array(features)) if sparse else {"features": features}),
        "labels": given["node_labels"].astype(np.int64),
        **{f"{split}_masks": given[f"{split}_masks"] for split in SPLITS},
    }


def read_gnn_benchmark(folder: Path, file: str) -> Arrays:
    """Read an .npz of github.com/shchur/gnn-benchmark: two sparse matrices and labels; there are no public splits."""
    path = folder / file
    parts = ("data", "indices", "indptr", "shape")
    names = [f"{matrix}_{part}" for matrix in ("adj", "attr") for part in parts]
    given = _with_names(path, *names, "labels")
    try:
        adjacency, attributes = (
            sp.csr_array(tuple(given[f"{m}_{p}"] for p in parts[:3]), shape=tuple(given[f"{m}_shape"].tolist()))
            for m in ("adj", "attr")
        )
    except (TypeError, ValueError) as error:
        raise InputError(f"{path}: the parts of its matrices do not fit together ({error})") from None
    pairs = np.column_stack(adjacency.nonzero())
    return {
        **_edges(adjacency.shape[0], pairs),
        **sparse_parts(attributes),
        "labels": given["labels"].astype(np.int64),
    }


def read_ogb(folder: Path, file: str) -> Arrays:
    """Read a node property prediction archive of the Open Graph Benchmark, split by time."""
    path = folder / file
    try:
        with zipfile.ZipFile(path) as archive:
            base = path.stem
            pairs = _csv_member(archive, f"{base}/raw/edge.csv.gz", np.int64)
            features = _csv_member(archive, f"{base}/raw/node-feat.csv.gz", np.float32)
            labels = _csv_member(archive, f"{base}/raw/node-label.csv.gz", np.int64)[:, 0]
            files = {"train": "train", "val": "valid", "test": "test"}
            nodes = {s: _csv_member(archive, f"{base}/split/time/{f}.csv.gz", np.int64) for s, f in files.items()}
    except (zipfile.BadZipFile, KeyError, OSError, EOFError, ValueError) as error:
        raise InputError(f"{path}: not a whole archive of the Open Graph Benchmark ({error})") from None
    everyone = np.arange(len(features))
    return {
        **_edges(len(features), pairs),
        "features": features,
        "labels": labels,
        **{f"{split}_masks": np.isin(everyone, nodes[split])[None] for split in SPLITS},
    }


class _CsrState:
    """Takes the attributes of a pickled SciPy matrix, whichever SciPy wrote it, without being one."""

    def to_scipy(self) -> Any:
        state = self.__dict__
        shape = state["_shape"] if "_shape" in state else state["shape"]
        return sp.csr_array((state["data"], state["indices"], state["indptr"]), shape=tuple(shape))


def _new_csr_state(cls: type[_CsrState], base: type, state: None) -> _CsrState:
    # What copyreg._reconstructor does, for the one class that is allowed here.
    return _CsrState()


def _dtype(spec: str, align: int = 0, copy: int = 0) -> np.dtype[Any]:
    # Old pickles give the flags as integers, which NumPy warns about.
    if "O" in spec:
        raise pickle.UnpicklingError("arrays of Python objects are not allowed")
    return np.dtype(spec, bool(align), bool(copy))


_RECONSTRUCT = np.empty(0).__reduce__()[0]
_SCALAR = np.float64(0).__reduce__()[0]
_KNOWN: dict[tuple[str, str], Any] = {
    ("collections", "defaultdict"): defaultdict,
    ("__builtin__", "list"): list,  # as Python 2 names it
    ("builtins", "list"): list,
    ("__builtin__", "object"): object,
    ("copy_reg", "_reconstructor"): _new_csr_state,
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): _dtype,
    ("numpy.core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy._core.multiarray", "_reconstruct"): _RECONSTRUCT,
    ("numpy.core.multiarray", "scalar"): _SCALAR,
    ("numpy._core.multiarray", "scalar"): _SCALAR,
    ("scipy.sparse.csr", "csr_matrix"): _CsrState,
    ("scipy.sparse._csr", "csr_matrix"): _CsrState,
}


class _KnownUnpickler(pickle.Unpickler):
    """Builds NumPy arrays, SciPy CSR matrices and dictionaries of lists, and nothing else."""

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _KNOWN:
            raise pickle.UnpicklingError(f"{module}.{name} is not on the list of what may be built")
        return _KNOWN[module, name]


def load_known_pickle(path: Path) -> Any:
    """Read a pickle that holds NumPy arrays, SciPy CSR matrices and dictionaries of lists alone.

    Raises
    ------
    InputError
        When it asks for anything else (a pickle can run code), or is damaged.
    """
    try:
        with open(path, "rb") as file:
            value = _KnownUnpickler(file, encoding="latin1").load()
        return value.to_scipy() if isinstance(value, _CsrState) else value
    except Exception as error:  # a crafted pickle can make the allowed constructors raise anything
        raise InputError(f"{path}: refused, or damaged ({type(error).__name__}: {error})") from None


def _edges(num_nodes: int, pairs: NDArray[Any]) -> Arrays:
    pairs = np.asarray(pairs, np.int64).reshape(-1, 2)
    edges = unique_pairs(pairs[pairs[:, 0] != pairs[:, 1]])
    return {"num_nodes": np.asarray(num_nodes, np.int32), "edge_index": np.ascontiguousarray(edges.T, np.int32)}


def _with_names(path: Path, *names: str) -> Arrays:
    given = read_arrays(path, only=names)
    missing = [name for name in names if name not in given]
    if missing:
        raise InputError(f"{path}: array {missing[0]} is missing; did the data set's home change its format?")
    return given


def _integers(path: Path) -> NDArray[np.int64]:
    try:
        return np.array(path.read_text(encoding="ascii").split(), np.int64)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: expected one integer a line ({error})") from None


def _csv_member(archive: zipfile.ZipFile, name: str, dtype: Any) -> NDArray[Any]:
    with archive.open(name) as member, gzip.open(member) as lines:
        return np.loadtxt(io.TextIOWrapper(lines, encoding="ascii"), dtype=dtype, delimiter=",", ndmin=2)
