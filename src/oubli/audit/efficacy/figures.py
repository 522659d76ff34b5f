"""From records of tests to what is published: figures with intervals over seeds, and what could not be done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean, median
from typing import Any

from oubli.audit.intervals import share_interval, studentised_interval
from oubli.audit.journal import Record

MOMENTS = ("before", "after", "retrained", "gap")
MEANS = (
    "accuracy_clean",
    *(f"{figure}_{moment}" for figure in ("accuracy", "recall", "recall_trained") for moment in MOMENTS),
    "agreement",
)
"""Metrics that are means over seeds; ``gap`` is after minus retrained, pair by pair."""

STRONG = 0.5
"""Recall before, above that of retraining, from which a mark counts as learned."""

MEDIANS = ("seconds_unlearn", "seconds_retrain", "speedup")
Row = Mapping[str, Any]


def flat_rows(records: Sequence[Record]) -> list[dict[str, Any]]:
    """Return a row for each method, seed and test."""
    return [{"method": record["method"], "seed": record["seed"], **row} for record in records for row in record["rows"]]


def summarise(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return a line for each method, test and metric, over the seeds in which the method came to its end."""
    lines = []
    for (method, test), found in _grouped(rows).items():
        done = [row for row in found if row["status"] == "done"]
        if not done:
            continue
        for metric in (*MEANS, "bytes_equal", *MEDIANS):
            if metric in done[0]:
                names = {"method": method, "test": test, "metric": metric}
                lines.append(names | _line(metric, [row[metric] for row in done]))
    return lines


def outcomes(rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Return for each method and test whether it could be done.

    Returns
    -------
    list of dict
        ``method``, ``test``, ``status`` ("done", "not supported", or "failed" if it did under any seed), under how many
        of the ``seeds`` it ``failed``, and the ``reason`` of the first failure; a ``note`` where there was little to
        forget.
    """
    lines = []
    for (method, test), found in _grouped(rows).items():
        failed = [row for row in found if row["status"] == "failed"]
        shown = (failed or list(found))[0]
        names = {"method": method, "test": test, "status": shown["status"], "seeds": len(found)}
        lines.append(names | {"failed": len(failed), "reason": shown["reason"], "note": _note(found)})
    return lines


def standing_of(rows: Sequence[Row]) -> dict[str, Any] | None:
    """Return what a method is like under one seed, over all tests that it did: mean figures; None if there are none."""
    done = [row for row in rows if row["status"] == "done"]
    if not done:
        return None
    accuracies = {"accuracy": "accuracy_after", "accuracy_retrained": "accuracy_retrained"}
    accuracies["accuracy_before"] = "accuracy_before"
    standing: dict[str, Any] = {name: fmean(row[figure] for row in done) for name, figure in accuracies.items()}
    standing |= {name: median(row[name] for row in done) for name in ("seconds_unlearn", "seconds_retrain")}
    return standing | {"bytes_equal": all(row["bytes_equal"] for row in done)}


def _note(rows: Sequence[Row]) -> str:
    """Say when the mark was hardly learned, so that there is hardly anything to forget."""
    marked = [row for row in rows if "recall_before" in row]
    if not marked:
        return ""
    before, floor = (fmean(row[f"recall_{when}"] for row in marked) for when in ("before", "retrained"))
    if before - floor >= STRONG:
        return ""
    return f"the mark was hardly learned (recall {before:.2f}, retrained {floor:.2f}), so this test says little here"


def _grouped(rows: Sequence[Row]) -> dict[tuple[str, str], list[Row]]:
    grouped: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        grouped.setdefault((row["method"], row["test"]), []).append(row)
    return grouped


def _line(metric: str, values: Sequence[float]) -> dict[str, Any]:
    if metric in MEDIANS:
        return {"value": median(values), "low": None, "high": None, "seeds": len(values)}
    found = (
        share_interval([bool(value) for value in values]) if metric == "bytes_equal" else studentised_interval(values)
    )
    return {**vars(found), "seeds": len(values)}
