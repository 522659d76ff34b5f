"""Tables of audits as lines of text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

WIDTH = 100


def aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """Return rows as lines whose columns stand below each other."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        yield "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()


def estimate(figure: Mapping[str, Any], places: int = 3) -> str:
    """Return ``0.861 [0.850, 0.872]``, without brackets where there is no interval."""
    if figure["value"] is None:
        return "-"
    shown = f"{figure['value']:.{places}f}"
    if figure["low"] is None or figure["high"] is None:
        return shown
    return f"{shown} [{figure['low']:.{places}f}, {figure['high']:.{places}f}]"
