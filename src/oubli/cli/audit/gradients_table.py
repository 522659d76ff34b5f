"""The results of an audit of gradients in lines: a table for each defence, every value with the best null beside."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from oubli.cli.audit.lines import aligned

COLUMNS = {
    "label": "label",
    "embedding_error": "embedding",
    "composition": "types",
    "profile_overlap": "profiles",
    "wl_equal": "wl equal",
    "isomorphic": "isomorphic",
    "feature_mse_aligned": "feature mse",
    "edge_auc": "edge auc",
    "residual": "residual",
}
"""Metrics in the table, and their names there; all others are in summary.csv."""
LEGEND = (
    "Each cell: mean over victims, the best null in brackets, * where the attack is beyond it with 95 % confidence. "
    "label, wl equal and isomorphic are shares of victims; types and profiles shares in common; embedding, feature mse "
    "and residual are errors. Intervals and all other metrics are in summary.csv."
)


def result_lines(results: Mapping[str, Any]) -> Iterator[str]:
    """Return the threat model, a table a defence, and how to read it."""
    for line in results["threat_model"].splitlines():
        yield from textwrap.wrap(line, 100, subsequent_indent="  ")
    for defence in results["defences"]:
        lines = [line for line in results["summary"] if line["defence"] == defence["name"]]
        yield ""
        yield from textwrap.wrap(_told(defence), 100, subsequent_indent="  ")
        yield from aligned(_rows(lines))
        for line in results["unsupported"]:
            if line["defence"] == defence["name"]:
                yield f"{line['attack']}: not supported ({line['note']})"
    settings = results["settings"]
    yield ""
    yield from textwrap.wrap(LEGEND, 100)
    if settings["budget"] < 1:
        yield (
            f"Attacks that iterate had {settings['budget']:g} of their published iterations: their figures are too low."
        )


def _told(defence: Mapping[str, Any]) -> str:
    parts = [f"Defence {defence['name']}: {defence['describe']}"]
    if defence["epsilon"] is not None:
        parts.append(f"epsilon {defence['epsilon']:.3g} at delta {defence['delta']:g}")
    if defence["accuracy"] is not None:
        parts.append(
            f"accuracy {defence['accuracy']:.3f} [{defence['accuracy_low']:.3f}, {defence['accuracy_high']:.3f}]"
        )
    return "; ".join(filter(None, [*parts, defence["note"]])) + "."


def _rows(lines: Iterable[Mapping[str, Any]]) -> list[list[str]]:
    by_attack: dict[str, dict[str, Mapping[str, Any]]] = {}
    kinds: dict[str, str] = {}
    for line in lines:
        by_attack.setdefault(line["attack"], {})[line["metric"]] = line
        kinds[line["attack"]] = line["kind"]
    shown = [metric for metric in COLUMNS if any(metric in found for found in by_attack.values())]
    rows = [["", *(COLUMNS[metric] for metric in shown)]]
    for attack, found in by_attack.items():
        name = f"{attack} (null)" if kinds[attack] == "null" else attack
        rows.append([name, *(_cell(found.get(metric)) for metric in shown)])
    return rows


def _cell(line: Mapping[str, Any] | None) -> str:
    if line is None:
        return "-"
    if line["null"] is None:
        return _figure(line["value"])
    return f"{_figure(line['value'])} ({_figure(line['null_value'])}){'*' if line['beyond_null'] else ''}"


def _figure(value: float) -> str:
    return f"{value:.2f}" if value == 0 or 0.005 <= abs(value) < 100 else f"{value:.0e}"
