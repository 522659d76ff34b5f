"""What a deletion promises, in three kinds."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Level = Literal["frozen", "reselected"]


@dataclass(frozen=True)
class Exact:
    """The model has the bytes of one trained without the removed data.

    Parameters
    ----------
    level : {"frozen", "reselected"}
        "reselected": every choice made on the data was made again on what remains. "frozen": choices such as alpha were
        kept from before, and may still carry a trace of what was removed.
    """

    level: Level

    def to_dict(self) -> dict[str, Any]:
        """Return the guarantee as plain values."""
        return {"kind": "exact", **asdict(self)}


@dataclass(frozen=True)
class Certified:
    """Whoever sees the model can tell it from a retrained one no better than (epsilon, delta) allows.

    Parameters
    ----------
    epsilon, delta : float
    residual : float
        The evaluated gradient residual that the noise has to hide.
    budget : float
        What is left for further removals, as a share of the whole.
    """

    epsilon: float
    delta: float
    residual: float
    budget: float

    def to_dict(self) -> dict[str, Any]:
        """Return the guarantee as plain values."""
        return {"kind": "certified", **asdict(self)}


@dataclass(frozen=True)
class Heuristic:
    """No guarantee; how much is forgotten is a matter of measurement.

    Parameters
    ----------
    reason : str
    """

    reason: str

    def to_dict(self) -> dict[str, Any]:
        """Return the guarantee as plain values."""
        return {"kind": "heuristic", **asdict(self)}


Guarantee = Exact | Certified | Heuristic
