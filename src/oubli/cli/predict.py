"""``oubli predict``: the class of each node."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from oubli.cli.models import model_argument, open_model, output_file
from oubli.cli.options import engine_options
from oubli.cli.terminal import json_option, progress, say
from oubli.cli.wording import count
from oubli.errors import InputError

if TYPE_CHECKING:
    from oubli.models import NodeClassifier


@click.command(short_help="Predict the class of nodes.")
@model_argument
@click.option("--nodes", metavar="FILE", multiple=True, help="File of node ids, one a line; - is stdin. Default: all.")
@click.option("--node", metavar="ID", multiple=True, help="A node; can be repeated, as --nodes can.")
@click.option("--scores", is_flag=True, help="Give the score of every class as well.")
@click.option("-o", "--output", metavar="FILE", help="Write to this file: JSON if it ends in .json, else CSV.")
@engine_options
@json_option
def predict(
    model: str,
    nodes: tuple[str, ...],
    node: tuple[str, ...],
    scores: bool,
    output: str | None,
    engine: str | None,
    workers: int | str | None,
    as_json: bool,
) -> None:
    """Predict the class of nodes, as CSV with the columns id and class.

    Nodes come in the order given, or all of them in ascending order of their ids.
    """
    from oubli.cli.request import RequestReader, check_known

    fitted = open_model(model, engine, workers)
    ids = fitted.graph_.node_ids.tolist()
    if nodes or node:
        entries = RequestReader(fitted.graph_).ids("nodes", nodes, node, "--node")
        if not entries:
            raise InputError(f"{', '.join(nodes)}: there is no node id; write one a line, or leave --nodes out for all")
        check_known(fitted.graph_, entries)
        ids = [entry.value for entry in entries]
    with progress("Predicting"):
        rows = _rows(fitted, ids, scores)
    values = {"path": model, "classes": fitted.classes_.tolist(), "predictions": rows}
    as_text = json.dumps(values, indent=2) + "\n" if _is_json(output, as_json) else _csv(fitted, rows)
    if output is None:
        click.echo(as_text, nl=False)
        return
    with output_file(output, as_text, model):
        pass
    say(as_json, {"path": model, "output": output, "nodes": len(rows)}, [f"{count(len(rows), 'node')} in {output}"])


def _is_json(output: str | None, as_json: bool) -> bool:
    return as_json if output is None else Path(output).suffix.lower() == ".json"


def _rows(fitted: NodeClassifier, ids: Any, scores: bool) -> list[dict[str, Any]]:
    table = fitted.decision_function(ids)
    predicted = fitted.classes_[table.argmax(axis=1)].tolist()
    names = fitted.graph_.index.ids[fitted.graph_.slots(ids)].tolist()
    rows: list[dict[str, Any]] = [{"id": name, "class": label} for name, label in zip(names, predicted, strict=True)]
    if scores:
        for row, values in zip(rows, table.tolist(), strict=True):
            row["scores"] = values
    return rows


def _csv(fitted: NodeClassifier, rows: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    scored = bool(rows) and "scores" in rows[0]
    writer.writerow(["id", "class", *(f"score {name}" for name in fitted.classes_.tolist() if scored)])
    writer.writerows([row["id"], row["class"], *row.get("scores", [])] for row in rows)
    return text.getvalue()
