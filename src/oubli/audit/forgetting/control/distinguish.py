"""How well two worlds can be told apart from draws of both: advantage, and the least epsilon that explains it.

What is chosen on the data (statistic, direction, threshold) is chosen on the first half of the draws and judged on the
second, so that the choice costs no confidence.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from oubli.audit.intervals import CONFIDENCE
from oubli.errors import InputError

Draws = NDArray[np.float64]
FEWEST_DRAWS = 4


@dataclass(frozen=True)
class Distinguished:
    """What the best distinguisher got.

    Parameters
    ----------
    statistic : str
        The one that told most on the first half.
    advantage, low, high : float
        True less false positive rate of its threshold on the second half, with a Clopper-Pearson interval; negative
        where what told on the first half did not on the second.
    epsilon : float
        Lower bound on the epsilon of any (epsilon, delta) that could hold, with the same confidence.
    draws : int
        Of each world, both halves.
    """

    statistic: str
    advantage: float
    low: float
    high: float
    epsilon: float
    draws: int


def distinguish(
    statistics: Mapping[str, tuple[Draws, Draws]], delta: float = 0.0, confidence: float = CONFIDENCE
) -> Distinguished:
    """Tell two worlds apart by one of several statistics.

    Parameters
    ----------
    statistics : mapping of str to pair of ndarray, shape (draws,)
        By name: draws where the data was unlearned, and where it was never there.
    delta : float, default 0
        Of the claim.
    confidence : float, default 0.95

    Raises
    ------
    InputError
        With fewer than four draws of a world, or no statistic.
    """
    if not statistics or min(min(len(a), len(b)) for a, b in statistics.values()) < FEWEST_DRAWS:
        raise InputError(f"draws: at least {FEWEST_DRAWS} of each world are needed, half to choose and half to judge")
    options = [
        (*_best_cut(sign * removed[: len(removed) // 2], sign * never[: len(never) // 2]), name, sign)
        for name, (removed, never) in statistics.items()
        for sign in (1.0, -1.0)
    ]
    _, cut, name, sign = max(options, key=lambda option: option[0])
    removed, never = statistics[name]
    first, second = sign * removed[len(removed) // 2 :], sign * never[len(never) // 2 :]
    tail = (1 - confidence) / 4  # two ends of two rates
    hits, alarms = _rate(first, cut, tail), _rate(second, cut, tail)
    advantage = float(np.mean(first > cut) - np.mean(second > cut))
    epsilon = lower_epsilon(removed, never, delta, confidence)
    return Distinguished(name, advantage, hits[0] - alarms[1], hits[1] - alarms[0], epsilon, len(removed))


def lower_epsilon(removed: Draws, never: Draws, delta: float, confidence: float = CONFIDENCE) -> float:
    """Return a lower bound on epsilon, by the best threshold on a statistic, Clopper and Pearson's interval each way.

    Parameters
    ----------
    removed, never : ndarray, shape (draws,)
        The statistic in the world where the data was unlearned, and where it was never there.
    delta : float
    confidence : float, default 0.95

    Notes
    -----
    If the worlds are (epsilon, delta)-close, no event has ``P > exp(epsilon) Q + delta``. Both directions of the
    statistic and both orders of the worlds are looked at, which share the confidence.
    """
    best = 0.0
    for first, second in ((removed, never), (-removed, -never), (never, removed), (-never, -removed)):
        half, other = len(first) // 2, len(second) // 2
        cuts = np.quantile(np.concatenate([first[:half], second[:other]]), np.linspace(0.02, 0.98, 49))
        rates = [(np.mean(first[:half] > cut), np.mean(second[:other] > cut)) for cut in cuts]
        # A little is added to the false rate, or empty tails would always be the best.
        gains = [(p - delta) / (q + 10 / max(half, 10)) for p, q in rates]
        cut = float(cuts[int(np.argmax(gains))])
        tail = (1 - confidence) / 8  # four looks of two bounds each
        low, high = _rate(first[half:], cut, tail)[0], _rate(second[other:], cut, tail)[1]
        if low > delta:
            best = max(best, math.log((low - delta) / high))
    return best


def _best_cut(first: Draws, second: Draws) -> tuple[float, float]:
    """Return the largest difference of rates above a threshold, and the threshold, between two draws."""
    values = np.unique(np.concatenate([first, second]))
    cuts = np.concatenate([[values[0] - 1], (values[1:] + values[:-1]) / 2])
    above = [np.searchsorted(np.sort(draws), cuts, side="right") for draws in (first, second)]
    gains = above[1] / second.size - above[0] / first.size
    best = int(np.argmax(gains))
    return float(gains[best]), float(cuts[best])


def _rate(draws: Draws, cut: float, tail: float) -> tuple[float, float]:
    """Return bounds of the chance to be above a threshold (Clopper and Pearson 1934)."""
    hits, size = int(np.count_nonzero(draws > cut)), draws.size
    low = float(beta.ppf(tail, hits, size - hits + 1)) if hits else 0.0
    high = float(beta.ppf(1 - tail, hits + 1, size - hits)) if hits < size else 1.0
    return low, high
