"""What Gaussian noise hides: the exact trade-off between epsilon, delta and a shift of the mean."""

from __future__ import annotations

import math

from scipy.optimize import brentq
from scipy.special import log_ndtr

LARGEST = 64.0
"""Shifts, in deviations of the noise, beyond which hardly anything is hidden."""


def shift_delta(epsilon: float, shift: float) -> float:
    """Return the smallest delta for which normal distributions, `shift` deviations apart, are (epsilon, delta)-close.

    Notes
    -----
    ``Phi(s / 2 - epsilon / s) - exp(epsilon) Phi(-s / 2 - epsilon / s)``: Balle and Wang, "Improving the Gaussian
    mechanism for differential privacy" (ICML 2018), theorem 5. It holds for every epsilon, in any number of dimensions.
    """
    if shift == 0.0:
        return 0.0
    first = float(log_ndtr(shift / 2 - epsilon / shift))
    second = epsilon + float(log_ndtr(-shift / 2 - epsilon / shift))
    return math.exp(first) * -math.expm1(second - first)


def hidden_shift(epsilon: float, delta: float) -> float:
    """Return the largest shift, in deviations of the noise, that stays (epsilon, delta)-close.

    Rounded down: the delta of what is returned is at most `delta`.
    """
    if shift_delta(epsilon, LARGEST) <= delta:
        return LARGEST
    shift = float(brentq(lambda s: shift_delta(epsilon, s) - delta, 1e-12, LARGEST, xtol=1e-15, rtol=1e-12))
    while shift_delta(epsilon, shift) > delta:
        shift *= 1.0 - 1e-12
    return shift
