"""Labels and splits of nodes, as codes by slot."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from oubli.errors import InputError
from oubli.graph.ids import NodeIndex, as_narrow

SPLITS = ("train", "val", "test")


def encode_labels(labels: ArrayLike | None, num_nodes: int) -> tuple[NDArray[np.int32], NDArray[Any]]:
    """Return a code a node (-1 where the label is missing) and the label values, ascending.

    Missing are None, NaN, negative integers, and the empty string.
    """
    if labels is None:
        return np.full(num_nodes, -1, np.int32), np.empty(0, np.int64)
    given = np.asarray(labels)
    # NumPy would turn a list of numbers, NaN and strings into strings.
    if given.dtype.kind not in "iufbU" or (given.dtype.kind == "U" and not isinstance(labels, np.ndarray)):
        given = np.asarray(labels, dtype=object)
    if given.shape != (num_nodes,):
        raise InputError(f"labels: expected one label a node, shape ({num_nodes},), got {given.shape}")
    missing = _missing(given)
    present = given[~missing]
    if present.dtype == object:
        kinds = {str if isinstance(v, str) else int if isinstance(v, int | np.integer) else type(v) for v in present}
        if len(kinds) > 1 or (kinds and kinds not in ({str}, {int})):
            names = ", ".join(sorted(k.__name__ for k in kinds))
            raise InputError(f"labels: expected all integers or all strings (or None where missing), got {names}")
        present = np.array(present.tolist(), dtype=None if present.size else np.int64)
    if present.dtype.kind in "fb":
        if present.dtype.kind == "f" and not np.all(np.isfinite(present) & (present == np.rint(present))):
            raise InputError(
                "labels: classes must be integers or strings; got fractions or infinity (is this a regression target?)"
            )
        present = present.astype(np.int64)
    if present.dtype.kind == "u":
        present = present.astype(np.int64)
    values, inverse = np.unique(present, return_inverse=True)
    codes = np.full(num_nodes, -1, np.int32)
    codes[~missing] = inverse
    return codes, as_narrow(values)


def _missing(given: NDArray[Any]) -> NDArray[np.bool_]:
    if given.dtype == object:
        return np.array([_is_missing(v) for v in given], dtype=bool)
    if given.dtype.kind == "f":
        return np.asarray(np.isnan(given) | (given < 0), dtype=bool)
    if given.dtype.kind == "i":
        return np.asarray(given < 0, dtype=bool)
    if given.dtype.kind == "U":
        return np.asarray(given == "", dtype=bool)
    return np.zeros(given.shape, bool)


def _is_missing(value: Any) -> bool:
    if isinstance(value, str):
        return value == ""
    return bool(value is None or value != value or (isinstance(value, int | np.integer) and value < 0))


def encode_splits(
    index: NodeIndex, order: NDArray[np.int64], codes: NDArray[np.int32], given: dict[str, ArrayLike | None]
) -> NDArray[np.uint8]:
    """Return a split code a slot: 0 none, then 1, 2, 3 for train, val, test.

    A split is a boolean mask in the order of the node ids as given, or a list of ids. Nodes of a split must be labelled
    and in no other split.
    """
    splits = np.zeros(order.size, np.uint8)
    for code, name in enumerate(SPLITS, start=1):
        chosen = given[name]
        if chosen is None:
            continue
        array = np.asarray(chosen)
        if array.dtype == bool:
            if array.shape != order.shape:
                raise InputError(f"{name}: a mask needs one entry a node, shape ({order.size},), got {array.shape}")
            slots = np.flatnonzero(array[order])
        else:
            slots = index.slots(array if array.size else [], name)
        if np.any(splits[slots]):
            both = index.ids[slots[splits[slots] > 0][0]].item()
            raise InputError(f"{name}: node {both!r} is also in another split; splits must not overlap")
        if np.any(codes[slots] < 0):
            bare = index.ids[slots[codes[slots] < 0][0]].item()
            raise InputError(f"{name}: node {bare!r} has no label; leave unlabelled nodes out of the splits")
        splits[slots] = code
    return splits
