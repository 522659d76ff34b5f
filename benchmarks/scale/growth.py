"""How costs grow: exponents fitted to what was measured, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import stats

Rows = Mapping[str, Sequence[Mapping[str, Any]]]
CONFIDENCE = 0.95
PHASES = ("import", "fit", "re-solve")
GRAPH, CHANGE, REACHED = "edges of the graph", "size of the change, largest graph", "rows reached"


@dataclass(frozen=True)
class Curve:
    """Seconds against a size.

    Attributes
    ----------
    what, against : str
    engine : str or None
        None where all engines share it.
    features : int
    points : list of (size, seconds)
        Ascending.
    whole : set of float
        Sizes at which a removal reached so far that hops were computed whole; these are no part of what is fitted.
    """

    what: str
    against: str
    engine: str | None
    features: int
    points: list[tuple[float, float]]
    whole: set[float] = field(default_factory=set)

    @property
    def fitted(self) -> list[tuple[float, float]]:
        """Return the points that the exponent is fitted to."""
        return [point for point in self.points if point[0] not in self.whole]

    def exponent(self) -> tuple[float | None, float | None, float | None]:
        """Return the slope of a line through the logarithms, and its interval; None where there are too few points."""
        if len({size for size, _ in self.fitted}) < 2:
            return None, None, None
        sizes, seconds = np.log(np.array(self.fitted)).T
        if len(self.fitted) == 2:
            return float(np.diff(seconds)[0] / np.diff(sizes)[0]), None, None
        fit = stats.linregress(sizes, seconds)
        reach = float(stats.t.ppf((1 + CONFIDENCE) / 2, len(self.fitted) - 2) * fit.stderr)
        return float(fit.slope), float(fit.slope) - reach, float(fit.slope) + reach


def curves(rows: Rows) -> list[Curve]:
    """Return curves of two points or more: over graphs for a fixed change, over changes on the largest graph."""
    found: dict[tuple[Any, ...], Curve] = {}

    def add(key: tuple[Any, ...], size: float, row: Mapping[str, Any]) -> None:
        curve = found.setdefault(key, Curve(*key, []))
        curve.points.append((float(size), float(row["wall"]["median"])))
        if not row.get("path", "local").startswith("local"):
            curve.whole.add(float(size))

    for row in rows["phases"]:
        if row["phase"] in PHASES:
            add((row["phase"], GRAPH, row["engine"], row["features"]), row["arcs"], row)
    warm = sorted((row for row in rows["removals"] if not row["cold"]), key=lambda row: row["arcs"])
    largest = {(row["engine"], row["features"]): row["arcs"] for row in warm}
    for row in warm:
        at = row["engine"], row["features"]
        plural = "s" if row["size"] > 1 else ""
        add((f"unlearn {row['size']:,} {row['kind']}{plural}", GRAPH, *at), row["arcs"], row)
        add(("unlearn anything", REACHED, *at), max(sum(row["reached"]), 1), row)
        if row["arcs"] == largest[at]:
            add((f"unlearn {row['kind']}s", CHANGE, *at), row["size"], row)
    for curve in found.values():
        curve.points.sort()
    return [curve for curve in found.values() if len({size for size, _ in curve.points}) > 1]


def table_rows(rows: Rows) -> list[dict[str, Any]]:
    """Return a row a curve, with its exponent."""
    out = []
    for curve in curves(rows):
        value, low, high = curve.exponent()
        if value is None:
            continue
        interval = "" if low is None else f"{low:.2f} .. {high:.2f}"
        row = {"what": curve.what, "against": curve.against, "engine": curve.engine, "features": curve.features}
        out.append(row | {"exponent": value, "interval": interval, "points": len(curve.fitted)})
    return out
