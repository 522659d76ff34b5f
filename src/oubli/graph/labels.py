"""Labels and splits of nodes, as codes by slot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from oubli.errors import InputError
from oubli.graph.foreign import as_numpy
from oubli.graph.ids import NodeIndex, as_id_array, as_narrow

SPLITS = ("train", "val", "test")


def encode_labels(labels: ArrayLike | None, num_nodes: int) -> tuple[NDArray[np.int32], NDArray[Any]]:
    """Return a code a node (-1 where the label is missing) and the label values, ascending.

    Missing are None, NaN, negative integers, and the empty string.
    """
    if labels is None:
        return np.full(num_nodes, -1, np.int32), np.empty(0, np.int64)
    given = _as_labels(labels)
    if given.shape != (num_nodes,):
        raise InputError(f"labels: expected one label a node, shape ({num_nodes},), got {given.shape}")
    missing = _missing(given)
    present = given[~missing]
    if present.dtype == object:
        kinds = {str if isinstance(v, str) else int if isinstance(v, int | np.integer) else type(v) for v in present}
        if len(kinds) > 1 or (kinds and kinds not in ({str}, {int})):
            names = ", ".join(sorted(k.__name__ for k in kinds))
            raise InputError(f"labels: expected all integers or all strings (or None where missing), got {names}")
        if kinds == {str}:
            present = as_id_array(present, "labels")
    if present.dtype.kind != "U":
        present = _as_integers(present)
    values, inverse = np.unique(present, return_inverse=True)
    codes = np.full(num_nodes, -1, np.int32)
    codes[~missing] = inverse
    return codes, as_narrow(values)


def _as_labels(labels: ArrayLike) -> NDArray[Any]:
    labels = as_numpy(labels)
    try:
        given = np.asarray(labels)
        # NumPy would turn a list of numbers, NaN and strings into strings.
        if given.dtype.kind not in "iufbU" or (given.dtype.kind == "U" and not isinstance(labels, np.ndarray)):
            given = np.asarray(labels, dtype=object)
    except ValueError:
        raise InputError("labels: entries differ in length; give one integer or string a node") from None
    return given


def _as_integers(present: NDArray[Any]) -> NDArray[np.int64]:
    if present.dtype.kind == "f" and not np.all(np.isfinite(present) & (present == np.rint(present))):
        raise InputError(
            "labels: classes must be integers or strings; got fractions or infinity (is this a regression target?)"
        )
    large = present[present >= 2**63] if present.dtype.kind in "fuO" else present[:0]
    if large.size:
        raise InputError(f"labels: class {large[0]} does not fit 64 bits; use strings for such classes")
    return present.astype(np.int64)


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
    if isinstance(value, int | np.integer):
        return bool(value < 0)
    if value is None:
        return True
    unequal = value != value
    # NaN differs from itself; the NA of pandas answers itself to every question.
    return unequal is value or (isinstance(unequal, bool | np.bool_) and bool(unequal))


def encode_splits(
    index: NodeIndex, order: NDArray[np.int64], codes: NDArray[np.int32], given: Mapping[str, ArrayLike | None]
) -> NDArray[np.uint8]:
    """Return a split code a slot: 0 none, then 1, 2, 3 for train, val, test.

    A split is a boolean mask in the order of the node ids as given, or a list of ids. Nodes of a split must be labelled
    and in no other split.
    """
    splits = np.zeros(order.size, np.uint8)
    for code, name in enumerate(SPLITS, start=1):
        chosen = given.get(name)
        if chosen is None:
            continue
        mask = _as_mask(as_numpy(chosen))
        if mask is not None:
            if mask.shape != order.shape:
                raise InputError(f"{name}: a mask needs one entry a node, shape ({order.size},), got {mask.shape}")
            slots = np.flatnonzero(mask[order])
        else:
            slots = _listed_once(index, chosen, name)
        if np.any(splits[slots]):
            both = index.ids[slots[splits[slots] > 0][0]].item()
            raise InputError(f"{name}: node {both!r} is also in another split; splits must not overlap")
        if np.any(codes[slots] < 0):
            bare = index.ids[slots[codes[slots] < 0][0]].item()
            raise InputError(f"{name}: node {bare!r} has no label; leave unlabelled nodes out of the splits")
        splits[slots] = code
    return splits


def _as_mask(given: Any) -> NDArray[np.bool_] | None:
    if isinstance(given, np.ndarray) and given.dtype != object:
        return given if given.dtype == bool else None
    if not isinstance(given, Sequence | np.ndarray) or isinstance(given, str | bytes) or len(given) == 0:
        return None
    return np.array(given, dtype=bool) if all(isinstance(v, bool | np.bool_) for v in given) else None


def _listed_once(index: NodeIndex, chosen: ArrayLike, name: str) -> NDArray[np.int64]:
    ids = as_id_array(chosen, name)
    ordered = np.sort(ids)
    twice = ordered[1:][ordered[1:] == ordered[:-1]]
    if twice.size:
        # Before ids are looked up: a mask of 0 and 1 names nodes that there are, or not, by accident.
        raise InputError(
            f"{name}: node {twice[0].item()!r} is listed more than once; list each node once, "
            "and a mask must be boolean (mask.astype(bool))"
        )
    return index.slots(ids, name)
