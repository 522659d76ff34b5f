"""What LCF-Net reads of a graph: reduced features, their averages over neighbours, and degrees."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Context, Decimal
from typing import Any, Literal

import numba as nb
import numpy as np
from numpy.typing import NDArray

from oubli.graph.adjacency import Adjacency
from oubli.graph.distinct import distinct
from oubli.graph.features import FeatureTable
from oubli.graph.graph import Graph
from oubli.propagation.average import Averaging
from oubli.solve.components import Rows, principal_components
from oubli.solve.standard import STEPS, Standardiser

DEGREE_WEIGHT = 0.1
"""Of the degrees' column among blocks of unit variance."""

COARSE_STEPS, COARSE_BLOCK_STEPS = 2.0**4, 2.0**8
"""Steps that a column's deviation and a block's are divided into where rows are only compared: what rounding adds to a
distance is a few ten thousandths of it, and products fit in float32."""


@dataclass(frozen=True)
class InputSettings:
    """Settings of the input blocks, as in `LCFNet`."""

    hops: int
    averaging: Averaging
    components: int | None
    normalize: Literal["l2"] | None
    seed: int


class InputBlocks:
    """Features and their averages after each hop, by slot, kept so that what a removal does not reach is used again.

    Attributes
    ----------
    blocks : list of ndarray of float64, shape (slots, columns)
        After 0, 1, ... hops; empty where the graph has no features.
    """

    def __init__(self, graph: Graph, settings: InputSettings) -> None:
        self._settings = settings
        self.blocks: list[NDArray[np.float64]] = []
        if graph.num_features:
            self.blocks = [_reduced(graph, settings)]
            for _ in range(settings.hops):
                self.blocks.append(settings.averaging.step(graph.adjacency, self.blocks[-1]))

    def refresh(self, graph: Graph, ends: NDArray[np.int64]) -> None:
        """Bring the blocks up to date after edges at `ends` went and no features did."""
        averaging, adjacency = self._settings.averaging, graph.adjacency
        # The degree of an end scales what its neighbours receive, unless they take plain means.
        rows = ends if averaging.normalization == "random_walk" else averaging.reach(adjacency, ends)
        for before, after in zip(self.blocks[:-1], self.blocks[1:], strict=True):
            averaging.step(adjacency, before, rows, after)
            rows = averaging.reach(adjacency, rows)


def log_degrees(adjacency: Adjacency) -> NDArray[np.float64]:
    """Return ``log(1 + degree)`` as one column."""
    degrees = adjacency.count.astype(np.int64)
    different = distinct(degrees)
    # Decimal arithmetic, once a distinct degree: libm's logarithm differs between machines.
    context = Context(prec=30)
    logarithms = np.array([float(Decimal(d + 1).ln(context)) for d in different.tolist()])
    column: NDArray[np.float64] = logarithms[np.searchsorted(different, degrees)][:, None]
    return column


def head_rows(
    inputs: list[NDArray[np.float64]],
    added: list[NDArray[np.float64]],
    train: NDArray[np.int64],
    coarse: bool,
    blockwise: bool,
) -> NDArray[Any]:
    """Return standardised rows as integers, by slot: in float64, or coarse ones in float32 for a kernel.

    Parameters
    ----------
    inputs : list of ndarray of float64, shape (slots, columns)
        The last one is the degrees.
    added : list of ndarray of float64, shape (slots, columns)
    train : ndarray of int64
        Slots whose means and deviations are the scale.
    coarse : bool
    blockwise : bool
        One scale for each of them as a whole, instead of one a column.
    """
    parts, degrees = [*inputs, *added], len(inputs) - 1
    steps = STEPS if not coarse else COARSE_BLOCK_STEPS if blockwise else COARSE_STEPS
    rows = np.empty((len(inputs[0]), sum(part.shape[1] for part in parts)), np.float32 if coarse else np.float64)
    column = 0
    for at, part in enumerate(parts):
        weight = DEGREE_WEIGHT if at == degrees else 1.0
        scale = Standardiser.of_block(part, train, weight) if blockwise else Standardiser.of(part, train)
        scale.write(part, rows, column, steps)
        column += part.shape[1]
    return rows


def _reduced(graph: Graph, settings: InputSettings) -> NDArray[np.float64]:
    alive = np.flatnonzero(graph.index.alive)
    rows = _sparse_rows(graph.table, alive)
    if settings.normalize == "l2":
        _scale_to_unit(rows[0], rows[2])
    elif rows[2].size:
        # By a power of two, which changes no digit: what counts as constant does not depend on the unit of a feature.
        rows[2][:] = np.ldexp(rows[2], 1 - int(np.frexp(np.abs(rows[2]).max())[1]))
    width = graph.num_features
    if settings.components is not None and width > settings.components:
        values = principal_components(rows, (alive.size, width), settings.components, settings.seed)
    else:
        values = np.zeros((alive.size, width))
        values[np.repeat(np.arange(alive.size), np.diff(rows[0])), rows[1]] = rows[2]
    out = np.zeros((graph.index.alive.size, values.shape[1]))
    out[alive] = values
    return out


def _sparse_rows(table: FeatureTable, slots: NDArray[np.int64]) -> Rows:
    taken = table.take(slots)
    if taken.dense is None:
        return taken.indptr, taken.indices, taken.values.astype(np.float64)
    count, width = taken.dense.shape
    present = taken.dense != 0
    starts = np.zeros(count + 1, np.int64)
    np.cumsum(present.sum(axis=1), out=starts[1:])
    columns = np.broadcast_to(np.arange(width, dtype=np.int32), present.shape)[present]
    return starts, columns, taken.dense[present].astype(np.float64)


@nb.njit(cache=True)
def _scale_to_unit(starts, values):  # type: ignore[no-untyped-def]
    for i in range(starts.size - 1):
        total = 0.0
        for p in range(starts[i], starts[i + 1]):
            total += values[p] * values[p]
        length = np.sqrt(total)
        if length > 0.0:
            for p in range(starts[i], starts[i + 1]):
                values[p] /= length
