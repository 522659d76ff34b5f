"""Noise for certificates: from the operating system, never from a seed."""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri


def system_normal(shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Return standard normal draws from the operating system's generator.

    Each comes from 53 random bits by the inverse distribution function, so none lies beyond 8.3; what that leaves out
    has a probability of 1e-16.
    """
    words = np.frombuffer(os.urandom(8 * int(np.prod(shape))), np.uint64)
    # The middle of each of 2**53 equal parts: neither 0 nor 1.
    draws: NDArray[np.float64] = ndtri(((words >> np.uint64(11)) + 0.5) * 2.0**-53)
    return draws.reshape(shape)
