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

    Rounded down: what rounding could take from the delta that is computed is added to it.
    """

    def excess(shift: float) -> float:
        return shift_delta(epsilon, shift) + _rounding(epsilon, shift) - delta

    if excess(LARGEST) <= 0:
        return LARGEST
    smallest = 1e-12
    if excess(smallest) > 0:
        # Whatever epsilon: the distributions differ by ``2 Phi(s / 2) - 1 < 0.4 s`` of their mass.
        return min(2.0 * delta, smallest)
    shift = float(brentq(excess, smallest, LARGEST, xtol=1e-15, rtol=1e-12))
    while excess(shift) > 0:
        shift *= 1.0 - 1e-12
    return shift


def _rounding(epsilon: float, shift: float) -> float:
    """Return a bound on the error of `shift_delta`: its logarithms carry a few units of what they are made of."""
    first = float(log_ndtr(shift / 2 - epsilon / shift))
    second = float(log_ndtr(-shift / 2 - epsilon / shift))
    return 16 * 2.0**-53 * math.exp(first) * (1.0 + epsilon - 2 * first - 2 * second)
