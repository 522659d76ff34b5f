"""How good a method is at what it is for, beside what it leaks: a line for each method."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from oubli.audit.forgetting.methods import Method
from oubli.audit.forgetting.outcome import Outcome
from oubli.audit.intervals import studentised_interval
from oubli.audit.journal import Record

ACCURACIES = ("accuracy", "accuracy_retrained", "accuracy_before")
SECONDS = ("seconds_unlearn", "seconds_retrain")


def standing_record(outcome: Outcome) -> dict[str, Any]:
    """Return what a record keeps of an outcome under ``standing``: figures and whether bytes are equal."""
    return {"bytes_equal": outcome.bytes_equal, **outcome.figures}


def standings(methods: Mapping[str, Method], records: Sequence[Record]) -> list[dict[str, Any]]:
    """Return a line for each method that has records, in the order of `methods`.

    Parameters
    ----------
    methods : mapping of str to Method
    records : sequence of dict
        With ``method`` and ``standing``, as `standing_record` makes it.

    Returns
    -------
    list of dict
        ``name``, ``describe``, ``model``, ``claim``, ``epsilon``, ``delta``, ``bound``; ``seeds``; in how many of them
        bytes were those of retraining (``bytes_equal``); accuracies with intervals, medians of seconds; a ``note``.
    """
    lines = []
    for name, method in methods.items():
        found = [record["standing"] for record in records if record["method"] == name]
        if found:
            lines.append(_line(method, found))
    return lines


def _line(method: Method, found: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    equal = sum(standing["bytes_equal"] for standing in found)
    line: dict[str, Any] = {
        part: getattr(method, part) for part in ("name", "describe", "model", "claim", "epsilon", "delta", "bound")
    }
    line |= {"seeds": len(found), "bytes_equal": equal}
    for figure in ACCURACIES:
        line[figure] = vars(studentised_interval([standing[figure] for standing in found]))
    for figure in SECONDS:
        line[figure] = median(standing[figure] for standing in found)
    return line | {"note": _note(method, len(found), equal)}


def _note(method: Method, seeds: int, equal: int) -> str:
    if method.claim == "exact" and equal < seeds:
        return f"the claim does not hold: under {seeds - equal} of {seeds} seeds bytes are not those of retraining"
    if method.claim == "certified":
        return "each fit has noise of its own, so bytes differ from those of retraining though the claim may hold"
    return ""
