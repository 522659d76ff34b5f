"""What the parameters of a certified model may be."""

from __future__ import annotations

from typing import Any

import numpy as np

from oubli.errors import InputError
from oubli.models.parameters import check_choice, check_integer, numbers
from oubli.propagation import Operator, hop_weights

LARGEST_EPSILON = 32.0
"""Beyond it the tails of the noise would have to be right further out than they are drawn."""


def check_certified(model: Any) -> None:
    """Check the parameters of a `CertifiedClassifier`.

    Raises
    ------
    InputError
        Naming the first that is wrong.
    """
    for name in ("epsilon", "noise_std", "alpha"):
        given = _number(model, name)
        if not 0 < given < np.inf:
            raise InputError(f"{name}: expected a positive number, got {given!r}")
    if model.epsilon > LARGEST_EPSILON:
        raise InputError(f"epsilon: {model.epsilon!r} hides nothing; expected at most {LARGEST_EPSILON:g}")
    if not 0 < _number(model, "delta") < 1:
        raise InputError(f"delta: expected a number between 0 and 1, got {model.delta!r}")
    if not 0 <= _number(model, "rmax") < np.inf:
        raise InputError(f"rmax: expected 0 or a positive number, got {model.rmax!r}")
    if not 0 <= _number(model, "step_share") <= 1:
        raise InputError(f"step_share: expected a share from 0 to 1, got {model.step_share!r}")
    check_integer(model.hops, "hops", 0, 64)
    if model.projection is not None:
        check_integer(model.projection, "projection (if not None)", 1, 4096)
    check_integer(model.fraction_bits, "fraction_bits", 4, 20)
    check_choice(model.mechanism, "mechanism", ("output", "objective"))
    check_choice(model.normalize, "normalize", ("l2", None))
    Operator.parse(model.operator)
    hop_weights(model.weights, model.hops, model.teleport)


def _number(model: Any, name: str) -> float:
    given = getattr(model, name)
    if isinstance(given, list | tuple | np.ndarray):
        raise InputError(f"{name}: expected one number, got {given!r}")
    return numbers(given, name)[0]
