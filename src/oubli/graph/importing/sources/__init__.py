"""Where edges come from: text, Parquet, NumPy's formats, and blocks from Python."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from oubli.errors import InputError
from oubli.graph.foreign import as_numpy
from oubli.graph.ids import as_pairs
from oubli.graph.importing.sources.binary import ArchiveSource, ArraySource, BlockSource, map_pairs
from oubli.graph.importing.sources.block import Block, Place, Source
from oubli.graph.importing.sources.parquet import ParquetSource
from oubli.graph.importing.sources.text import TextSource

__all__ = ["ArchiveSource", "ArraySource", "Block", "BlockSource", "Place", "Source", "open_sources"]


def open_sources(edges: Any, memory: int) -> list[Source]:
    """Return the sources of edges.

    Parameters
    ----------
    edges : path, list of paths, array-like of pairs, iterable of blocks, or callable that returns one
    memory : int
        Bytes to work with, by which blocks are sized.

    Raises
    ------
    InputError
        When a file is missing or not what its name says, or it is none of these.
    """
    if isinstance(edges, str | Path):
        return [_open_file(Path(edges), memory)]
    if isinstance(edges, list | tuple) and edges and all(isinstance(path, str | Path) for path in edges):
        return [_open_file(Path(path), memory) for path in edges]
    given = as_numpy(edges)
    if isinstance(given, np.ndarray) or sp.issparse(given) or _is_pairs(given):
        return [ArraySource(as_pairs(given), "edges", _rows(memory))]
    if callable(given) or isinstance(given, Iterable):
        return [BlockSource(given)]
    raise InputError(f"edges: expected a path, paths, pairs or blocks of pairs, got {given!r}")


def _is_pairs(given: Any) -> bool:
    return isinstance(given, list | tuple) and not (given and getattr(given[0], "ndim", 0) == 2)


def _rows(memory: int) -> int:
    return min(1 << 21, max(16, memory // 256))


def _open_file(path: Path, memory: int) -> Source:
    if not path.is_file():
        raise InputError(f"{path}: {'is a folder; name its files' if path.is_dir() else 'no such file'}")
    openers: dict[str, Callable[[Path, int], Source]] = {
        ".npy": map_pairs,
        ".npz": ArchiveSource,
        ".parquet": ParquetSource,
    }
    if path.suffix in openers:
        return openers[path.suffix](path, _rows(memory))
    return TextSource(path, min(1 << 23, max(64, memory // 64)))
