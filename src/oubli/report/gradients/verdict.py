"""What an audit found, in sentences; none of them has a score without its null."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from oubli.report.gradients.metrics import EXACT, METRICS, metric_of, percent
from oubli.report.gradients.results import DefenceRecord, GradientResults, Score

GRAPHS = "Gives graphs away"


@dataclass(frozen=True)
class Verdict:
    """What is to be said of one defence.

    Parameters
    ----------
    defence : DefenceRecord
    status : {"leak", "unclear", "safe", "unknown"}
        Graphs, or parts of them, were given away beyond what is guessed without the update (or that was not
        measured); something was found, but not beyond that; nothing was; or nothing was measured.
    word : str
        The status in words.
    exact : str
        Of graphs that were recovered exactly.
    parts : tuple of str
        What else was found beyond the null, of the metrics that have figures.
    """

    defence: DefenceRecord
    status: str
    word: str
    exact: str
    parts: tuple[str, ...]


def judge(results: GradientResults) -> list[Verdict]:
    """Return a verdict for each defence, in their order; oracles do not count, as no server has what they are given."""
    return [_verdict(defence, results.summary) for defence in results.defences]


def sum_up(verdicts: Sequence[Verdict]) -> list[tuple[str, str, list[str]]]:
    """Return each status that was given, worst first, with its words and the defences that have it."""
    order = {status: position for position, status in enumerate(("leak", "unclear", "safe", "unknown"))}
    found: dict[tuple[str, str], list[str]] = {}
    for verdict in verdicts:
        found.setdefault((verdict.status, verdict.word), []).append(verdict.defence.name)
    ranked = sorted(found.items(), key=lambda item: (order[item[0][0]], item[0][1] != GRAPHS))
    return [(status, word, names) for (status, word), names in ranked]


def strongest(summary: Sequence[Score], defence: str, metric: str) -> Score | None:
    """Return the score of the attack that found most under a defence; None when none was measured."""
    found = [
        score
        for score in summary
        if (score.defence, score.metric, score.kind) == (defence, metric, "attack") and score.value is not None
    ]
    sign = -1.0 if metric_of(metric).more is False else 1.0
    return max(found, key=lambda score: sign * (score.value or 0.0), default=None)


def null_score(summary: Sequence[Score], score: Score) -> Score | None:
    """Return the entry of the null that a score is compared with, which has the interval; None when there is none."""
    for other in summary:
        if (other.kind, other.defence, other.metric, other.attack) == (
            "null",
            score.defence,
            score.metric,
            score.null,
        ):
            return other
    return None


def write_null(summary: Sequence[Score], score: Score) -> str:
    """Return the null of a score with its interval: ``prior 0 % (0 % to 7 %)``."""
    metric, other = metric_of(score.metric), null_score(summary, score)
    interval = metric.write_interval(other.low, other.high) if other else ""
    within = f" ({interval})" if interval else ""
    name = f"{score.null} " if score.null else ""
    return f"{name}{metric.write(score.null_value)}{within}"


def _verdict(defence: DefenceRecord, summary: Sequence[Score]) -> Verdict:
    exact = strongest(summary, defence.name, EXACT)
    parts = tuple(_parts(defence.name, summary))
    beyond = exact is not None and bool(exact.beyond_null)
    if beyond:
        status, word = "leak", GRAPHS
    elif exact is not None and exact.value and exact.beyond_null is None:
        status, word = "leak", "Recovers graphs, its null not measured"
    elif parts:
        status, word = "leak", "Gives parts away"
    elif exact is None:
        status, word = "unknown", "Not measured"
    elif exact.value:
        status, word = "unclear", "Not told from guessing"
    else:
        status, word = "safe", "Nothing found"
    return Verdict(defence, status, word, _exact_sentence(exact, summary), parts)


def _exact_sentence(score: Score | None, summary: Sequence[Score]) -> str:
    if score is None:
        return "Whether graphs can be recovered exactly was not measured."
    interval = metric_of(EXACT).write_interval(score.low, score.high)
    within = f", interval {interval}" if interval else ""
    if score.victims is None:
        found = f"{percent(score.value)} of the victims were recovered exactly"
    else:
        number = round((score.value or 0.0) * score.victims)
        were = "was" if number == 1 else "were"
        found = f"{number:,} of {score.victims:,} {were} recovered exactly ({percent(score.value)}{within})"
    return f"{found}, by {score.attack}. The null: {write_null(summary, score)}."


def _parts(defence: str, summary: Sequence[Score]) -> list[str]:
    told = []
    for metric in METRICS.values():
        score = strongest([entry for entry in summary if entry.beyond_null], defence, metric.name)
        if score is None or metric.name == EXACT or not metric.figured:
            continue
        interval = metric.write_interval(score.low, score.high)
        within = f" ({interval})" if interval else ""
        title = metric.title[:1].lower() + metric.title[1:]
        null = write_null(summary, score)
        told.append(f"{title}: {metric.write(score.value)}{within} by {score.attack}; the null: {null}")
    return told
