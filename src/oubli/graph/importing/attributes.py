"""Features, labels and splits brought from the order they were given in to that of the slots."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oubli.errors import InputError
from oubli.graph.disk.arrays import allocate, flush_array, map_array
from oubli.graph.disk.folder import SPARSE, fill
from oubli.graph.features import FeatureTable
from oubli.graph.ids import NodeIndex
from oubli.graph.importing.sources.binary import map_npy
from oubli.graph.labels import SPLITS, encode_splits

Step = Callable[[int, int], None]


def write_features(
    source: Path | None, given: Path, target: Path, places: NDArray[np.int64] | None, nodes: int, room: int, step: Step
) -> int:
    """Write feature rows by slot to a graph folder; return how many columns there are.

    Parameters
    ----------
    source : Path or None
        The .npy file of the user's own.
    given, target : Path
        Folders: of what was given otherwise, and of the graph.
    places : ndarray of int64, optional
        Where each slot's row stands in what was given.
    nodes : int
    room : int
        Bytes to work with.
    step : callable
        Told how many rows are done, of how many.
    """
    if (given / "feature_indptr.npy").exists():
        return _write_sparse(given, target, places, nodes)
    if source is None and not (given / "features.npy").exists():
        fill(target / "features.npy", np.empty((nodes, 0), np.float32))
        return 0
    rows = map_npy(given / "features.npy" if source is None else source)
    out = allocate(target / "features.npy", rows.shape, np.float32)
    block = max(1, room // max(1, 12 * rows.shape[1]))
    for first in range(0, nodes, block):
        chosen = slice(first, first + block) if places is None else places[first : first + block]
        with np.errstate(over="ignore"):
            out[first : first + block] = rows[chosen]
        _check_finite(out[first : first + block], chosen, source)
        step(min(first + block, nodes), nodes)
    flush_array(out)
    return int(rows.shape[1])


def _check_finite(rows: NDArray[np.float32], chosen: slice | NDArray[np.int64], source: Path | None) -> None:
    bad = ~np.isfinite(rows)
    if bad.any():
        at, column = (int(i) for i in np.argwhere(bad)[0])
        row = chosen.start + at if isinstance(chosen, slice) else int(chosen[at])
        raise InputError(
            f"{source or 'features'}: row {row}, column {column} is NaN, infinite, or beyond float32; replace it, for "
            "instance by 0"
        )


def _write_sparse(given: Path, target: Path, places: NDArray[np.int64] | None, nodes: int) -> int:
    parts = [map_array(given / f"{name}.npy", "private") for name in (*SPARSE, "feature_width")]
    indptr, indices, values, width = parts
    table = FeatureTable((nodes, int(width[0])), sparse=(indptr, indices, values))
    if places is not None:
        table = table.take(places)
    for name, part in zip(SPARSE, (table.indptr, table.indices, table.values), strict=True):
        fill(target / f"{name}.npy", part)
    fill(target / "feature_width.npy", width)
    return table.shape[1]


def write_labels(given: Path, target: Path, places: NDArray[np.int64] | None, nodes: int) -> NDArray[np.int32]:
    """Write label codes by slot and the values they stand for to a graph folder; return the codes."""
    if (given / "label_codes.npy").exists():
        codes = map_array(given / "label_codes.npy", "private")
        values = map_array(given / "label_values.npy", "private")
    else:
        codes, values = np.full(nodes, -1, np.int32), np.empty(0, np.int64)
    fill(target / "label_values.npy", values)
    return fill(target / "label_codes.npy", codes if places is None else codes[places])


def write_splits(
    splits: Mapping[str, Any],
    given: Path,
    target: Path,
    places: NDArray[np.int64] | None,
    index: NodeIndex,
    codes: NDArray[np.int32],
) -> None:
    """Write split codes by slot to a graph folder."""
    if (given / "split_codes.npy").exists():
        if any(what is not None for what in splits.values()):
            raise InputError("splits: given twice, by the node table and beside it; leave one out")
        found = map_array(given / "split_codes.npy", "private")
        fill(target / "split_codes.npy", found if places is None else found[places])
        return
    chosen = {name: _load(splits.get(name)) for name in SPLITS}
    order = np.arange(index.ids.size) if places is None else places
    fill(target / "split_codes.npy", encode_splits(index, order, codes, chosen))


def _load(chosen: Any) -> Any:
    return np.array(map_npy(Path(chosen))) if isinstance(chosen, str | Path) else chosen
