"""Hop weights: which polynomial of the propagation matrix an embedding is."""

from __future__ import annotations

from collections.abc import Sequence
from math import comb

import numpy as np
from numpy.typing import ArrayLike, NDArray

from oubli.errors import InputError

NAMED = ("sgc", "average", "ppr", "alternating")


def hop_weights(given: str | ArrayLike, hops: int, teleport: float = 0.1) -> NDArray[np.float64]:
    """Return ``w_0 .. w_hops`` of ``Z = sum of w_l P^l X``, where `P` is the propagation matrix.

    Parameters
    ----------
    given : {"sgc", "average", "ppr", "alternating"} or sequence of float
        "sgc" is the last hop alone, "average" gives all hops the same weight, "ppr" hop `l` the weight
        ``teleport * (1 - teleport)**l``, "alternating" ``(-1)**l``, for graphs whose neighbours differ. A sequence has
        one number a hop, hop 0, the features themselves, first.
    hops : int
    teleport : float, default 0.1
        Of "ppr", in (0, 1). The weights are as published: they do not add up to 1, the rest being further away.

    Raises
    ------
    InputError
        For another name, a sequence of another length, a number that is not finite, or weights that are all zero.

    Examples
    --------
    >>> from oubli.propagation import hop_weights
    >>> hop_weights("ppr", 2, teleport=0.5).tolist()
    [0.5, 0.25, 0.125]
    """
    if isinstance(hops, bool) or not isinstance(hops, int | np.integer) or hops < 0:
        raise InputError(f"hops: expected an integer, not negative; got {hops!r}")
    if isinstance(given, str):
        return _named(given, int(hops), teleport)
    weights = _numbers(given, "weights")
    if weights.size != hops + 1:
        raise InputError(f"weights: {weights.size} given for {hops} hops; give {hops + 1}, that of the features first")
    if not weights.any():
        raise InputError("weights: all are zero, and so would be every embedding; give at least one other")
    return weights


def chebyshev_weights(coefficients: ArrayLike) -> NDArray[np.float64]:
    """Return the hop weights of ``sum of c_k T_k(L - I)``, where ``L = I - P`` is the Laplacian.

    The spectrum of `L` lies in [0, 2], so that of the argument lies in [-1, 1], where Chebyshev polynomials live.

    Examples
    --------
    >>> from oubli.propagation import chebyshev_weights
    >>> chebyshev_weights([0, 0, 1]).tolist()
    [-1.0, 0.0, 2.0]
    """
    given = _numbers(coefficients, "coefficients")
    monomial = np.zeros(given.size)
    converted = np.polynomial.chebyshev.cheb2poly(given)
    monomial[: converted.size] = converted
    # L - I = -P: odd powers change sign. Adding zero turns -0.0 into 0.0.
    return np.asarray(monomial * (-1.0) ** np.arange(given.size) + 0.0)


def bernstein_weights(coefficients: ArrayLike) -> NDArray[np.float64]:
    """Return the hop weights of ``sum of c_k C(K, k) (I + P)^(K-k) (I - P)^k / 2^K``, `K` + 1 coefficients given.

    With the Laplacian ``L = I - P`` this is the polynomial in Bernstein's form on [0, 2]: ``c_k`` is about the response
    of the filter at ``L = 2k / K``.

    Examples
    --------
    >>> from oubli.propagation import bernstein_weights
    >>> bernstein_weights([1, 1, 1]).tolist(), bernstein_weights([1, 0]).tolist()
    ([1.0, 0.0, 0.0], [0.5, 0.5])
    """
    given = _numbers(coefficients, "coefficients")
    degree = given.size - 1
    total = np.zeros(given.size)
    for k, coefficient in enumerate(given.tolist()):
        total += coefficient * comb(degree, k) / 2.0**degree * _low_high(degree - k, k)
    return total


def _low_high(low: int, high: int) -> NDArray[np.float64]:
    """Return the coefficients of ``(1 + x)^low (1 - x)^high``."""
    up = [comb(low, i) for i in range(low + 1)]
    down = [(-1) ** i * comb(high, i) for i in range(high + 1)]
    return np.convolve(np.array(up, np.float64), np.array(down, np.float64))


def _named(name: str, hops: int, teleport: float) -> NDArray[np.float64]:
    powers = np.arange(hops + 1)
    if name == "sgc":
        return np.where(powers == hops, 1.0, 0.0)
    if name == "average":
        return np.full(hops + 1, 1.0 / (hops + 1))
    if name == "alternating":
        return np.where(powers % 2 == 0, 1.0, -1.0)
    if name == "ppr":
        if isinstance(teleport, bool) or not isinstance(teleport, int | float | np.number) or not 0 < teleport < 1:
            raise InputError(f"teleport: expected a number between 0 and 1, got {teleport!r}")
        return np.asarray(float(teleport) * (1.0 - float(teleport)) ** powers)
    raise InputError(f"weights: expected {', '.join(map(repr, NAMED))}, or one number a hop; got {name!r}")


def _numbers(given: ArrayLike | Sequence[float], what: str) -> NDArray[np.float64]:
    try:
        array = np.asarray(given)
    except ValueError:
        raise InputError(f"{what}: expected a plain sequence of numbers") from None
    if array.dtype.kind not in "fiu" or array.ndim != 1 or not array.size:
        raise InputError(f"{what}: expected a sequence of numbers, got {given!r}")
    numbers = np.array(array, np.float64)
    if not np.isfinite(numbers).all():
        raise InputError(f"{what}: entry {int(np.flatnonzero(~np.isfinite(numbers))[0])} is not finite")
    return numbers
