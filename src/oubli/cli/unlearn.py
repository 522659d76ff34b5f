"""``oubli unlearn``: forget what a request names."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Literal

import click

from oubli.cli.models import model_argument, open_model, output_file
from oubli.cli.options import engine_options
from oubli.cli.terminal import json_option, progress, say
from oubli.cli.wording import ELSEWHERE, receipt_lines
from oubli.errors import InputError, UnsweptError

if TYPE_CHECKING:
    from oubli.cli.request import Entry
    from oubli.cli.stream import StreamOptions

CHECKPOINT = 30.0
"""Seconds of a stream's work that a kill may cost."""


@click.command()
@model_argument
@click.option("--nodes", metavar="FILE", multiple=True, help="File of nodes to forget, one id a line; - is stdin.")
@click.option("--edges", metavar="FILE", multiple=True, help="File of edges to forget, two ids a line.")
@click.option("--features", metavar="FILE", multiple=True, help="File of nodes whose feature row to forget.")
@click.option("--labels", metavar="FILE", multiple=True, help="File of nodes whose label to forget.")
@click.option("--node", metavar="ID", multiple=True, help="A node to forget, with its edges, features and label.")
@click.option("--edge", metavar="ID,ID", multiple=True, help="An edge to forget, in both directions.")
@click.option("--feature", metavar="ID", multiple=True, help="A node whose feature row to forget: it becomes zero.")
@click.option("--label", metavar="ID", multiple=True, help="A node whose label to forget: it leaves the training.")
@click.option(
    "--request", metavar="FILE", multiple=True, help="JSON file with any of the lists nodes, edges, features, labels."
)
@click.option(
    "--stream",
    metavar="FILE",
    help="File of requests, one a line as for --request, to be honoured in order; - is stdin, which cannot be resumed.",
)
@click.option(
    "--batch",
    metavar="N",
    type=click.IntRange(min=1),
    help="Of a stream: honour so many requests at once, 1 without it.",
)
@click.option(
    "--checkpoint",
    metavar="SECONDS",
    type=click.FloatRange(min=0),
    help="Of a stream: save the model whenever so much time has passed, 30 without it, and at the end.",
)
@click.option(
    "--missing",
    type=click.Choice(["error", "ignore"]),
    default="error",
    show_default=True,
    help="What is not in the model is an error, or is passed over and told in the receipt.",
)
@click.option(
    "--level",
    type=click.Choice(["reselected", "frozen"]),
    default="reselected",
    show_default=True,
    help="Make choices such as alpha again on what remains, or keep them, which is quicker and may keep a trace.",
)
@click.option(
    "--receipt", metavar="FILE", help="Write the receipt to this file, as JSON; of a stream, add one JSON line a batch."
)
@engine_options
@json_option
def unlearn(
    model: str,
    nodes: tuple[str, ...],
    edges: tuple[str, ...],
    features: tuple[str, ...],
    labels: tuple[str, ...],
    node: tuple[str, ...],
    edge: tuple[str, ...],
    feature: tuple[str, ...],
    label: tuple[str, ...],
    request: tuple[str, ...],
    stream: str | None,
    batch: int | None,
    checkpoint: float | None,
    missing: Literal["error", "ignore"],
    level: Literal["reselected", "frozen"],
    receipt: str | None,
    engine: str | None,
    workers: int | str | None,
    as_json: bool,
) -> None:
    """Forget nodes, edges, features and labels, exactly.

    Afterwards the model has the bytes of one that was fitted without them, and no file of MODEL holds them any more. Of
    a certified model only the weights it gives out are covered, by what their noise hides; the receipt says so.
    The request is honoured whole or not at all: on any error MODEL stays as it was.

    In files, ids are text; empty lines and those that start with # are skipped. The options that name what to forget
    can be repeated.

    A stream is worked through request by request: --stream FILE, without those options. The model keeps its place in
    FILE, so that the same command goes on where it was interrupted or killed, and with lines added since. A bad line
    ends it; what comes before is done and saved.
    """
    from oubli.cli.request import RequestReader, check_present, to_removal

    named = [*nodes, *edges, *features, *labels, *node, *edge, *feature, *label, *request]
    _check_together(stream, named, batch, checkpoint)
    if stream is not None:
        from oubli.cli.stream import StreamOptions

        seconds = CHECKPOINT if checkpoint is None else checkpoint
        options = StreamOptions(stream, batch or 1, seconds, missing, level, receipt, engine, workers)
        _honour_stream(model, options, as_json)
        return
    fitted = open_model(model, engine, workers)
    reader = RequestReader(fitted.graph_)
    entries = [
        *reader.ids("nodes", nodes, node, "--node"),
        *reader.edges(edges, edge, "--edge"),
        *reader.ids("features", features, feature, "--feature"),
        *reader.ids("labels", labels, label, "--label"),
        *(entry for file in request for entry in reader.request(file)),
    ]
    _check_asked(entries, [*nodes, *edges, *features, *labels, *request])
    if missing == "error":
        check_present(fitted.graph_, entries)
    with progress("Forgetting"):
        done = fitted.unlearn(to_removal(entries), missing=missing, level=level)
        unswept = None
        with output_file(receipt, done.to_json(), model) if receipt else contextlib.nullcontext():
            try:
                fitted.save(model)
            except UnsweptError as error:
                # The removal is in force, so its receipt is due all the same.
                unswept = error
        if unswept is not None:
            raise unswept
    written = [f"Receipt: {receipt}"] if receipt else []
    say(
        as_json,
        {"path": model, "receipt": done.to_dict()},
        [*receipt_lines(done), ELSEWHERE, *written, f"Check it with: oubli verify {model}"],
    )


def _check_together(stream: str | None, named: list[str], batch: int | None, checkpoint: float | None) -> None:
    if stream is not None and named:
        raise InputError(
            "--stream takes its requests from its file alone; leave out --nodes, --edges, --request and the like, or "
            "honour them by a command of their own"
        )
    if stream is None and (batch is not None or checkpoint is not None):
        option = "--batch" if batch is not None else "--checkpoint"
        raise InputError(f"{option} is for streams; pass --stream FILE, or leave it out")


def _honour_stream(model: str, options: StreamOptions, as_json: bool) -> None:
    from oubli.cli.stream import StreamRun
    from oubli.cli.stream_tally import summary, summary_lines

    run = StreamRun(model, options)
    run.run()
    say(as_json, summary(run), summary_lines(run))


def _check_asked(entries: list[Entry], files: list[str]) -> None:
    if entries:
        return
    if files:
        raise InputError(f"{', '.join(files)}: nothing is requested there; write one id a line, or a JSON request")
    raise InputError("nothing was requested; say what to forget, for instance with --nodes FILE or --node ID")
