"""What a certified model gives out: weights under noise, and whether weights and noise go together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import chdtr, chdtrc

from oubli.errors import CertificateError

Matrix = NDArray[np.float64]


def noise_deviation(noise_std: float, strength: float) -> float:
    """Return the deviation of noise on weights that hides what noise of `noise_std` hides of a gradient.

    A residual of `r` moves the optimum of a loss that curves by `strength` by at most ``r / strength``.

    Raises
    ------
    CertificateError
        When that is no number that could be added to weights.
    """
    deviation = float(noise_std) / strength if 0.0 < strength < np.inf else 0.0
    if not 1e-100 < deviation < 1e100:
        raise CertificateError(
            f"noise_std, alpha: with a noise_std of {noise_std:.3g} and a penalty of {strength:.3g}, noise on the "
            "weights cannot be added to them; choose both nearer to 1"
        )
    return deviation


def chance(draws: Matrix) -> float:
    """Return how likely draws that should be standard normal are as short or as long as these, or more so."""
    if not draws.size:
        return 1.0
    if not np.isfinite(draws).all():
        return 0.0
    squares = float(np.vdot(draws, draws))
    return float(min(1.0, 2.0 * min(chdtr(draws.size, squares), chdtrc(draws.size, squares))))
