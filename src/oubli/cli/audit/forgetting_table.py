"""The results of an audit of removed edges or memberships in lines: every value with its floor beside."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from oubli.cli.audit.lines import WIDTH, aligned, estimate
from oubli.cli.wording import duration

COLUMNS = {
    "auc_matched": "auc matched",
    "tpr_matched": "tpr matched",
    "auc_removed": "auc removed",
    "auc_retained": "auc retained",
}
"""Metrics in the table, and their names there; all others are in summary.csv."""
LEGEND = (
    "Each cell: mean over seeds, in brackets the floor (the same attack on a model that never had what was removed), "
    "* where they differ with 95 % confidence, over at least six seeds: one in twenty has it by chance, and the "
    "report corrects for that. The floor is above 0.5 where the graph itself gives away what is asked for: read the "
    "difference. matched: what was unlearned against what the model never had. +before: needs the answers from before"
    " the removal. Intervals and all other metrics are in summary.csv."
)


def result_lines(results: Mapping[str, Any]) -> Iterator[str]:
    """Return the threat model, a table a method, the control, and how to read it."""
    for line in results["threat_model"].splitlines():
        yield from textwrap.wrap(line, WIDTH)
    controls = {line["method"]: line for line in results["control"]}
    for method in results["methods"]:
        yield ""
        yield from textwrap.wrap(_told(method), WIDTH, subsequent_indent="  ")
        if method["name"] in controls:
            yield from textwrap.wrap(_control(controls[method["name"]]), WIDTH, subsequent_indent="  ")
        lines = [line for line in results["summary"] if line["method"] == method["name"]]
        yield from aligned(_rows(lines, results["attacks"]))
    for left_out in results["unsupported"]:
        yield from ("", f"Not supported: {left_out['note']}.")
    yield ""
    yield from textwrap.wrap(LEGEND, WIDTH)


def _told(method: Mapping[str, Any]) -> str:
    claims = {"exact": "claims the bytes of retraining", "none": "claims nothing"}
    claim = claims.get(method["claim"]) or f"claims epsilon {method['epsilon']:g}, delta {method['delta']:g}"
    parts = [
        f"{method['name']} ({method['model']}): {method['describe']}; {claim}",
        f"bytes equal to retraining in {method['bytes_equal']} of {method['seeds']} seeds",
        f"accuracy {estimate(method['accuracy'])}, retrained {estimate(method['accuracy_retrained'])}",
        f"{duration(method['seconds_unlearn'])} a removal, retraining {duration(method['seconds_retrain'])}",
    ]
    return "; ".join(filter(None, [*parts, method["note"]])) + "."


def _control(line: Mapping[str, Any]) -> str:
    if line["advantage"] is None:
        return f"Matched control: {line['note'] or 'not run'}."
    found = {"value": line["advantage"], "low": line["advantage_low"], "high": line["advantage_high"]}
    text = f"Matched control: advantage {estimate(found)}"
    if line["bound"] is not None:
        text += f", by its claim at most {line['bound']:.3f}"
    if line["within"] is False:
        text += ": NOT within its claim"
    return text + "."


def _rows(lines: Sequence[Mapping[str, Any]], attacks: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    shown = [metric for metric in COLUMNS if any(line["metric"] == metric for line in lines)]
    found = {(line["attack"], line["metric"]): line for line in lines}
    rows = [["", *(COLUMNS[metric] for metric in shown)]]
    for attack in attacks:
        name = attack["name"]
        if attack["kind"] == "null":
            name += " (null)"
        elif attack["needs_before"]:
            name += " +before"
        rows.append([name, *(_cell(found.get((attack["name"], metric))) for metric in shown)])
    return rows


def _cell(line: Mapping[str, Any] | None) -> str:
    if line is None:
        return "-"
    return f"{line['value']:.3f} ({line['floor']:.3f}){'*' if line['above_floor'] or line['below_floor'] else ''}"
