"""Raw graphs, and the many files they can stand in."""

import gzip
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import pytest

from oubli.graph import Graph

WORDS = {"text": "\t", "commas": ",", "spaces": "  ", "semicolons": ";"}


def text_lines(pairs, mark):
    return "".join(f"{u}{mark}{v}\n" for u, v in pairs)


def write_source(kind, pairs, folder):
    """Write pairs to a file of that kind and return its path, or return the pairs in another form."""
    array, path = np.asarray(pairs).reshape(-1, 2), folder / f"edges-{kind}"
    if kind in WORDS:
        path = path.with_suffix(".csv" if kind == "commas" else ".txt")
        path.write_text(text_lines(array.tolist(), WORDS[kind]))
    elif kind == "gzip":
        path = path.with_suffix(".txt.gz")
        path.write_bytes(gzip.compress(text_lines(array.tolist(), "\t").encode()))
    elif kind == "quoted":
        path = path.with_suffix(".csv")
        path.write_text("source,target\n" + "".join(f'"{u}", {v}\n\n' for u, v in array.tolist()))
    elif kind == "parquet":
        path = path.with_suffix(".parquet")
        table = pyarrow.table({"source": array[:, 0].tolist(), "w": [0.5] * len(array), "target": array[:, 1].tolist()})
        pyarrow.parquet.write_table(table, path, row_group_size=7)
    elif kind in ("npy", "npy-rows", "npy-fortran", "npy-int32"):
        path = path.with_suffix(".npy")
        forms = {
            "npy": array,
            "npy-rows": np.ascontiguousarray(array.T),
            "npy-fortran": np.asfortranarray(array),
            "npy-int32": array.astype(np.int32),
        }
        np.save(path, forms[kind])
    elif kind in ("npz", "npz-fortran"):
        path = path.with_suffix(".npz")
        np.savez_compressed(path, edge_index=array.T if kind == "npz-fortran" else np.ascontiguousarray(array.T))
    elif kind == "several":
        half = len(array) // 2
        return [write_source("npy", array[:half], folder), write_source("npz", array[half:], folder)]
    elif kind == "blocks":
        return (array[at : at + 5] for at in range(0, len(array), 5))
    elif kind == "callable":
        return lambda: (array[at : at + 5] for at in range(0, len(array), 5))
    else:
        return array
    return path


TABULAR = [*WORDS, "gzip", "quoted", "parquet"]
ARRAYS = ["npy", "npy-rows", "npy-fortran", "npy-int32", "npz", "npz-fortran", "several", "blocks", "callable", "array"]


@pytest.fixture
def raw():
    """Edges with repetitions, reversals and a hub, features, labels and splits of 60 nodes."""
    rng = np.random.default_rng(5)
    edges = rng.integers(0, 60, (200, 2))
    edges[:40, 0] = 7
    edges = edges[edges[:, 0] != edges[:, 1]]
    # Every node has an edge, so that tables, which know no others, have the same nodes.
    ring = np.column_stack([np.arange(60), (np.arange(60) + 1) % 60])
    edges = np.concatenate([edges, edges[::3, ::-1], edges[::5], ring])
    rng.shuffle(edges)
    labels = rng.integers(-1, 3, 60)
    splits = rng.integers(0, 4, 60)
    masks = {name: (splits == k + 1) & (labels >= 0) for k, name in enumerate(("train", "val", "test"))}
    return {"edges": edges, "features": rng.normal(size=(60, 5)), "labels": labels, **masks}


@pytest.fixture
def plain(raw):
    return Graph.from_edges(**raw)


def files_below(folder):
    return sorted(str(path.relative_to(folder)) for path in Path(folder).rglob("*"))
