"""What the tables of audits have in common: their options, their runs, and figures beside their floors."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.data import data_folder
from oubli.audit.forgetting.audit import ForgettingAudit
from oubli.graph import Graph, load_dataset

METHODS = ("exact", "certified", "cgu", "gif", "gif-undamped", "ceu", "ascent", "stale")
Line = Mapping[str, Any]


def parse(
    program: str, description: str | None, data: Sequence[str], seeds: int, arguments: Sequence[str] | None
) -> Any:
    """Return the options that every part has."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.inversion.{program}", description=description)
    parser.add_argument("--data", nargs="+", default=list(data), metavar="NAME")
    parser.add_argument("--methods", nargs="+", default=list(METHODS), metavar="NAME")
    parser.add_argument("--seeds", type=int, default=seeds)
    parser.add_argument("--rows", type=Path, default=Path("inversion-rows"), help="folder to resume from")
    parser.add_argument("--folder", type=Path, help="where the results go (default: benchmarks/results)")
    return parser.parse_args(arguments)


def load(name: str) -> Graph:
    """Return a data set by name."""
    return load_dataset(name, root=data_folder())


def run(audit: ForgettingAudit, folder: Path) -> dict[str, Any]:
    """Run what is missing of an audit, telling how far it is."""

    def progress(done: int, total: int, text: str) -> None:
        print(f"{audit.data}: {done} of {total}, {text}", flush=True)

    return audit.run(folder, progress)


def lookup(results: Mapping[str, Any]) -> dict[tuple[str, str, str], Line]:
    """Return the lines of a summary by method, attack and metric."""
    return {(line["method"], line["attack"], line["metric"]): line for line in results["summary"]}


def beside_floor(line: Line | None) -> str:
    """Return a figure, its floor in brackets, and what is above it with its interval."""
    if line is None:
        return ""
    gain = interval(line["gain"], line["gain_low"], line["gain_high"], "+.3f")
    mark = "*" if line["above_floor"] else "†" if line["below_floor"] else ""
    return f"{line['value']:.3f} ({line['floor']:.3f}) {gain}{mark}"


def interval(value: float | None, low: float | None, high: float | None, form: str = ".3f") -> str:
    """Return a figure with its interval."""
    if value is None:
        return "not measured"
    return f"{value:{form}}" if low is None else f"{value:{form}} [{low:{form}}, {high:{form}}]"


def by_attack(results: Mapping[str, Any], metric: str) -> list[dict[str, Any]]:
    """Return a row an attack, with a cell a method."""
    lines = lookup(results)
    methods = [method["name"] for method in results["methods"]]
    return [
        {"attack": attack["name"] + (" (null)" if attack["kind"] == "null" else "")}
        | {method: beside_floor(lines.get((method, attack["name"], metric))) for method in methods}
        for attack in results["attacks"]
    ]


def columns_of(results: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the columns of `by_attack`."""
    return [("attack", "attack"), *((method["name"], method["name"]) for method in results["methods"])]


def standing(results: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return a row a data set and method: accuracy, bytes, times."""
    rows = []
    for found in results:
        for method in found["methods"]:
            row: dict[str, Any] = {
                "data": found["settings"]["data"],
                "method": method["name"],
                "seeds": method["seeds"],
            }
            for name in ("accuracy_before", "accuracy", "accuracy_retrained"):
                value = method[name]
                row[name] = interval(value["value"], value["low"], value["high"])
            row |= {name: method[name] for name in ("bytes_equal", "seconds_unlearn", "seconds_retrain")}
            rows.append(row)
    return rows


STANDING = [
    ("data", "data"),
    ("method", "method"),
    ("accuracy_before", "accuracy before"),
    ("accuracy", "after"),
    ("accuracy_retrained", "retrained"),
    ("bytes_equal", "seeds with the bytes of retraining"),
    ("seeds", "of"),
    ("seconds_unlearn", "s to unlearn", ".3f"),
    ("seconds_retrain", "s to retrain", ".3f"),
]
