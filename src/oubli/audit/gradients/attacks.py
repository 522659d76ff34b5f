"""The attacks, nulls and oracles by name; their modules are imported when they are built."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module

from oubli.audit.gradients.reconstruction import Attack
from oubli.errors import InputError


def _build(module: str, name: str, **settings: object) -> Attack:
    built: Attack = getattr(import_module(f"oubli.audit.gradients.{module}"), name)(**settings)
    return built


ATTACKS: dict[str, Callable[..., Attack]] = {
    "lifting": partial(_build, "lifting", "ProfileLifting"),
    "graphdlg": partial(_build, "graphdlg", "GraphDLG"),
    "dlg": partial(_build, "matching", "DLG"),
    "idlg": partial(_build, "matching", "IDLG"),
    "inverting": partial(_build, "matching", "InvertingGradients"),
    "head": partial(_build, "head_only", "HeadOnly"),
    "random": partial(_build, "nulls", "RandomGuess"),
    "prior": partial(_build, "nulls", "PriorAdjacency"),
    "mean-feature": partial(_build, "nulls", "MeanFeature"),
    "noise-decoder": partial(_build, "nulls", "NoiseDecoder"),
    "likeliest": partial(_build, "nulls", "LikeliestGraph"),
    "dlg-oracle": partial(_build, "matching", "DLG", oracle=True),
    "inverting-oracle": partial(_build, "matching", "InvertingGradients", oracle=True),
    "recursion-oracle": partial(_build, "oracles", "RecursionOracle"),
}
NULLS = ("random", "prior", "mean-feature", "noise-decoder", "likeliest")
ALL_NULLS = "nulls"
"""The word that stands for all of `NULLS`."""
BUDGETED = ("dlg", "idlg", "inverting", "dlg-oracle", "inverting-oracle")
"""Those that iterate, whose number of iterations `build_attack` can scale."""


def build_attack(name: str, budget: float = 1.0) -> Attack:
    """Return an attack by name.

    Parameters
    ----------
    name : str
        A key of `ATTACKS`.
    budget : float, default 1.0
        Of those that iterate, the share of the published iterations.

    Raises
    ------
    InputError
        When there is none of that name.
    """
    if name not in ATTACKS:
        raise InputError(f"attack: {name!r} is not supported; supported: {', '.join([*ATTACKS, ALL_NULLS])}")
    attack = ATTACKS[name]()
    if name not in BUDGETED or budget == 1.0:
        return attack
    # Those of BUDGETED have iterations, which the base class does not know.
    return ATTACKS[name](iterations=max(1, round(budget * attack.iterations)))  # type: ignore[attr-defined]


def build_attacks(given: Sequence[str | Attack], budget: float = 1.0) -> dict[str, Attack]:
    """Return attacks by name, in their order, once each; `ALL_NULLS` stands for all nulls."""
    built: dict[str, Attack] = {}
    for attack in given:
        if isinstance(attack, Attack):
            built[attack.name] = attack
            continue
        for name in NULLS if attack == ALL_NULLS else (attack,):
            built[name] = build_attack(name, budget)
    return built
