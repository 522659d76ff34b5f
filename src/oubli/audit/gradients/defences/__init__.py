"""What clients can do to their updates, and what that costs: defences, their epsilon and their accuracy."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from oubli.audit.gradients.case import Defence
from oubli.audit.gradients.defences.accuracy import AccuracyUnder, accuracy_under
from oubli.audit.gradients.defences.combination import Combination, combine
from oubli.audit.gradients.defences.federation import Batch, LocalSteps, SecureAggregation
from oubli.audit.gradients.defences.noise import ClipAndNoise
from oubli.audit.gradients.defences.precision import Float16, Int8
from oubli.audit.gradients.defences.privacy import epsilon
from oubli.audit.gradients.defences.sparsification import TopK
from oubli.audit.gradients.defences.training import train
from oubli.errors import InputError

__all__ = [
    "AccuracyUnder",
    "Batch",
    "ClipAndNoise",
    "Combination",
    "Defence",
    "Float16",
    "Int8",
    "LocalSteps",
    "SecureAggregation",
    "TopK",
    "accuracy_under",
    "epsilon",
    "parse_defence",
    "train",
]


@dataclass(frozen=True)
class _Spelling:
    """How a defence is written: what stands after its name, and what is made of it."""

    make: Callable[..., Defence]
    kinds: tuple[Callable[[str], float], ...] = ()
    needed: int = 0
    usage: str = ""


_SPELLINGS = {
    "none": _Spelling(Defence, usage="none"),
    "float16": _Spelling(Float16, usage="float16"),
    "int8": _Spelling(Int8, usage="int8"),
    "top-k": _Spelling(lambda share: TopK(share_kept=share), (float,), 1, "top-k:SHARE"),
    "noise": _Spelling(
        lambda sigma, clip=1.0: ClipAndNoise(sigma=sigma, clip=clip), (float, float), 1, "noise:SIGMA[:CLIP]"
    ),
    "local-steps": _Spelling(
        lambda steps, rate=0.1: LocalSteps(local_steps=steps, learning_rate=rate),
        (int, float),
        1,
        "local-steps:STEPS[:LEARNING_RATE]",
    ),
    "batch": _Spelling(lambda graphs: Batch(num_graphs=graphs), (int,), 1, "batch:GRAPHS"),
    "secure-aggregation": _Spelling(
        lambda clients: SecureAggregation(num_clients=clients, num_graphs=clients),
        (int,),
        1,
        "secure-aggregation:CLIENTS",
    ),
}


def parse_defence(text: str) -> Defence:
    """Return the defence that a command line names.

    Parameters
    ----------
    text : str
        ``none``, ``float16``, ``int8``, ``top-k:SHARE``, ``noise:SIGMA[:CLIP]``, ``local-steps:STEPS[:LEARNING_RATE]``,
        ``batch:GRAPHS`` or ``secure-aggregation:CLIENTS``; several joined by ``+`` act in this order.

    Raises
    ------
    InputError
        For a name or a number that is not supported.

    Examples
    --------
    >>> parse_defence("noise:1e-2+float16").describe()
    'clipped to norm 1, Gaussian noise of deviation 0.01 in each entry; then sent in float16, scaled by 1024'
    """
    name = text.strip().lower()
    # The sign of an exponent, as in 1e+2, joins nothing.
    return combine([_parse_one(piece.strip(), name) for piece in re.split(r"(?<![\d.]e)\+", name)], name)


def _parse_one(text: str, whole: str) -> Defence:
    name, *numbers = text.split(":")
    usages = ", ".join(spelling.usage for spelling in _SPELLINGS.values())
    spelling = _SPELLINGS.get(name)
    if spelling is None:
        raise InputError(f"defence {whole!r}: {name!r} is not supported; supported: {usages}, and several joined by +")
    if not spelling.needed <= len(numbers) <= len(spelling.kinds):
        raise InputError(f"defence {whole!r}: written {spelling.usage}")
    try:
        values = [kind(number) for kind, number in zip(spelling.kinds, numbers, strict=False)]
    except ValueError as error:
        raise InputError(f"defence {whole!r}: written {spelling.usage} ({error})") from None
    return replace(spelling.make(*values), name=text)
