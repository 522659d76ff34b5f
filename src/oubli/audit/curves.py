"""How well scores rank what is there above what is not."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata


def area_under_curve(scores: NDArray[np.float64], truth: NDArray[np.bool_]) -> float | None:
    """Return the chance that one of `truth` is scored above another, ties counting half; None without both kinds."""
    hits = int(truth.sum())
    misses = truth.size - hits
    if not hits or not misses:
        return None
    return float((rankdata(scores)[truth].sum() - hits * (hits + 1) / 2) / (hits * misses))


def average_precision(scores: NDArray[np.float64], truth: NDArray[np.bool_]) -> float | None:
    """Return the precision at each distinct score, weighted by the recall it adds; None without both kinds."""
    hits = int(truth.sum())
    if not hits or hits == truth.size:
        return None
    order = np.argsort(-scores, kind="stable")
    last_of_ties = np.append(np.diff(scores[order]) != 0, True)
    found = np.cumsum(truth[order])[last_of_ties]
    precision = found / (np.flatnonzero(last_of_ties) + 1)
    return float((np.diff(found, prepend=0) * precision).sum() / hits)
