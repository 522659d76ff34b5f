"""The receipt of a deletion."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from typing import Any

from oubli.errors import InputError
from oubli.guarantees.levels import Certified, Exact, Guarantee, Heuristic

KINDS: dict[str, type[Exact] | type[Certified] | type[Heuristic]] = {
    "exact": Exact,
    "certified": Certified,
    "heuristic": Heuristic,
}


@dataclass(frozen=True)
class Receipt:
    """What a deletion did, without naming what was deleted.

    Attributes
    ----------
    guarantee : Exact, Certified or Heuristic
    removed : dict
        How many nodes, edges (those of removed nodes among them), features and labels went.
    ignored : dict
        What ``missing="ignore"`` passed over, by kind, as it was asked for.
    remaining : dict
        How many nodes, edges and training nodes are left.
    rows_changed : int
        Training rows whose embedding changed or that left the sums; all of them after a rebuild.
    reached : list of int
        For each hop, how many rows were looked at.
    path : str
        "local", or what was computed whole and why.
    choices : dict
        The choices in force after the deletion, such as alpha.
    changed_choices : dict
        For each choice that came out differently, what it was before.
    classes_lost : list
        Classes that have no training node any more: the model no longer predicts them.
    weights_sha256 : str
        Digest of the weights after the deletion.
    seconds : float
        Wall-clock time of the deletion.
    version : str
        Version of oubli.
    created : str
        When, in UTC, ISO 8601.
    """

    guarantee: Guarantee
    removed: dict[str, int]
    remaining: dict[str, int]
    rows_changed: int
    reached: list[int]
    path: str
    choices: dict[str, Any]
    weights_sha256: str
    seconds: float
    version: str
    created: str
    ignored: dict[str, list[Any]] = field(default_factory=dict)
    changed_choices: dict[str, Any] = field(default_factory=dict)
    classes_lost: list[Any] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return the receipt as plain values."""
        return {**vars(self), "guarantee": self.guarantee.to_dict()}

    def to_json(self) -> str:
        """Return the receipt as JSON text, which `from_json` reads."""
        return json.dumps(self.to_dict(), indent=2)

    @classmethod
    def from_json(cls, text: str) -> Receipt:
        """Read a receipt that `to_json` wrote.

        Raises
        ------
        InputError
            When the text is not one.
        """
        try:
            values = json.loads(text)
            given = dict(values["guarantee"])
            return cls(**{**values, "guarantee": KINDS[given.pop("kind")](**given)})
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"receipt: not a receipt of oubli ({error})") from None


@cache
def installed_version() -> str:
    """Return the version of oubli; asked once, since looking it up reads files."""
    return version("oubli")
