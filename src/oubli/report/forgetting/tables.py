"""The tables of an audit of models that forgot: every attack beside its floor, the control, accuracy and time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from oubli.report.estimates import MISSING, decimals, duration, times, write, write_gain, write_share
from oubli.report.forgetting.results import Control, ForgettingResults, Line, MethodRecord, MetricRecord

CLAIMS = {"exact": "the bytes of retraining", "certified": "certified", "none": "nothing"}


@dataclass(frozen=True)
class Row:
    """One attack on one method."""

    attack: str
    note: str
    kind: str
    value: str
    floor: str
    gain: str
    side: str
    chance: str
    detectable: str


@dataclass(frozen=True)
class Group:
    """One method in a table."""

    method: str
    describe: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Table:
    """One metric."""

    metric: MetricRecord
    groups: tuple[Group, ...]


@dataclass(frozen=True)
class ControlRow:
    """One method in the matched control."""

    method: str
    advantage: str
    bound: str
    epsilon: str
    within: str
    how: str


@dataclass(frozen=True)
class Standing:
    """What a method is, promises and costs."""

    name: str
    describe: str
    model: str
    promise: str
    bytes_equal: str
    before: str
    after: str
    retrained: str
    seconds: str
    note: str


def tabulate(audit: ForgettingResults) -> Iterator[Table]:
    """Yield a table for each metric: methods, and under each its attacks and nulls."""
    notes = {attack.name: "needs the former answers" for attack in audit.attacks if attack.needs_before}
    for metric in audit.metrics:
        groups = []
        for method in audit.methods:
            lines = [s for s in audit.summary if (s.metric, s.method) == (metric.name, method.name)]
            if lines:
                rows = tuple(_row(line, notes.get(line.attack, "")) for line in lines)
                groups.append(Group(method.name, method.describe, rows))
        if groups:
            yield Table(metric, tuple(groups))


def control_row(control: Control) -> ControlRow:
    """Return one line of the matched control as read on the page."""
    told = "" if control.bytes_equal is None else "bytes compared"
    if control.bytes_equal is None and control.draws:
        told = f"by {control.distinguisher}, {control.draws:,} draws of each world"
    claimed = "none claimed" if control.epsilon_claimed is None else f"{control.epsilon_claimed:g} claimed"
    measured = "" if control.epsilon_low is None else f"at least {control.epsilon_low:.2g} measured; "
    return ControlRow(
        method=control.method,
        advantage=write(control.advantage),
        bound="no promise" if control.bound is None else decimals(control.bound),
        epsilon=measured + claimed,
        within={True: "yes", False: "no", None: "–"}[control.within],
        how="; ".join(filter(None, [told, control.note])) or MISSING,
    )


def standing(method: MethodRecord) -> Standing:
    """Return what a method is, promises and costs, as read on the page."""
    promise = CLAIMS.get(method.claim, method.claim)
    if method.epsilon is not None:
        promise += f", epsilon {method.epsilon:g}" + ("" if method.delta is None else f", delta {method.delta:g}")
    return Standing(
        name=method.name,
        describe=method.describe,
        model=method.model,
        promise=promise,
        bytes_equal=f"{method.bytes_equal} of {method.seeds}",
        before=write_share(method.accuracy_before),
        after=write_share(method.accuracy),
        retrained=write_share(method.accuracy_retrained),
        seconds=_against(method),
        note=method.note,
    )


def _against(method: MethodRecord) -> str:
    shown = f"{duration(method.seconds_unlearn)}, retraining {duration(method.seconds_retrain)}"
    if method.seconds_unlearn and method.seconds_retrain:
        shown += f": {times(method.seconds_retrain / method.seconds_unlearn)}"
    return shown


def _row(line: Line, note: str) -> Row:
    null = line.kind == "null"
    return Row(
        attack=line.attack,
        note="null" if null else note,
        kind=line.kind,
        value=write(line.value),
        floor=write(line.floor),
        gain=write_gain(line.gain),
        side="above" if line.above_floor else "below" if line.below_floor else "no",
        chance="–" if line.p_adjusted is None else decimals(line.p_adjusted),
        detectable=decimals(line.detectable),
    )
