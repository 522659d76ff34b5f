"""The tables of an audit of efficacy: for each test, every method beside retraining."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from oubli.report.efficacy.results import EfficacyResults, TestRecord
from oubli.report.estimates import MISSING, duration, share, times, write_points, write_share


@dataclass(frozen=True)
class Row:
    """One method in one test: its name, and a cell for each column; or why there is none."""

    method: str
    cells: tuple[str, ...]
    reason: str


@dataclass(frozen=True)
class Table:
    """One test."""

    test: TestRecord
    columns: tuple[str, ...]
    rows: tuple[Row, ...]


COLUMNS = {
    "accuracy": ("Clean", "Before", "After", "Retrained", "Difference"),
    "recall": ("Recall before", "after", "retrained", "Difference"),
    "rest": ("Agreement", "Bytes equal", "Time", "Retraining", "As quick"),
}


def tabulate(audit: EfficacyResults) -> Iterator[Table]:
    """Yield a table for each test."""
    for test in audit.tests:
        recall = any((m.name, test.name, "recall_after") in audit.figures for m in audit.methods)
        kinds = ("accuracy", "recall", "rest") if recall else ("accuracy", "rest")
        rows = tuple(_row(audit, method.name, test, recall) for method in audit.methods)
        yield Table(test, tuple(column for kind in kinds for column in COLUMNS[kind]), rows)


def _row(audit: EfficacyResults, method: str, test: TestRecord, recall: bool) -> Row:
    def of(metric: str) -> str:
        return write_share(audit.figure(method, test.name, metric))

    undone = audit.undone(method, test.name)
    if audit.figure(method, test.name, "accuracy_after").value is None:
        how = MISSING if undone is None else f"{undone.status}: {undone.reason}" if undone.reason else undone.status
        return Row(method, (), how)
    cells = [of(f"accuracy_{when}") for when in ("clean", "before", "after", "retrained")]
    cells.append(write_points(audit.figure(method, test.name, "accuracy_gap")))
    if recall:
        cells += [of(f"recall_{when}") for when in ("before", "after", "retrained")]
        cells.append(write_points(audit.figure(method, test.name, "recall_gap")))
    unlearn, retrain, ratio = (
        audit.figure(method, test.name, metric).value for metric in ("seconds_unlearn", "seconds_retrain", "speedup")
    )
    cells += [of("agreement"), share(audit.figure(method, test.name, "bytes_equal").value)]
    cells += [duration(unlearn), duration(retrain), MISSING if ratio is None else times(ratio)]
    return Row(method, tuple(cells), "")
