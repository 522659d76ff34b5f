"""``oubli fit``: learn from a graph."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from oubli.cli.estimators import BUILDERS, build_estimator, estimator_options
from oubli.cli.info import describe
from oubli.cli.models import folder_bytes
from oubli.cli.terminal import json_option, pairs, progress, say
from oubli.cli.wording import choices, count, duration, size
from oubli.errors import InputError

if TYPE_CHECKING:
    from oubli.graph import Graph


@click.command()
@click.argument("data")
@click.option("-o", "--output", metavar="MODEL", required=True, help="Folder for the model; a model in it is replaced.")
@click.option("--model", type=click.Choice(list(BUILDERS)), default="sgc", show_default=True, help="What to fit.")
@click.option("--features", metavar="FILE", help="The node table (ids, features, labels, split) of an edge list DATA.")
@click.option("--split", metavar="K", default="0", show_default=True, help="Which of the splits of DATA to use.")
@estimator_options
@json_option
def fit(data: str, output: str, model: str, features: str | None, split: str, as_json: bool, **options: Any) -> None:
    """Fit a model to a graph, and save it to a folder.

    DATA is an .npz file, a folder with an edge list and a node table, an edge list (with --features), or the name of a
    data set such as cora, which is looked for in the folder $OUBLI_DATA and else downloaded.
    """
    estimator = build_estimator(model, options)
    target = Path(output)
    if target.is_file():
        raise InputError(f"{output}: is a file; give the path of a folder for the model")
    with progress(f"Reading {data}"):
        graph = _load(data, split, features)
    started = time.perf_counter()
    with progress("Fitting"):
        fitted = estimator.fit(graph)
    seconds = time.perf_counter() - started
    with progress(f"Writing {output}"):
        fitted.save(target)
        values = describe(fitted) | {"path": output, "bytes": folder_bytes(target), "seconds": seconds}
    say(as_json, values, _lines(values))


def _load(data: str, split: str, features: str | None) -> Graph:
    from oubli.graph import load_graph

    try:
        return load_graph(data, int(split) if split.isdecimal() else split, features=features)
    except ImportError as error:
        raise InputError(str(error)) from None  # an extra is missing, and the message names it


def _lines(values: dict[str, Any]) -> list[str]:
    scores = {name: score for name, score in values["scores"].items() if score is not None}
    splits = values["splits"]
    rows = [
        ("Fitted", f"{values['model']['class']} in {duration(values['seconds'])}, {choices(values['choices'])}"),
        (
            "Graph",
            f"{count(values['nodes'], 'node')}, {count(values['edges'], 'edge')}, "
            f"{count(values['features'], 'feature')}, {count(len(values['classes']), 'class')}",
        ),
        ("Splits", f"{splits['train']:,} train, {splits['val']:,} val, {splits['test']:,} test"),
    ]
    if scores:
        rows += [("Scores", ", ".join(f"{name} {values['metric']} {score:.4f}" for name, score in scores.items()))]
    return pairs([*rows, ("Saved", f"{values['path']} ({size(values['bytes'])})")])
