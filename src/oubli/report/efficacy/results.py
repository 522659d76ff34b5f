"""What an audit of efficacy wrote, checked and taken apart for the page."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from oubli.report.estimates import UNKNOWN, Estimate, estimate
from oubli.report.fields import check_format, each, mapping, number, objects, taking_apart, text, whole
from oubli.report.forgetting.results import MethodRecord, method_record

FORMAT = "oubli.audit.efficacy/1"


@dataclass(frozen=True)
class TestRecord:
    """A test of efficacy."""

    __test__ = False  # pytest collects what is called Test

    name: str
    describe: str
    measures: str


@dataclass(frozen=True)
class Outcome:
    """Whether a method came to the end of a test."""

    method: str
    test: str
    status: str
    seeds: int
    failed: int
    reason: str


@dataclass(frozen=True)
class EfficacyResults:
    """An audit of efficacy, as `results.json` holds it."""

    settings: Mapping[str, Any]
    threat_model: str
    methods: tuple[MethodRecord, ...]
    tests: tuple[TestRecord, ...]
    figures: Mapping[tuple[str, str, str], Estimate]
    outcomes: tuple[Outcome, ...]
    versions: Mapping[str, Any]
    seconds: float | None

    @classmethod
    def of(cls, results: Mapping[str, Any]) -> EfficacyResults:
        """Take plain values apart.

        Raises
        ------
        InputError
            When they are of another format, or a part is missing or of another kind.
        """
        check_format(results, (FORMAT,))
        with taking_apart():
            figures = {
                (text(line["method"]), text(line["test"]), text(line["metric"])): estimate(line)
                for line in objects(results, "summary")
            }
            return cls(
                settings=mapping(results, "settings"),
                threat_model=str(results["threat_model"]),
                methods=each(results, "methods", method_record),
                tests=each(results, "tests", _test),
                figures=figures,
                outcomes=tuple(_outcome(record) for record in objects(results, "outcomes", ())),
                versions=mapping(results, "versions"),
                seconds=number(results.get("seconds")),
            )

    def figure(self, method: str, test: str, metric: str) -> Estimate:
        """Return a figure, without a value where it was not measured."""
        return self.figures.get((method, test, metric), UNKNOWN)

    def undone(self, method: str, test: str) -> Outcome | None:
        """Return why a method did not come to the end of a test under every seed; None where it did."""
        for outcome in self.outcomes:
            if (outcome.method, outcome.test) == (method, test) and outcome.status != "done":
                return outcome
        return None


def _test(record: Mapping[str, Any]) -> TestRecord:
    return TestRecord(*(text(record[name]) for name in ("name", "describe", "measures")))


def _outcome(record: Mapping[str, Any]) -> Outcome:
    method, test, status = (text(record[name]) for name in ("method", "test", "status"))
    seeds, failed = whole(record["seeds"]) or 0, whole(record.get("failed")) or 0
    return Outcome(method, test, status, seeds, failed, text(record.get("reason") or ""))
