"""The files that an audit leaves, each written whole or not at all."""

from __future__ import annotations

import csv
import io
import json
import platform
from collections.abc import Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from oubli.graph.durable import write_beside

RESULTS, ROWS_TABLE, SUMMARY_TABLE = "results.json", "rows.csv", "summary.csv"


def write_results(
    folder: Path, results: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], summary: Sequence[Mapping[str, Any]]
) -> None:
    """Write results.json, and rows.csv and summary.csv for spreadsheets."""
    contents = {
        RESULTS: json.dumps(results, indent=1, allow_nan=False) + "\n",
        ROWS_TABLE: _table(rows),
        SUMMARY_TABLE: _table(summary),
    }
    for name, content in contents.items():
        with write_beside(folder / name) as file:
            file.write(content.encode())


def versions() -> dict[str, str]:
    """Return what computed the results; torch only where it is installed."""
    found = {"python": platform.python_version()}
    for name in ("oubli", "numpy", "scipy", "torch"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow(
            {name: json.dumps(value) if isinstance(value, dict | list) else value for name, value in row.items()}
        )
    return text.getvalue()
