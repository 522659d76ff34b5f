"""How well scores tell who was a member."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from oubli.audit.curves import area_under_curve, rate_at, receiver_curve
from oubli.audit.forgetting.summary import GRID
from oubli.audit.membership.transcript import Secret
from oubli.errors import InputError

LOW_RATE = 0.01
"""False positive rate at which a true positive rate is given."""
COMPARISONS = {"matched": "unlearned", "retained": "retained"}
"""Which group is to be scored above those that were never members, by name of the metrics and curves."""


def judge(name: str, scores: NDArray[np.float64], secret: Secret) -> dict[str, Any]:
    """Return the metrics of the audit, and ``curves``: true positive rates on `GRID` by comparison.

    Parameters
    ----------
    name : str
        Of the attack, for messages.
    scores : ndarray of float64, shape (candidates,)
    secret : Secret

    Raises
    ------
    InputError
        When scores are not one finite number a candidate.
    """
    groups = secret.groups
    size = groups["never"].size
    if scores.shape != (size,) or not np.isfinite(scores).all():
        raise InputError(f"attack {name}: expected {size} finite scores, got shape {scores.shape} or some not finite")
    row: dict[str, Any] = {}
    curves: dict[str, list[float]] = {}
    for comparison, group in COMPARISONS.items():
        judged = groups[group] | groups["never"]
        own, truth = scores[judged], groups[group][judged]
        row[f"auc_{comparison}"] = area_under_curve(own, truth)
        row[f"tpr_{comparison}"] = rate_at(own, truth, LOW_RATE)
        curves[comparison] = np.round(receiver_curve(own, truth, GRID), 4).tolist()
    return row | {"curves": curves}
