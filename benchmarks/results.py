"""Results on disk: NAME.json with everything measured, NAME.md made from the JSON and from nothing else.

``python -m benchmarks.results NAME`` makes NAME.md again. A document has a title, the command, date and machine, and
tables; a table has a title, a note, columns (key, heading, format) and rows, which may hold more than the columns show.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent / "results"

Table = dict[str, Any]


def make_table(title: str, columns: Sequence[Sequence[str]], rows: list[dict[str, Any]], note: str = "") -> Table:
    """Return a table as plain values.

    Parameters
    ----------
    title : str
    columns : sequence of (key, heading) or (key, heading, format)
        Which entries of a row are shown, in which order; `format` is a Python format such as ``".1f"``. A dotted key
        reaches into nested dictionaries.
    rows : list of dict
    note : str
        A paragraph under the title.
    """
    return {"title": title, "note": note, "columns": [list(column) for column in columns], "rows": rows}


def write_results(name: str, title: str, tables: list[Table], folder: Path | None = None) -> Path:
    """Write NAME.json and NAME.md; return the path of the Markdown."""
    from benchmarks.machine import describe_machine

    document = {
        "name": name,
        "title": title,
        "command": _command(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": describe_machine(),
        "tables": tables,
    }
    folder = folder or FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return write_markdown(name, folder)


def write_markdown(name: str, folder: Path | None = None) -> Path:
    """Make NAME.md from NAME.json; return its path."""
    folder = folder or FOLDER
    document = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    target = folder / f"{name}.md"
    target.write_text(render(document), encoding="utf-8")
    return target


def render(document: dict[str, Any]) -> str:
    """Return a document as Markdown."""
    parts = [f"# {document['title']}", _provenance(document)]
    for table in document["tables"]:
        parts.append(f"## {table['title']}")
        if table["note"]:
            parts.append(table["note"])
        parts.append(_render_table(table))
    return "\n\n".join(parts) + "\n"


def _provenance(document: dict[str, Any]) -> str:
    machine = document["machine"]
    packages = ", ".join(f"{name} {found}" for name, found in machine["packages"].items())
    threads = ", ".join(f"{name}={value}" for name, value in machine["threads"].items()) or "not limited"
    lines = [
        f"`{document['command']}`, {document['date']}, commit {machine['commit']}.",
        f"{machine['cpu']}, {machine['cores']} cores, {machine['memory_gib']} GiB; load {machine['load_average']}; "
        f"Python {machine['python']}, {packages}; {'; '.join(machine['blas']) or 'BLAS unknown'}; threads: {threads}.",
    ]
    return "\n".join(lines)


def _render_table(table: Table) -> str:
    columns = table["columns"]
    cells = [[_cell(row, *column) for column in columns] for row in table["rows"]]
    # A column of numbers is set flush right.
    aligned = [_is_numeric(table["rows"], column[0]) for column in columns]
    lines = [[column[1] for column in columns], ["--:" if right else "---" for right in aligned], *cells]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(row: dict[str, Any], key: str, heading: str, form: str = "") -> str:
    value = _entry(row, key)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "**no**"
    if isinstance(value, list):
        return ", ".join(format(v, form) for v in value)
    return format(value, form if isinstance(value, int | float) else "").replace("|", "\\|")


def _is_numeric(rows: list[dict[str, Any]], key: str) -> bool:
    values = [value for row in rows if (value := _entry(row, key)) is not None]
    return bool(values) and all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)


def _entry(row: dict[str, Any], key: str) -> Any:
    value: Any = row
    for part in key.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _command() -> str:
    main = sys.modules["__main__"]
    spec = getattr(main, "__spec__", None)
    name = spec.name.removesuffix(".__main__") if spec else Path(sys.argv[0]).name
    return " ".join([f"python -m {name}", *sys.argv[1:]])


def main(arguments: Sequence[str] | None = None) -> None:
    """Make the Markdown of the named results again."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.results", description=main.__doc__)
    parser.add_argument("names", nargs="+", metavar="NAME")
    parser.add_argument("--folder", type=Path, default=FOLDER)
    chosen = parser.parse_args(arguments)
    for name in chosen.names:
        print(write_markdown(name, chosen.folder))


if __name__ == "__main__":
    main()
