"""What audits of models that forgot have in common: options, the run, and what is said when it was stopped."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from oubli.cli.audit.page import write_page
from oubli.cli.data import read_graph
from oubli.cli.terminal import json_option, progress, progress_to, say
from oubli.cli.values import Names
from oubli.errors import InputError

if TYPE_CHECKING:
    from oubli.audit.forgetting.audit import ForgettingAudit
    from oubli.graph import Graph

Command = Callable[..., Any]


def data_options(command: Command) -> Command:
    """Add the options that say which graph."""
    features = click.option(
        "--features", metavar="FILE", help="The node table (ids, features, labels, split) of an edge list as DATA."
    )
    data = click.option(
        "--data",
        metavar="NAME|FILE|FOLDER",
        required=True,
        help="A graph with features and labels, as `oubli fit` takes it: a name such as cora, an .npz file, a folder "
        "with an edge list and a node table, or an edge list.",
    )
    return data(features(command))


draws_option = click.option(
    "--draws",
    type=click.INT,
    metavar="N",
    default=40,
    show_default=True,
    help="Models drawn for each of the two worlds of the matched control, five times as many of certified ones; 0 "
    "plays it on bytes alone.",
)
"""For audits that play the matched control."""


def run_options(methods: str, seeds: int, cannot: str = "") -> Callable[[Command], Command]:
    """Add the options that all audits of models that forgot have.

    Parameters
    ----------
    methods : str
        Those that are audited by default.
    seeds : int
        How often, by default.
    cannot : str
        Methods that do not remove what this audit removes, in words.
    """
    parts = (
        click.option(
            "--methods",
            type=Names(),
            metavar="NAME,...",
            default=methods,
            show_default=True,
            help=f"Any of exact, certified, cgu, gif, gif-undamped, ceu, ascent, stale, retrain{cannot}; certified "
            "and cgu also with an epsilon, as certified:0.5.",
        ),
        click.option(
            "--seeds", type=click.INT, metavar="N", default=seeds, show_default=True, help="How often all is drawn."
        ),
        click.option(
            "--first-seed", type=click.INT, metavar="N", default=0, show_default=True, help="The first of the seeds."
        ),
        click.option("-o", "--output", metavar="FOLDER", required=True, help="Folder for the results."),
        json_option,
    )

    def add(command: Command) -> Command:
        for part in reversed(parts):
            command = part(command)
        return command

    return add


def run_audit(
    plan: Callable[[Graph], ForgettingAudit],
    lines: Callable[[Mapping[str, Any]], Iterable[str]],
    data: str,
    output: str,
    as_json: bool,
    features: str | None = None,
    split: str = "0",
) -> None:
    """Run an audit into a folder, write its page, and say what it found.

    Parameters
    ----------
    plan : callable
        From a graph to the audit.
    lines : callable
        From results to lines for people.
    data, features, split : str
        As `read_graph` takes them.
    output : str
    as_json : bool
    """
    folder = Path(output)
    if folder.is_file():
        raise InputError(f"{output}: is a file; give the path of a folder for the results")
    with progress(f"Reading {data}"):
        graph = read_graph(data, split, features)
        try:
            planned = plan(graph)
        except ImportError as error:  # an extra that is missing is named in the message
            raise InputError(str(error)) from None
    try:
        with progress_to("Auditing", planned.attempts, unit="attempts") as reach:
            results = planned.run(folder, lambda done, total, text: reach(done))
    except ImportError as error:
        raise InputError(str(error)) from None
    except KeyboardInterrupt:
        raise KeyboardInterrupt(f"what is done is kept in {output}; run the same command to go on") from None
    files, advice = write_page(results, folder)
    values = {name: value for name, value in results.items() if name not in ("rows", "curves")}
    values |= {"path": output, "files": files}
    say(as_json, values, [*lines(results), f"Files: {', '.join(files)}", *advice])


def planner(module: str, name: str, methods: Sequence[str], **options: Any) -> Callable[[Graph], ForgettingAudit]:
    """Return what makes an audit of a graph; the audit is imported then, and torch with it where it is needed."""

    def plan(graph: Graph) -> ForgettingAudit:
        made: ForgettingAudit = getattr(import_module(module), name)(graph, methods, **options)
        return made

    return plan
