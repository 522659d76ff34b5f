"""Whether an attack is beyond the best null, and by how much."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oubli.audit.gradients.scoring.score import METRICS, Metric
from oubli.audit.intervals import FEWEST_PAIRS, Estimate, mean_interval, share_gain, share_interval


@dataclass(frozen=True)
class Gain:
    """What an attack has over the best null, on the same victims; positive is better for the attacker.

    Parameters
    ----------
    null : str
        The null with the best mean.
    null_value : float
        That mean.
    estimate : Estimate
        Of the paired difference.
    beyond_null : bool
        Whether the interval lies above zero, with `FEWEST_PAIRS` at the least.
    """

    null: str
    null_value: float
    estimate: Estimate
    beyond_null: bool


def estimate(values: Sequence[float], metric: Metric, seed: int = 0) -> Estimate:
    """Return a figure over victims: a share with Wilson's interval, or a mean with a bootstrap interval."""
    if metric.kind == "share":
        return share_interval([bool(value) for value in values])
    return mean_interval(values, seed)


def best_null(nulls: Mapping[str, NDArray[np.float64]], metric: Metric) -> str | None:
    """Return the null with the best mean over victims; that is the one to beat."""
    sign = -1.0 if metric.better == "lower" else 1.0
    return max(nulls, key=lambda name: sign * float(nulls[name].mean()), default=None)


def gain_over_nulls(
    attack: NDArray[np.float64], nulls: Mapping[str, NDArray[np.float64]], name: str, seed: int = 0
) -> Gain | None:
    """Compare an attack with the best null, victim by victim.

    Parameters
    ----------
    attack : ndarray, shape (victims,)
        Values of one metric.
    nulls : mapping of str to ndarray, shape (victims,)
        By name, of the same victims in the same order.
    name : str
        Of the metric.
    seed : int, default 0

    Returns
    -------
    Gain or None
        None where no null guesses what the metric scores, or the metric is not about being right.
    """
    metric = METRICS[name]
    if metric.better == "neither" or (best := best_null(nulls, metric)) is None:
        return None
    if metric.kind == "share":
        found = share_gain([bool(v) for v in attack], [bool(v) for v in nulls[best]])
    else:
        sign = -1.0 if metric.better == "lower" else 1.0
        found = mean_interval(sign * (attack - nulls[best]), seed)
    beyond = len(attack) >= FEWEST_PAIRS and found.low is not None and found.low > 0
    return Gain(best, float(nulls[best].mean()), found, beyond)
