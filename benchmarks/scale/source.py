"""The source of a graph of any size, in bounded memory: R-MAT pairs, labels, features and splits in .npy files.

Pairs of `Rmat` over at least as many nodes as wanted are shrunk to these. An even coin, a hash of the pair, moves the
second end to the node next to it that has the first end's class, so that labels are a matter of the edges; then nodes
are numbered anew by an affine map, so that hubs are all over. All is fixed by the seed.
"""

from __future__ import annotations

import math
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

from benchmarks.scale.sizes import Size
from oubli.graph.disk.arrays import allocate, flush_array
from oubli.graph.generate import feature_blocks
from oubli.graph.rmat import BLOCK, Rmat

SEED = 20_261_122
CLASSES = 10
NOISE = 0.5
GOLDEN = 0.618_033_988_749_895
SPLITS = ("train", "val", "test")
ROWS = 1 << 20


def write_source(size: Size, folder: Path, threads: int | None = None) -> dict[str, Path]:
    """Write edges, labels, features and splits; return their files by name."""
    folder.mkdir(parents=True, exist_ok=True)
    files = {name: folder / f"{name}.npy" for name in ("edges", "labels", "features", *SPLITS)}
    for file in files.values():
        file.unlink(missing_ok=True)
    _write_edges(size, files["edges"], threads or len(os.sched_getaffinity(0)))
    masks = {name: allocate(files[name], (size.nodes,), np.bool_) for name in SPLITS}
    labels = allocate(files["labels"], (size.nodes,), np.uint8)
    numbering = _numbering(size.nodes)
    for first in range(0, size.nodes, ROWS):
        part = slice(first, first + ROWS)
        _describe(first, size.nodes, numbering[1], labels[part], *(masks[name][part] for name in SPLITS))
    features = allocate(files["features"], (size.nodes, size.features), np.float32)
    at = 0
    for rows in feature_blocks(labels.astype(np.int8), size.features, NOISE, SEED):
        features[at : at + len(rows)] = rows
        at += len(rows)
    for array in (labels, features, *masks.values()):
        flush_array(array)
    return files


def _write_edges(size: Size, target: Path, threads: int) -> None:
    scale = max(size.nodes - 1, 1).bit_length()
    drawn = Rmat(scale, size.pairs, seed=SEED)
    pairs, numbering = allocate(target, (size.pairs, 2), np.int32), _numbering(size.nodes)

    def write(at: int) -> None:
        _place(drawn.block(at), scale, size.nodes, numbering[0], pairs[at * BLOCK : (at + 1) * BLOCK])

    with ThreadPoolExecutor(threads) as pool:
        # The generator and the kernels let go of the interpreter's lock.
        for _ in pool.map(write, range(drawn.blocks)):
            pass
    flush_array(pairs)


def _numbering(nodes: int) -> tuple[int, int]:
    """Return a factor that renumbers nodes, and the one that undoes it."""
    factor = round(GOLDEN * nodes)
    while math.gcd(factor, nodes) != 1:
        factor += 1
    return factor, pow(factor, -1, nodes)


@nb.njit(cache=True, nogil=True)
def _mixed(value: Any) -> Any:
    """Return a 64-bit number that looks drawn at random (splitmix64)."""
    word = np.uint64(value) + np.uint64(0x9E3779B97F4A7C15)
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return word ^ (word >> np.uint64(31))


@nb.njit(cache=True, nogil=True)
def _place(pairs: NDArray[np.int64], scale: int, nodes: int, factor: int, out: NDArray[np.int32]) -> None:
    for e in range(len(pairs)):
        u, v = (pairs[e, 0] * nodes) >> scale, (pairs[e, 1] * nodes) >> scale
        near = v - v % CLASSES + u % CLASSES
        if near < nodes and _mixed(u * nodes + v) & np.uint64(1):
            v = near
        out[e, 0], out[e, 1] = u * factor % nodes, v * factor % nodes


@nb.njit(cache=True, nogil=True)
def _describe(first: int, nodes: int, undo: int, labels: Any, train: Any, val: Any, test: Any) -> None:
    for i in range(labels.size):
        labels[i] = (first + i) * undo % nodes % CLASSES
        fate = _mixed(first + i) % np.uint64(10)
        train[i], val[i], test[i] = fate == 0, fate == 1, fate > 1
