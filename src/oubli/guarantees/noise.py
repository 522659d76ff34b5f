"""Noise for certificates: from the operating system, never from a seed."""

from __future__ import annotations

import os

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

DIGITS = 53


def system_normal(shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Return standard normal draws from the operating system's generator.

    Each comes from three words of random bits by the inverse distribution function: a sign and 52 digits from the
    first, how far out in the tail from the others. None lies beyond 12, which leaves out a probability of 1e-32.
    """
    size = int(np.prod(shape))
    words = np.frombuffer(os.urandom(24 * size), np.uint64).reshape(3, size)
    digits = ((words[0] >> np.uint64(12)) + 0.5) * 2.0**-52
    near, far = (_leading_zeros(each) for each in words[1:])
    halvings = np.where(near < DIGITS, near, DIGITS + far)
    # Uniform in (0, 1/2), with all its digits however small it is.
    tail = np.ldexp(0.25 * (1.0 + digits), -halvings)
    signs = np.where(words[0] & np.uint64(1), 1.0, -1.0)
    draws: NDArray[np.float64] = signs * ndtri(tail)
    return draws.reshape(shape)


def _leading_zeros(words: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return how many of the first `DIGITS` bits are zeros before the first one."""
    _, length = np.frexp((words >> np.uint64(64 - DIGITS)).astype(np.float64))
    return np.asarray(DIGITS - length, np.int64)
