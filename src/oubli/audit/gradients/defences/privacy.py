"""What noise guarantees: the epsilon of a client over all rounds it takes part in."""

from __future__ import annotations

import math

from scipy.optimize import brentq

from oubli.audit.gradients.case import Defence
from oubli.audit.gradients.defences.combination import Combination
from oubli.audit.gradients.defences.noise import ClipAndNoise
from oubli.errors import InputError
from oubli.guarantees.gaussian import shift_delta

DELTA = 1e-5


def epsilon(defence: Defence, rounds: int = 1, delta: float = DELTA) -> float:
    """Return the epsilon of local differential privacy of one client's messages; infinity where there is no noise.

    Neighbours are any two data sets of the client: its graphs *replaced* by any others. The server sees each message
    itself. A clipped update then moves by twice the clipping norm ``C`` at the most, so each round shifts Gaussian
    noise of deviation ``sigma C`` by up to ``2 / sigma`` deviations, and `rounds` of them, adaptively chosen, are
    together one of ``2 sqrt(rounds) / sigma``. The trade-off is exact, no bound: an attacker who could make the
    gradients opposite reaches it.

    Nothing is gained here from clients that are drawn at random, from batches, from sums over clients, or from what
    is done after the noise: each would need somebody other than the client to be trusted.

    Parameters
    ----------
    defence : Defence
    rounds : int, default 1
        That the client takes part in.
    delta : float, default 1e-5
        In (0, 1).

    Returns
    -------
    float

    Raises
    ------
    InputError
        For values out of range.

    Notes
    -----
    Exact mechanism: Balle and Wang, "Improving the Gaussian mechanism for differential privacy" (ICML 2018), theorem 5.
    Composition: Dong, Roth and Su, "Gaussian differential privacy" (JRSS B 2022), corollary 3.3.
    """
    if rounds < 1:
        raise InputError(f"rounds: expected one or more, got {rounds}")
    if not 0 < delta < 1:
        raise InputError(f"delta: expected a chance above 0 and below 1, got {delta}")
    sigma = _sigma(defence)
    return shift_epsilon(2 * math.sqrt(rounds) / sigma, delta) if sigma else math.inf


def shift_epsilon(shift: float, delta: float) -> float:
    """Return the smallest epsilon for which normal distributions `shift` deviations apart are (epsilon, delta)-close.

    The inverse of `oubli.guarantees.gaussian.shift_delta`, rounded up.
    """
    if shift_delta(0.0, shift) <= delta:
        return 0.0
    # Zero-concentrated differential privacy (Bun and Steinke 2016, proposition 1.3) bounds it from above.
    most = shift**2 / 2 + shift * math.sqrt(2 * math.log(1 / delta))
    found = float(brentq(lambda e: shift_delta(e, shift) - delta, 0.0, most, xtol=1e-12, rtol=1e-12))
    while shift_delta(found, shift) > delta:
        found += 1e-12 * max(found, 1.0)
    return found


def _sigma(defence: Defence) -> float:
    """Return the deviation of the noise in units of the clipping norm; 0 for none."""
    if isinstance(defence, ClipAndNoise):
        return defence.sigma
    if isinstance(defence, Combination):
        # Whatever comes before a part or after it leaves that part's guarantee as it is.
        return max(_sigma(part) for part in defence.parts)
    return 0.0
