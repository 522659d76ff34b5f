"""Which gains are beyond what looking at many comparisons finds by chance."""

from __future__ import annotations

from collections.abc import Sequence

from scipy import stats

from oubli.audit.forgetting.summary import POWER
from oubli.audit.intervals import CONFIDENCE
from oubli.report.forgetting.results import Line

LEVEL = 1 - CONFIDENCE


def beyond_chance(lines: Sequence[Line]) -> list[Line]:
    """Return the lines above the floor that remain so by paired t tests, corrected for their number (Holm 1979).

    Parameters
    ----------
    lines : sequence of Line
        All comparisons that were made.
    """
    tested = sorted(((_chance(line), position) for position, line in enumerate(lines)), key=lambda pair: pair[0])
    kept = []
    for rank, (chance, position) in enumerate(tested):
        if chance > LEVEL / 2 / (len(tested) - rank):
            break
        kept.append(position)
    return [lines[position] for position in sorted(kept) if lines[position].above_floor]


def _chance(line: Line) -> float:
    """Return how likely a mean gain as large would be without any, one-sided; 1 where that is not known."""
    if line.gain.value is None or line.detectable is None or line.seeds < 2:
        return 1.0
    if line.detectable == 0:
        return 0.0 if line.gain.value > 0 else 1.0
    # The detectable gain is so many standard errors; see `oubli.audit.forgetting.summary.detectable`.
    degrees = line.seeds - 1
    errors = stats.t.ppf(1 - LEVEL / 2, degrees) + stats.t.ppf(POWER, degrees)
    return float(stats.t.sf(line.gain.value * errors / line.detectable, degrees))
