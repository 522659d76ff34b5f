"""The results of an audit of efficacy in lines: a table a test, every method beside retraining."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from oubli.cli.audit.lines import WIDTH, aligned
from oubli.cli.wording import duration

COLUMNS = {
    "accuracy_clean": "clean",
    "accuracy_before": "before",
    "accuracy_after": "after",
    "accuracy_retrained": "retrained",
    "recall_before": "recall before",
    "recall_after": "after",
    "recall_retrained": "retrained",
    "agreement": "agreement",
    "bytes_equal": "bytes equal",
    "seconds_unlearn": "time",
    "seconds_retrain": "retraining",
}
"""Metrics in the table, and their names there; all others are in summary.csv."""
FEWEST = 6
"""Seeds, below which an interval tells nothing apart."""
LEGEND = (
    "Accuracy without the harm (clean), with it (before), after unlearning, and of the same model trained without what "
    "was unlearned; recall: how often a mark still calls for the wrong label it was learned with. * where after "
    "differs from retrained with 95 % confidence, pair by pair over at least six seeds. Intervals and all other "
    "metrics are in summary.csv."
)


def result_lines(results: Mapping[str, Any]) -> Iterator[str]:
    """Return what is done, a table a test, and how to read it."""
    for line in results["threat_model"].splitlines():
        yield from textwrap.wrap(line, WIDTH)
    for test in results["tests"]:
        yield ""
        yield from textwrap.wrap(f"{test['name']}: {test['describe']}.", WIDTH, subsequent_indent="  ")
        found = {(line["method"], line["metric"]): line for line in results["summary"] if line["test"] == test["name"]}
        if found:
            yield from aligned(_rows(found, [method["name"] for method in results["methods"]]))
        for line in results["outcomes"]:
            if line["test"] == test["name"] and line["status"] != "done":
                yield f"{line['method']}: {line['status']} ({line['reason']})"
    yield ""
    yield from textwrap.wrap(LEGEND, WIDTH)


def _rows(found: Mapping[tuple[str, str], Mapping[str, Any]], methods: Sequence[str]) -> list[list[str]]:
    shown = [metric for metric in COLUMNS if any(measured == metric for _, measured in found)]
    rows = [["", *(COLUMNS[metric] for metric in shown)]]
    for method in methods:
        if any(measured == method for measured, _ in found):
            rows.append([method, *(_cell(found, method, metric) for metric in shown)])
    return rows


def _cell(found: Mapping[tuple[str, str], Mapping[str, Any]], method: str, metric: str) -> str:
    line = found.get((method, metric))
    if line is None:
        return "-"
    if metric.startswith("seconds"):
        return duration(line["value"])
    gap = found.get((method, metric.replace("_after", "_gap"))) if metric.endswith("_after") else None
    return f"{line['value']:.3f}{'*' if gap is not None and _apart(gap) else ''}"


def _apart(gap: Mapping[str, Any]) -> bool:
    """Whether an interval of a difference does not hold 0."""
    ends: Sequence[float | None] = (gap["low"], gap["high"])
    low, high = ends
    return gap["seeds"] >= FEWEST and low is not None and high is not None and not low <= 0 <= high
