"""``oubli fit``: learn from a graph."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from oubli.cli.data import read_graph
from oubli.cli.estimators import build_estimator
from oubli.cli.info import computed, describe
from oubli.cli.models import check_replaceable, folder_bytes
from oubli.cli.options import MODELS, estimator_options
from oubli.cli.terminal import json_option, pairs, progress, say
from oubli.cli.wording import choices, count, duration, routing, size
from oubli.errors import InputError

if TYPE_CHECKING:
    from oubli.graph import Graph
    from oubli.models import NodeClassifier


@click.command()
@click.argument("data")
@click.option(
    "-o",
    "--output",
    metavar="MODEL",
    required=True,
    help="Folder for the model.",
)
@click.option(
    "--model",
    type=click.Choice(MODELS),
    default="sgc",
    show_default=True,
    help="What to fit: propagated features and a ridge (sgc), layers of closed forms (lcf), random messages and a "
    "ridge (random-feature), whichever of these suits the graph (routed), or a logistic regression whose deletions are "
    "certified rather than exact (certified).",
)
@click.option("--features", metavar="FILE", help="The node table (ids, features, labels, split) of an edge list DATA.")
@click.option("--split", metavar="K", default="0", show_default=True, help="Which of the splits of DATA to use.")
@click.option("--replace", is_flag=True, help="Replace a model in MODEL even if it has forgotten something.")
@estimator_options
@json_option
def fit(
    data: str, output: str, model: str, features: str | None, split: str, replace: bool, as_json: bool, **options: Any
) -> None:
    """Fit a model to a graph, and save it to a folder.

    DATA is an .npz file, a folder with an edge list and a node table, an edge list (with --features), or the name of a
    data set such as cora, which is looked for in the folder $OUBLI_DATA and else downloaded. Options that begin with
    the names of models are for these alone.
    """
    target = Path(output)
    estimator = build_estimator(model, options)
    _put_files_beside(estimator, target)
    if target.is_file():
        raise InputError(f"{output}: is a file; give the path of a folder for the model")
    check_replaceable(target, replace)
    with progress(f"Reading {data}"):
        graph = read_graph(data, split, features)
    _check(graph, data, model, options["smooth"])
    started = time.perf_counter()
    with progress("Fitting"):
        fitted = estimator.fit(graph)
    seconds = time.perf_counter() - started
    with progress(f"Writing {output}"):
        fitted.save(target)
        values = describe(fitted) | {"path": output, "bytes": folder_bytes(target), "seconds": seconds}
    say(as_json, values, _lines(values))


def _check(graph: Graph, data: str, model: str, smooth: bool) -> None:
    if graph.split_slots("train").size == 0:
        raise InputError(
            f"{data}: has no training nodes in this split; choose another with --split, or add a split (in a node "
            "table, the column 'split' says train, val, test or nothing)"
        )
    if model == "routed" and graph.split_slots("val").size == 0:
        raise InputError(
            f"{data}: has no validation nodes in this split, by which --model routed makes its choices; choose another "
            "with --split, add some, or fit --model sgc, lcf or random-feature"
        )
    if model in ("sgc", "certified") and graph.num_features == 0 and not smooth:
        raise InputError(
            f"{data}: has no features, so there is nothing to tell classes by; add some (with an edge list, by "
            "--features FILE), use labels alone with --model sgc --smooth, or degrees and labels with --model lcf"
        )


def _put_files_beside(estimator: NodeClassifier, target: Path) -> None:
    """Let mapped files be made on the disk that the model will be on, so that they need not be copied."""
    if "scratch" in estimator.get_params(deep=False):
        estimator.set_params(scratch=str(target.resolve().parent))


def _lines(values: dict[str, Any]) -> list[str]:
    scores = {name: score for name, score in values["scores"].items() if score is not None}
    splits = values["splits"]
    fitted = [f"{values['model']['class']} in {duration(values['seconds'])}", choices(values["choices"])]
    route = [("Route", routing(values["routing"], values["guarantee"]["level"]))] if values["routing"] else []
    rows = [
        *computed(values["engine"]),
        ("Fitted", ", ".join(filter(None, fitted))),
        *route,
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
