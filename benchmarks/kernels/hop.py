"""One hop over a graph: ours, SciPy's, Torch's, plain NumPy's, and the machine's limit for fetching rows."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numba as nb
import numpy as np
import scipy.sparse as sp

from benchmarks.kernels.limits import on_threads
from benchmarks.results import Table, make_table
from benchmarks.timing import interleave, summary
from oubli.graph import Graph
from oubli.propagation.hop import AHEAD, LINE, full_hop, prefetch

OURS = "oubli, int16"


def hop_table(graph: Graph, draws: int, threads: int) -> Table:
    """Time one hop, `threads` being the most threads used."""
    messages = np.random.default_rng(0).integers(-4096, 4097, (graph.num_nodes, graph.num_features), np.int16)
    cases = _ours(graph, messages, threads) | _others(graph, messages, threads)
    samples = interleave(cases, draws)
    samples |= interleave(_plain(graph, messages), draws=1, warmups=0)
    base = np.median(samples["SciPy CSR, float32"].wall)
    # What a hop fetches: a row for each arc, and each node's own.
    gathered = (graph.adjacency.num_arcs + graph.num_nodes) * messages.shape[1]
    rows = []
    for name, times in samples.items():
        wall = summary([1e3 * t for t in times.wall])
        size = 2 if "int16" in name else 4
        rate = gathered * size / wall["median"] / 1e6
        row = {"case": name, "wall_ms": wall, "cpu_ms": summary([1e3 * t for t in times.cpu])}
        rows.append(row | {"rate_gb": rate, "against_scipy": 1e3 * base / wall["median"]})
    columns = [("case", "case"), ("wall_ms.median", "wall ms", ".1f"), ("wall_ms.min", "min", ".1f")]
    columns += [("wall_ms.max", "max", ".1f"), ("cpu_ms.median", "CPU ms", ".1f"), ("rate_gb", "GB/s fetched", ".1f")]
    columns += [("against_scipy", "times SciPy's speed", ".2f")]
    note = (
        f"Sums over neighbours and self, {messages.shape[1]} columns; ours also rounds the means to the next hop's "
        "messages. *fetch only* follows the same neighbour lists and reads one number of each cache line: about what "
        "the memory allows."
    )
    return make_table("One hop", columns, rows, note)


def footprint_table(graph: Graph, models: dict[str, Any]) -> Table:
    """Return the bytes of state beside the graph."""
    rows = []
    for name, model in models.items():
        state = model._engine.propagation
        size = state.messages.nbytes + sum(t.nbytes for t in state.totals) + state._marks.nbytes
        cells = graph.num_nodes * state.width * state.hops
        row = {"model": name, "hops": state.hops, "state_mb": size / 1e6, "bytes": size / cells}
        rows.append(row | {"kinds": [state.messages.dtype.name, *(t.dtype.name for t in state.totals)]})
    columns = [("model", "model"), ("hops", "hops", "d"), ("kinds", "stored as"), ("state_mb", "state MB", ".1f")]
    columns += [("bytes", "bytes a node, feature and hop", ".2f")]
    return make_table("State beside the graph", columns, rows, "Messages, one accumulator a hop, and the push's index.")


def _ours(graph: Graph, messages: Any, threads: int) -> dict[str, Callable[[], Any]]:
    adjacency = graph.adjacency
    lists = adjacency.start, adjacency.count, adjacency.neighbours
    totals = np.empty(messages.shape, np.int32)
    following = np.empty_like(messages)
    cases: dict[str, Callable[[], Any]] = {}
    for count in range(1, threads + 1):
        plural = f"{count} thread{'s' if count > 1 else ''}"
        cases[f"{OURS}, {plural}"] = on_threads(
            count, lambda: full_hop(totals.size, *lists, messages, totals, following)
        )
        cases[f"fetch only, int16, {plural}"] = on_threads(count, lambda: _fetch(*lists, messages))
    return cases


def _plain(graph: Graph, messages: Any) -> dict[str, Callable[[], Any]]:
    matrix, floats = _matrix(graph), messages.astype(np.float32)
    return {"NumPy add.reduceat, float32": lambda: np.add.reduceat(floats[matrix.indices], matrix.indptr[:-1])}


def _matrix(graph: Graph) -> Any:
    """Return the adjacency with self-loops as SciPy keeps it."""
    pairs = graph.adjacency.edges()
    n = graph.num_nodes
    loops = np.arange(n)
    ends = np.concatenate([pairs, pairs[:, ::-1], np.column_stack([loops, loops])])
    matrix = sp.csr_array((np.ones(len(ends), np.float32), (ends[:, 0], ends[:, 1])), shape=(n, n))
    matrix.sort_indices()
    return matrix


def _others(graph: Graph, messages: Any, threads: int) -> dict[str, Callable[[], Any]]:
    matrix, floats = _matrix(graph), messages.astype(np.float32)
    n = graph.num_nodes
    cases: dict[str, Callable[[], Any]] = {"SciPy CSR, float32": lambda: matrix @ floats}
    try:
        import torch
    except ImportError:
        return cases
    parts = matrix.indptr.astype(np.int64), matrix.indices.astype(np.int64), matrix.data
    with warnings.catch_warnings():
        # That sparse tensors are in beta.
        warnings.simplefilter("ignore", UserWarning)
        tensor = torch.sparse_csr_tensor(*map(torch.from_numpy, parts), size=(n, n))
    dense = torch.from_numpy(floats)
    torch.set_num_threads(threads)
    cases[f"Torch CSR, float32, {threads} threads"] = lambda: tensor @ dense
    return cases


@nb.njit(cache=True, parallel=True)
def _fetch(start, count, neighbours, messages):  # type: ignore[no-untyped-def]
    n, width = messages.shape
    flat = messages.reshape(-1)
    last = neighbours.size
    step = LINE // messages.itemsize
    blocks = (n + 255) // 256
    sums = np.zeros(blocks, np.int64)
    for block in nb.prange(blocks):
        total = 0
        for i in range(block * 256, min(n, block * 256 + 256)):
            for p in range(start[i], start[i] + count[i]):
                if p + AHEAD < last:
                    ahead = np.int64(neighbours[p + AHEAD]) * width
                    if ahead >= 0:
                        for k in range(0, width, step):
                            prefetch(flat, ahead + k)
                j = neighbours[p]
                for k in range(0, width, step):
                    total += messages[j, k]
        sums[block] = total
    return sums.sum()
