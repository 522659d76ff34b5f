"""The attacks on memberships by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from oubli.audit.membership.attack import Attack
from oubli.audit.membership.calibrated import CalibratedLoss
from oubli.audit.membership.difference import LossDifference
from oubli.audit.membership.lira import LikelihoodRatio, OfflineLikelihoodRatio
from oubli.audit.membership.nulls import ClassFrequency, Degree
from oubli.audit.membership.thresholds import Loss, ModifiedEntropy
from oubli.errors import InputError

_ATTACKS: tuple[type[Attack], ...] = (
    LikelihoodRatio,
    OfflineLikelihoodRatio,
    CalibratedLoss,
    Loss,
    ModifiedEntropy,
    LossDifference,
)
ATTACKS: dict[str, Callable[[], Attack]] = {attack.name: attack for attack in _ATTACKS}
NULLS: dict[str, Callable[[], Attack]] = {null.name: null for null in (Degree, ClassFrequency)}
ALL = "all"
"""The word that stands for all of `ATTACKS`."""


def build_attacks(given: Sequence[str | Attack]) -> dict[str, Attack]:
    """Return attacks by name, in their order, once each, and all nulls behind them; `ALL` stands for all attacks.

    Raises
    ------
    InputError
        When there is none of that name, or none is given.
    """
    built: dict[str, Attack] = {}
    for attack in given:
        if isinstance(attack, Attack):
            built[attack.name] = attack
            continue
        if attack not in ATTACKS and attack != ALL:
            raise InputError(f"attacks: {attack!r} is not supported; supported: {', '.join([*ATTACKS, ALL])}")
        for name in ATTACKS if attack == ALL else (attack,):
            built.setdefault(name, ATTACKS[name]())
    if not built:
        raise InputError(f"attacks: give at least one of {', '.join([*ATTACKS, ALL])}")
    return built | {name: null() for name, null in NULLS.items()}
