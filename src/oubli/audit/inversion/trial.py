"""One method under one seed: what its answers tell every attack about edges, beside those of retraining."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oubli.audit.curves import area_under_curve, rate_at, receiver_curve
from oubli.audit.forgetting.families import Families
from oubli.audit.forgetting.methods import Method
from oubli.audit.forgetting.outcome import Outcome, forget
from oubli.audit.forgetting.seeds import derived_seed
from oubli.audit.forgetting.standing import standing_record
from oubli.audit.forgetting.summary import FLOOR, GRID
from oubli.audit.inversion.attack import Attack
from oubli.audit.inversion.transcript import Observation, Secret, Shadow, Transcript
from oubli.audit.inversion.world import GROUPS, Side, World
from oubli.errors import InputError

LOW_RATE = 0.01
"""False positive rate at which a true positive rate is given."""
COMPARISONS: dict[str, tuple[tuple[str, ...], str]] = {
    "matched": (("removed",), "never"),
    "removed": (("removed",), "absent"),
    "retained": (("retained",), "absent"),
    "all": (("removed", "retained"), "absent"),
}
"""Which groups are to be scored above which."""
CURVES = ("removed", "matched")


@dataclass(eq=False)
class Trial:
    """The attacks on all methods in one world; what is the same for several methods is done once.

    Parameters
    ----------
    world : World
    attacks : mapping of str to Attack
    families : Families
    """

    world: World
    attacks: Mapping[str, Attack]
    families: Families
    _judged: dict[tuple[str, bytes], dict[str, Any]] = field(default_factory=dict, repr=False)

    def judge(self, method: Method) -> dict[str, Any]:
        """Return ``standing`` and ``rows`` of a method: of each attack its figures, and those of the floor.

        Scores depend on what an attack is given and on its seed, both the same for the method and its floor but for the
        answers after the removal. Where those are the same bytes, what was found for them stands for both.
        """
        outcomes = {
            place: forget(
                self.families,
                method,
                self.world.seed,
                place,
                side.graph,
                side.removal,
                side.remaining,
                self.world.classes,
            )
            for place, side in (("victim", self.world.victim), ("shadow", self.world.shadow))
        }
        standing = standing_record(outcomes["victim"])
        standing["bytes_equal"] = all(outcome.bytes_equal for outcome in outcomes.values())
        own = self._figures({place: outcome.after for place, outcome in outcomes.items()}, outcomes)
        floor = self._figures({place: outcome.retrained for place, outcome in outcomes.items()}, outcomes)
        rows = [
            {"attack": name, **own[name], **{FLOOR + metric: value for metric, value in floor[name].items()}}
            for name in self.attacks
        ]
        return {"standing": standing, "rows": rows}

    def _figures(
        self, after: Mapping[str, NDArray[np.float64]], outcomes: Mapping[str, Outcome]
    ) -> dict[str, dict[str, Any]]:
        """Return the figures of every attack on answers of victim and shadow."""
        victim = _observed(self.world.victim, after["victim"], outcomes["victim"].before)
        shadow = _observed(self.world.shadow, after["shadow"], outcomes["shadow"].before)
        transcript, secret = assemble(self.world, victim, shadow)
        digest = _digest(victim, shadow)
        found = {}
        for name, attack in self.attacks.items():
            # A null asks no model, so that it finds the same whatever is answered.
            key = name, b"" if attack.kind == "null" else digest
            if key not in self._judged:
                scores = attack.score(transcript, derived_seed(self.world.seed, "attack", name))
                self._judged[key] = measure(name, scores, secret)
            found[name] = self._judged[key]
        return found


def assemble(world: World, victim: Observation, shadow: Observation) -> tuple[Transcript, Secret]:
    """Return what the attacker gets and what it must find out; the order of the pairs depends on the seed alone."""
    sides = world.victim.groups
    pairs = np.concatenate([sides[name] for name in GROUPS])
    group = np.repeat(np.arange(len(GROUPS)), [len(sides[name]) for name in GROUPS])
    order = np.random.default_rng(derived_seed(world.seed, "pairs")).permutation(len(pairs))
    known = world.shadow.groups
    own = Shadow(shadow, known["removed"], known["retained"], known["absent"], world.shadow.labels, known["never"])
    secret = Secret({name: group[order] == i for i, name in enumerate(GROUPS)})
    return Transcript(victim, pairs[order], own), secret


def measure(name: str, scores: NDArray[np.float64], secret: Secret) -> dict[str, Any]:
    """Return the figures of scores: areas under curves by comparison, a rate at few false alarms, curves.

    Raises
    ------
    InputError
        When scores are not one finite number a pair.
    """
    size = secret.groups["removed"].size
    if scores.shape != (size,) or not np.isfinite(scores).all():
        raise InputError(f"attack {name}: expected {size} finite scores, got shape {scores.shape} or some not finite")
    figures: dict[str, Any] = {}
    curves: dict[str, list[float]] = {}
    for comparison, (above, below) in COMPARISONS.items():
        truth = np.logical_or.reduce([secret.groups[group] for group in above])
        asked = truth | secret.groups[below]
        figures[f"auc_{comparison}"] = area_under_curve(scores[asked], truth[asked])
        if comparison == "matched":
            figures["tpr_matched"] = rate_at(scores[asked], truth[asked], LOW_RATE)
        if comparison in CURVES:
            curves[comparison] = np.round(receiver_curve(scores[asked], truth[asked], GRID), 4).tolist()
    return figures | {"curves": curves}


def _observed(side: Side, posteriors: NDArray[np.float64], before: NDArray[np.float64]) -> Observation:
    return Observation(side.features, posteriors, side.known, before)


def _digest(*observed: Observation) -> bytes:
    """Return a digest of the answers; all else that an attacker gets is the same within a world."""
    found = hashlib.sha256()
    for observation in observed:
        found.update(observation.posteriors.tobytes())
        if observation.before is not None:
            found.update(observation.before.tobytes())
    return found.digest()
