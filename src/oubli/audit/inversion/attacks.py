"""The attacks on removed edges by name; their modules are imported when they are built."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module

from oubli.audit.inversion.attack import Attack
from oubli.audit.inversion.distances import DISTANCES
from oubli.errors import InputError


def _build(module: str, name: str, **settings: object) -> Attack:
    built: Attack = getattr(import_module(f"oubli.audit.inversion.{module}"), name)(**settings)
    return built


def _trained(module: str, name: str, **settings: object) -> Attack:
    """Return an attack that trains a network."""
    try:
        import_module("torch")
    except ImportError:
        raise ImportError("this attack trains a network, and torch is missing: pip install 'oubli[attacks]'") from None
    return _build(module, name, **settings)


def _blind(name: str) -> Attack:
    return _build("blind", "Blind", attack=ATTACKS[name]())


ATTACKS: dict[str, Callable[[], Attack]] = {
    **{f"posterior-{name}": partial(_build, "similarity", "PosteriorSimilarity", distance=name) for name in DISTANCES},
    "group": partial(_build, "group", "GroupThresholds"),
    "stealing": partial(_trained, "stealing", "LinkStealing", lesson="retained"),
    "stealing-removed": partial(_trained, "stealing", "LinkStealing", lesson="removed"),
    "stealing-matched": partial(_trained, "stealing", "LinkStealing", lesson="matched"),
    "trend-mia": partial(_trained, "trend", "TrendMIA"),
    "trend-steal": partial(_trained, "trend", "TrendSteal"),
    "difference-confidence": partial(_build, "difference", "ConfidenceDifference"),
    "difference-similarity": partial(_build, "difference", "SimilarityDifference"),
    "difference-shift": partial(_build, "difference", "LogitShift"),
    "features": partial(_build, "similarity", "FeatureSimilarity"),
    "neighbours": partial(_build, "similarity", "KnownNeighbours"),
    "trend-mia-blind": partial(_blind, "trend-mia"),
    "trend-steal-blind": partial(_blind, "trend-steal"),
}
NULLS = ("features", "neighbours", "trend-mia-blind", "trend-steal-blind")
"""Those that ask no model."""
ALL = "all"
"""The word that stands for all of `ATTACKS`."""


def build_attack(name: str) -> Attack:
    """Return an attack by name.

    Parameters
    ----------
    name : str
        A key of `ATTACKS`.

    Raises
    ------
    InputError
        When there is none of that name.
    ImportError
        When it trains a network, and torch is missing.
    """
    if name not in ATTACKS:
        raise InputError(f"attack: {name!r} is not supported; supported: {', '.join([*ATTACKS, ALL])}")
    return ATTACKS[name]()


def build_attacks(given: Sequence[str | Attack]) -> dict[str, Attack]:
    """Return attacks by name, in the order given, once each; `ALL` stands for every one."""
    built: dict[str, Attack] = {}
    for attack in given:
        if isinstance(attack, Attack):
            built[attack.name] = attack
            continue
        for name in ATTACKS if attack == ALL else (attack,):
            built[name] = build_attack(name)
    return built
