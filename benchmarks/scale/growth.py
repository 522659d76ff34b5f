"""How costs grow: exponents fitted to what was measured, with intervals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import stats

Rows = Mapping[str, Sequence[Mapping[str, Any]]]
CONFIDENCE = 0.95
PHASES = ("import", "fit", "re-solve")


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
    """

    what: str
    against: str
    engine: str | None
    features: int
    points: list[tuple[float, float]]

    def exponent(self) -> tuple[float, float | None, float | None]:
        """Return the slope of a line through the logarithms, and its interval; None for that of two points."""
        sizes, seconds = np.log(np.array(self.points)).T
        if len(self.points) == 2:
            return float(np.diff(seconds)[0] / np.diff(sizes)[0]), None, None
        fit = stats.linregress(sizes, seconds)
        reach = float(stats.t.ppf((1 + CONFIDENCE) / 2, len(self.points) - 2) * fit.stderr)
        return float(fit.slope), float(fit.slope) - reach, float(fit.slope) + reach


def curves(rows: Rows) -> list[Curve]:
    """Return curves of two points or more: over graphs for a fixed change, over changes on the largest graph."""
    found: dict[tuple[Any, ...], list[tuple[float, float]]] = defaultdict(list)
    for row in rows["phases"]:
        if row["phase"] in PHASES:
            found[row["phase"], "edges of the graph", row["engine"], row["features"]].append(_point(row, "arcs"))
    warm = [row for row in rows["removals"] if not row["cold"]]
    largest = {(row["engine"], row["features"]): row["arcs"] for row in sorted(warm, key=lambda row: row["arcs"])}
    for row in warm:
        at = row["engine"], row["features"]
        plural = "s" if row["size"] > 1 else ""
        found[f"unlearn {row['size']:,} {row['kind']}{plural}", "edges of the graph", *at].append(_point(row, "arcs"))
        if row["arcs"] == largest[at]:
            found[f"unlearn {row['kind']}s", "size of the change", *at].append(_point(row, "size"))
    return [Curve(*key, sorted(points)) for key, points in found.items() if len({x for x, _ in points}) > 1]


def table_rows(rows: Rows) -> list[dict[str, Any]]:
    """Return a row a curve, with its exponent."""
    out = []
    for curve in curves(rows):
        value, low, high = curve.exponent()
        interval = "" if low is None else f"{low:.2f} .. {high:.2f}"
        row = {"what": curve.what, "against": curve.against, "engine": curve.engine, "features": curve.features}
        out.append(row | {"exponent": value, "interval": interval, "points": len(curve.points)})
    return out


def _point(row: Mapping[str, Any], size: str) -> tuple[float, float]:
    return float(row[size]), float(row["wall"]["median"])
