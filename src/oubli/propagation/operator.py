"""The propagation operator: one family of normalised adjacencies, named by an exponent."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Context, Decimal

import numpy as np
from numpy.typing import NDArray

from oubli.errors import InputError

NAMED = {"random_walk": 0.0, "symmetric": -0.5}


@dataclass(frozen=True)
class Operator:
    """``Z^l = D^-rho (D^-1 A)^l D^rho X``, where `A` has self-loops and `D` its degrees.

    Attributes
    ----------
    rho : float
        0 is the random walk, -1/2 the symmetric normalisation, ``r - 1`` ScaleGUN's convolution coefficient `r`.

    Notes
    -----
    arXiv 2408.09212 writes the operator ``D^(r-1) A D^-r``; here it is taken apart so that one integer kernel, which
    divides a sum over neighbours by a degree, serves every `rho`.
    """

    rho: float

    @classmethod
    def parse(cls, given: str | float) -> Operator:
        """Read a name, or a convolution coefficient ``r`` in [0, 1].

        Raises
        ------
        InputError
            For another name or a coefficient out of range.
        """
        if isinstance(given, str) and given in NAMED:
            return cls(NAMED[given])
        if isinstance(given, int | float | np.number) and not isinstance(given, bool) and 0 <= given <= 1:
            return cls(float(given) - 1.0)
        raise InputError(
            f"operator: expected {' or '.join(map(repr, NAMED))}, or a convolution coefficient in [0, 1]; got {given!r}"
        )

    def message_scale(self, degrees: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return ``d^rho``, what a node's features are scaled by before the first hop."""
        return degree_powers(degrees, self.rho)

    def output_scale(self, degrees: NDArray[np.int64], hop: int) -> NDArray[np.float64]:
        """Return the factor from a hop's accumulator (hop 0: its messages) to the embedding."""
        return degree_powers(degrees, -self.rho if hop == 0 else -self.rho - 1.0)


def degree_powers(degrees: NDArray[np.int64], exponent: float) -> NDArray[np.float64]:
    """Return ``degrees ** exponent`` with the same bytes on every machine.

    The exponents of the named operators need only IEEE division and square root; others go through decimal arithmetic,
    once a distinct degree, since libm's `pow` differs between machines.
    """
    d = degrees.astype(np.float64)
    if exponent == 0.0:
        return np.ones_like(d)
    if exponent == -1.0:
        return 1.0 / d
    if exponent == 0.5:
        return np.sqrt(d)
    if exponent == -0.5:
        return 1.0 / np.sqrt(d)
    context = Context(prec=40)
    power = Decimal(exponent)
    distinct, inverse = np.unique(degrees, return_inverse=True)
    table = np.array([float(context.power(Decimal(int(v)), power)) for v in distinct], np.float64)
    return table[inverse]
