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


def receiver_curve(
    scores: NDArray[np.float64], truth: NDArray[np.bool_], grid: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the true positive rate at each false positive rate of `grid`, ties passed over in a straight line."""
    order = np.argsort(-scores, kind="stable")
    last_of_ties = np.append(np.diff(scores[order]) != 0, True)
    hits = np.append(0, np.cumsum(truth[order])[last_of_ties])
    alarms = np.append(0, np.cumsum(~truth[order])[last_of_ties])
    rates: NDArray[np.float64] = np.interp(grid, alarms / alarms[-1], hits / hits[-1])
    # At the left edge interp takes the first of several; all that is above every false alarm counts.
    rates[grid == 0] = hits[alarms == 0].max() / hits[-1]
    return rates


def rate_at(scores: NDArray[np.float64], truth: NDArray[np.bool_], most: float) -> float:
    """Return the highest true positive rate of a threshold whose false positive rate is at most `most`."""
    threshold = np.sort(scores[~truth])[::-1]
    allowed = int(np.floor(most * threshold.size + 1e-9))
    # Above the first false alarm that is one too many; ties with it are not.
    return float(np.mean(scores[truth] > threshold[allowed])) if allowed < threshold.size else 1.0
