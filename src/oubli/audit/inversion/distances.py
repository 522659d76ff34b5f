"""The eight distances between two nodes' rows that link stealing goes by (He et al. 2021, table 3), pair by pair."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float64]
Distance = Callable[[Rows, Rows], Rows]

ENTRIES = 2_000_000
"""Entries of feature rows held at once, as float64."""
NO_LENGTH = 1e-12
"""A centred row shorter than this share of the row itself is constant up to rounding."""


def euclidean(left: Rows, right: Rows) -> Rows:
    """Return the length of the difference of each two rows."""
    return np.sqrt(sqeuclidean(left, right))


def sqeuclidean(left: Rows, right: Rows) -> Rows:
    """Return the squared length of the difference of each two rows."""
    found: Rows = np.square(left - right).sum(axis=1)
    return found


def cityblock(left: Rows, right: Rows) -> Rows:
    """Return the sum of the entries' differences."""
    found: Rows = np.abs(left - right).sum(axis=1)
    return found


def chebyshev(left: Rows, right: Rows) -> Rows:
    """Return the largest of the entries' differences."""
    found: Rows = np.abs(left - right).max(axis=1, initial=0.0)
    return found


def canberra(left: Rows, right: Rows) -> Rows:
    """Return the sum of the entries' differences, each as a share of their sizes; 0 / 0 counts 0."""
    sizes = np.abs(left) + np.abs(right)
    found: Rows = (np.abs(left - right) / np.where(sizes == 0, 1.0, sizes)).sum(axis=1)
    return found


def braycurtis(left: Rows, right: Rows) -> Rows:
    """Return the sum of the entries' differences as a share of that of their sums; 0 / 0 counts 0."""
    return _ratio(cityblock(left, right), np.abs(left + right).sum(axis=1), 0.0)


def cosine(left: Rows, right: Rows) -> Rows:
    """Return 1 minus the cosine of each two rows; a row of zeros is at distance 1 of all."""
    lengths = np.linalg.norm(left, axis=1) * np.linalg.norm(right, axis=1)
    return 1.0 - _ratio(np.einsum("ij,ij->i", left, right), lengths, 0.0)


def correlation(left: Rows, right: Rows) -> Rows:
    """Return 1 minus the correlation of each two rows; a constant row is at distance 1 of all."""
    return cosine(_centred(left), _centred(right))


DISTANCES: dict[str, Distance] = {
    "euclidean": euclidean,
    "cosine": cosine,
    "correlation": correlation,
    "chebyshev": chebyshev,
    "braycurtis": braycurtis,
    "canberra": canberra,
    "cityblock": cityblock,
    "sqeuclidean": sqeuclidean,
}


def pair_distance(name: str, rows: NDArray[Any], pairs: NDArray[np.int64]) -> Rows:
    """Return one of `DISTANCES` between the rows of each pair, shape (pairs,)."""
    return _by_parts((name,), rows, pairs)[:, 0]


def pair_distances(rows: NDArray[Any], pairs: NDArray[np.int64]) -> Rows:
    """Return all `DISTANCES` between the rows of each pair, shape (pairs, 8), in their order."""
    return _by_parts(tuple(DISTANCES), rows, pairs)


def _by_parts(names: tuple[str, ...], rows: NDArray[Any], pairs: NDArray[np.int64]) -> Rows:
    """Return distances a column each; many wide rows are not held at once."""
    found = np.empty((len(pairs), len(names)))
    step = max(1, ENTRIES // max(1, rows.shape[1]))
    for start in range(0, len(pairs), step):
        part = pairs[start : start + step]
        left, right = rows[part[:, 0]].astype(np.float64), rows[part[:, 1]].astype(np.float64)
        for column, name in enumerate(names):
            found[start : start + step, column] = DISTANCES[name](left, right)
    return found


def _centred(rows: Rows) -> Rows:
    """Return rows less their means; constant ones as zeros, since what rounding leaves of them points anywhere."""
    if not rows.shape[1]:
        return rows
    centred: Rows = rows - rows.mean(axis=1, keepdims=True)
    constant = np.linalg.norm(centred, axis=1) <= NO_LENGTH * np.linalg.norm(rows, axis=1)
    return np.where(constant[:, None], 0.0, centred)


def _ratio(above: Rows, below: Rows, otherwise: float) -> Rows:
    return np.where(below > 0, above / np.where(below > 0, below, 1.0), otherwise)
