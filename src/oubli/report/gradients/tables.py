"""The tables of an audit: what defences promise and cost, and every score beside its null."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from oubli.report.gradients.metrics import (
    EXACT,
    METRICS,
    NOT_MEASURED,
    NOT_SUPPORTED,
    Metric,
    metric_of,
    percent,
    write_epsilon,
)
from oubli.report.gradients.results import DefenceRecord, GradientResults, Score
from oubli.report.gradients.verdict import write_null


@dataclass(frozen=True)
class Line:
    """One attack in a table."""

    attack: str
    kind: str
    value: str
    interval: str
    null: str
    gain: str
    beyond: str
    victims: str


@dataclass(frozen=True)
class Group:
    """One defence in a table."""

    defence: str
    cost: str
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Table:
    """One metric."""

    metric: Metric
    groups: tuple[Group, ...]


@dataclass(frozen=True)
class Cost:
    """What a defence is, promises and costs."""

    name: str
    describe: str
    epsilon: str
    accuracy: str
    note: str


def _epsilon(defence: DefenceRecord) -> str:
    if defence.epsilon is None:
        return NOT_SUPPORTED
    delta = "" if defence.delta is None else f" (delta {defence.delta:.2g})"
    return f"{write_epsilon(defence.epsilon)}{delta}"


def _accuracy(defence: DefenceRecord) -> str:
    if defence.accuracy is None:
        return NOT_MEASURED
    interval = METRICS[EXACT].write_interval(defence.accuracy_low, defence.accuracy_high)
    return percent(defence.accuracy) + (f" ({interval})" if interval else "")


def cost_of(defence: DefenceRecord) -> Cost:
    """Return what a defence promises and costs, as read on the page."""
    return Cost(defence.name, defence.describe, _epsilon(defence), _accuracy(defence), defence.note)


def ordered_metrics(summary: Iterable[Score]) -> list[Metric]:
    """Return the metrics of a summary, those that are known first."""
    found = dict.fromkeys(score.metric for score in summary)
    known = [name for name in METRICS if name in found]
    return [metric_of(name) for name in known + [name for name in found if name not in METRICS]]


def tabulate(audit: GradientResults) -> Iterator[Table]:
    """Yield a table for each metric: defences, and under each its attacks, oracles and nulls."""
    for metric in ordered_metrics(audit.summary):
        groups = []
        for defence in audit.defences:
            members = [s for s in audit.summary if (s.metric, s.defence) == (metric.name, defence.name)]
            if members:
                cost = f"accuracy {_accuracy(defence)}, epsilon {_epsilon(defence)}"
                lines = tuple(_line(metric, score, audit.summary) for score in members)
                groups.append(Group(defence.name, cost, lines))
        yield Table(metric, tuple(groups))


def _line(metric: Metric, score: Score, summary: Sequence[Score]) -> Line:
    own = score.kind == "null"
    value = NOT_SUPPORTED if score.value is None and not score.victims else metric.write(score.value)
    beyond = {True: "yes", False: "no", None: NOT_MEASURED}[score.beyond_null]
    return Line(
        attack=score.attack,
        kind=score.kind,
        value=value,
        interval=metric.write_interval(score.low, score.high),
        null="is a null" if own and score.null in (None, score.attack) else write_null(summary, score),
        gain="–" if own else metric.write_gain(score.gain, score.gain_low, score.gain_high),
        beyond="–" if own else beyond,
        victims="" if score.victims is None else f"{score.victims:,}",
    )
