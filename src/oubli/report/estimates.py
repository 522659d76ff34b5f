"""A figure with its interval, and how it is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from oubli.report.fields import number

MISSING = "not measured"
MINUS = "−"


@dataclass(frozen=True)
class Estimate:
    """A figure, and the ends of its 95 % interval where it has one; None is what was not measured."""

    value: float | None
    low: float | None = None
    high: float | None = None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Both ends, or None."""
        return None if self.low is None or self.high is None else (self.low, self.high)


UNKNOWN = Estimate(None)


def estimate(record: Mapping[str, Any] | None, prefix: str = "") -> Estimate:
    """Return the figure ``value`` of a record with ``low`` and ``high``; with a prefix, ``floor``, ``floor_low``..."""
    if record is None:
        return UNKNOWN
    names = ("value", "low", "high") if not prefix else (prefix, f"{prefix}_low", f"{prefix}_high")
    return Estimate(*(number(record.get(name)) for name in names))


def decimals(value: float | None, places: int = 3) -> str:
    """Return a number between -1 and 1 as ``.893``, others as they are; ``not measured`` of None."""
    if value is None:
        return MISSING
    # Not minus zero.
    shown = f"{abs(value):.{places}f}"
    sign = MINUS if value < 0 and float(shown) else ""
    return sign + (shown[1:] if shown.startswith("0.") else shown)


def signed(value: float | None, places: int = 3) -> str:
    """Return a difference with its sign: ``+.012``, ``−.004``, ``0``."""
    if value is None:
        return MISSING
    shown = decimals(value, places)
    if not float(f"{abs(value):.{places}f}"):
        return "0"
    return shown if shown.startswith(MINUS) else f"+{shown}"


def write(figure: Estimate, places: int = 3) -> str:
    """Return ``.893 [.880, .901]``."""
    return decimals(figure.value, places) + _ends(figure, places, decimals)


def write_gain(figure: Estimate, places: int = 3) -> str:
    """Return ``+.012 [−.003, +.020]``."""
    return signed(figure.value, places) + _ends(figure, places, signed)


def share(value: float | None) -> str:
    """Return a share in per cent: ``85.3 %``."""
    return MISSING if value is None else f"{100 * value:.1f} %"


def write_share(figure: Estimate) -> str:
    """Return ``85.3 % [84.0, 86.1]``."""
    ends = figure.interval
    return share(figure.value) + (f" [{100 * ends[0]:.1f}, {100 * ends[1]:.1f}]" if ends else "")


def write_points(figure: Estimate) -> str:
    """Return a difference of shares: ``+1.2 points [−0.3, +2.0]``."""
    if figure.value is None:
        return MISSING
    low_and_high = f" [{_points(figure.low)}, {_points(figure.high)}]" if figure.interval else ""
    return f"{_points(figure.value)} points{low_and_high}"


def _points(value: float | None) -> str:
    shown = f"{100 * (value or 0.0):+.1f}"
    return "0" if not float(shown) else shown.replace("-", MINUS)


def duration(seconds: float | None) -> str:
    """Return a time with a fitting unit: ``1.3 ms``, ``2.40 s``."""
    if seconds is None:
        return MISSING
    for unit, scale in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= scale:
            return f"{seconds / scale:.3g} {unit}"
    return f"{seconds / 1e-6:.3g} µs"


def times(ratio: float) -> str:
    """Return how many times quicker: ``390x``, ``2.4x``."""
    return f"{ratio:,.0f}x" if ratio >= 10 else f"{ratio:.2g}x"


def _ends(figure: Estimate, places: int, written: Any) -> str:
    ends = figure.interval
    return f" [{written(ends[0], places)}, {written(ends[1], places)}]" if ends else ""
