"""Scores of predictions against labels."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oubli.errors import InputError

METRICS = ("accuracy", "balanced_accuracy", "roc_auc")


def score_predictions(scores: NDArray[np.float64], targets: NDArray[np.int64], metric: str) -> float:
    """Score decision values against class positions.

    Parameters
    ----------
    scores : ndarray of float64, shape (n, classes)
    targets : ndarray of int64, shape (n,)
        Column of the right class, or -1 where the model has no such class: always counted as wrong.
    metric : {"accuracy", "balanced_accuracy", "roc_auc"}
        ``roc_auc`` is for two classes, the second being positive; ties count half.

    Raises
    ------
    InputError
        For an unknown metric, no nodes, or `roc_auc` without both classes.
    """
    if metric not in METRICS:
        raise InputError(f"metric: expected one of {', '.join(METRICS)}, got {metric!r}")
    if targets.size == 0:
        raise InputError("score: there are no labelled nodes to score; name some, or give the graph that split")
    if metric == "roc_auc":
        return _roc_auc(scores, targets)
    return score_classes(scores.argmax(axis=1), targets, metric)


def score_classes(predicted: NDArray[np.int64], targets: NDArray[np.int64], metric: str) -> float:
    """Score predicted columns by a metric that needs no more: "accuracy" or "balanced_accuracy"."""
    right = predicted == targets
    if metric == "accuracy":
        return float(right.mean())
    return float(np.mean([right[targets == t].mean() for t in np.unique(targets)]))


def _roc_auc(scores: NDArray[np.float64], targets: NDArray[np.int64]) -> float:
    positive = targets == 1
    if scores.shape[1] != 2 or positive.all() or not positive.any():
        raise InputError("roc_auc: needs a model of two classes and nodes of both; use accuracy")
    # Half a second to import, for this metric alone.
    from scipy.stats import rankdata

    # Mann-Whitney: the mean rank of positives tells how often one scores above a negative.
    ranks = rankdata(scores[:, 1] - scores[:, 0])
    count = int(positive.sum())
    above = ranks[positive].sum() - count * (count + 1) / 2
    return float(above / (count * (targets.size - count)))
