"""What an audit of models that forgot wrote, checked and taken apart for the page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from oubli.report.estimates import Estimate, estimate
from oubli.report.fields import check_format, each, mapping, number, taking_apart, text, whole

INVERSION, MEMBERSHIP = "oubli.audit.inversion/1", "oubli.audit.membership/1"
FORMATS = (INVERSION, MEMBERSHIP)


@dataclass(frozen=True)
class MethodRecord:
    """A method under audit: what it promises, how good it is, and in how many seeds its bytes are retraining's."""

    name: str
    describe: str
    model: str
    claim: str
    epsilon: float | None
    delta: float | None
    bound: float | None
    seeds: int
    bytes_equal: int
    accuracy: Estimate
    accuracy_retrained: Estimate
    accuracy_before: Estimate
    seconds_unlearn: float | None
    seconds_retrain: float | None
    note: str

    @property
    def identical(self) -> bool:
        """Whether it was retraining to the byte in every seed."""
        return 0 < self.seeds == self.bytes_equal


@dataclass(frozen=True)
class AttackRecord:
    """An attack or a null."""

    name: str
    describe: str
    kind: str
    source: str
    needs_before: bool


@dataclass(frozen=True)
class MetricRecord:
    """What is measured."""

    name: str
    title: str
    describe: str


@dataclass(frozen=True)
class Line:
    """What one attack gets of one method by one metric, beside what it gets of retraining."""

    method: str
    attack: str
    kind: str
    metric: str
    value: Estimate
    floor: Estimate
    gain: Estimate
    above_floor: bool
    below_floor: bool
    detectable: float | None
    p: float | None
    p_adjusted: float | None
    seeds: int

    @property
    def off_floor(self) -> bool:
        """Whether the interval of the gain lies on one side of zero; who knows of one below turns guesses round."""
        return self.above_floor or self.below_floor


@dataclass(frozen=True)
class Curve:
    """A mean ROC curve on an even grid of false positive rates, and that of retraining with its band."""

    method: str
    attack: str
    kind: str
    group: str
    rate: tuple[float, ...]
    floor_rate: tuple[float, ...]
    floor_low: tuple[float, ...]
    floor_high: tuple[float, ...]


@dataclass(frozen=True)
class Control:
    """How well the world with the data, unlearned, was told from the world without it."""

    method: str
    distinguisher: str
    draws: int | None
    advantage: Estimate
    bound: float | None
    within: bool | None
    epsilon_claimed: float | None
    delta: float | None
    epsilon_low: float | None
    bytes_equal: bool | None
    note: str


@dataclass(frozen=True)
class ForgettingResults:
    """An audit of models that forgot, as `results.json` holds it."""

    format: str
    settings: Mapping[str, Any]
    threat_model: str
    methods: tuple[MethodRecord, ...]
    attacks: tuple[AttackRecord, ...]
    metrics: tuple[MetricRecord, ...]
    summary: tuple[Line, ...]
    curves: tuple[Curve, ...]
    control: tuple[Control, ...]
    unsupported: tuple[str, ...]
    versions: Mapping[str, Any]
    seconds: float | None

    @classmethod
    def of(cls, results: Mapping[str, Any]) -> ForgettingResults:
        """Take plain values apart.

        Raises
        ------
        InputError
            When they are of another format, or a part is missing or of another kind.
        """
        check_format(results, FORMATS)
        with taking_apart():
            return cls(
                format=results["format"],
                settings=mapping(results, "settings"),
                threat_model=str(results["threat_model"]),
                methods=each(results, "methods", method_record),
                attacks=each(results, "attacks", _attack),
                metrics=each(results, "metrics", _metric),
                summary=each(results, "summary", _line),
                curves=each(results, "curves", _curve),
                control=each(results, "control", _control),
                unsupported=each(results, "unsupported", lambda record: str(record["note"])),
                versions=mapping(results, "versions"),
                seconds=number(results.get("seconds")),
            )


def method_record(record: Mapping[str, Any]) -> MethodRecord:
    """Take the line of a method apart."""
    return MethodRecord(
        **_texts(record, "name", "describe", "model", "claim"),
        **_numbers(record, "epsilon", "delta", "bound", "seconds_unlearn", "seconds_retrain"),
        accuracy=estimate(record.get("accuracy")),
        accuracy_retrained=estimate(record.get("accuracy_retrained")),
        accuracy_before=estimate(record.get("accuracy_before")),
        seeds=whole(record["seeds"]) or 0,
        bytes_equal=whole(record["bytes_equal"]) or 0,
        note=text(record.get("note") or ""),
    )


def _attack(record: Mapping[str, Any]) -> AttackRecord:
    needs_before = bool(record.get("needs_before"))
    return AttackRecord(**_texts(record, "name", "describe", "kind", "source"), needs_before=needs_before)


def _metric(record: Mapping[str, Any]) -> MetricRecord:
    return MetricRecord(**_texts(record, "name", "title", "describe"))


def _line(record: Mapping[str, Any]) -> Line:
    return Line(
        **_texts(record, "method", "attack", "kind", "metric"),
        value=estimate(record),
        floor=estimate(record, "floor"),
        gain=estimate(record, "gain"),
        above_floor=bool(record.get("above_floor")),
        below_floor=bool(record.get("below_floor")),
        **_numbers(record, "detectable", "p", "p_adjusted"),
        seeds=whole(record["seeds"]) or 0,
    )


def _curve(record: Mapping[str, Any]) -> Curve:
    drawn: dict[str, Any] = {name: _rates(record[name]) for name in ("rate", "floor_rate", "floor_low", "floor_high")}
    points = {len(rates) for rates in drawn.values()}
    if len(points) > 1 or min(points) < 2:
        raise ValueError("a curve and its floor have different numbers of points, or fewer than two")
    return Curve(**_texts(record, "method", "attack", "kind", "group"), **drawn)


def _control(record: Mapping[str, Any]) -> Control:
    within, bytes_equal = (_answer(record.get(name)) for name in ("within", "bytes_equal"))
    return Control(
        method=text(record["method"]),
        distinguisher=text(record.get("distinguisher") or ""),
        draws=whole(record.get("draws")),
        advantage=estimate(record, "advantage"),
        within=within,
        bytes_equal=bytes_equal,
        note=text(record.get("note") or ""),
        **_numbers(record, "bound", "epsilon_claimed", "delta", "epsilon_low"),
    )


def _texts(record: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: text(record[name]) for name in names}


def _numbers(record: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {name: number(record.get(name)) for name in names}


def _answer(value: Any) -> bool | None:
    return None if value is None else bool(value)


def _rates(values: Sequence[Any]) -> tuple[float, ...]:
    rates = tuple(float(value) for value in values)
    if not all(0 <= rate <= 1 for rate in rates):
        raise ValueError("a curve leaves the unit square")
    return rates
