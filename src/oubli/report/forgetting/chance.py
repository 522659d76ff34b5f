"""Which gains are beyond what looking at many comparisons finds by chance."""

from __future__ import annotations

from collections.abc import Sequence

from oubli.report.forgetting.results import Line

LEVEL = 0.05


def beyond_chance(lines: Sequence[Line]) -> list[Line]:
    """Return the lines off the floor that remain so when corrected for how many comparisons were made (Holm 1979).

    Parameters
    ----------
    lines : sequence of Line
        All comparisons that were made, with p values of their own.
    """
    tested = sorted((1.0 if line.p is None else line.p, position) for position, line in enumerate(lines))
    kept = []
    for rank, (chance, position) in enumerate(tested):
        if chance > LEVEL / (len(tested) - rank):
            break
        kept.append(position)
    return [lines[position] for position in sorted(kept) if lines[position].off_floor]
