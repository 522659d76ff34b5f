"""``oubli report``: what an audit found, as one page for people."""

from __future__ import annotations

from pathlib import Path

import click

from oubli.cli.terminal import json_option, progress, say
from oubli.errors import InputError


@click.command()
@click.argument("audit", metavar="FOLDER|results.json")
@click.option(
    "-o",
    "--output",
    default="report.html",
    show_default=True,
    metavar="FILE",
    help="The page to write; an older one is replaced.",
)
@json_option
def report(audit: str, output: str, as_json: bool) -> None:
    """Write an audit's results as one HTML page.

    Any audit of `oubli audit`. The page holds the verdict, the threat model, charts, and every score beside its null or
    its floor. It needs no network, no script and no other file. Of an audit of gradients it shows the graphs that were
    rebuilt beside the true ones: treat it like the victims' data. Needs the extra `report`.
    """
    try:
        from oubli.report import command_of, read_audit_results, write_audit_report
    except ImportError as error:
        raise InputError(str(error)) from None
    results = read_audit_results(audit)
    if Path(output).exists() and command_of(output) is None:
        raise InputError(f"{output}: is there, and is no report of oubli; name another file with -o, or remove it")
    with progress("Drawing"):
        path = write_audit_report(results, output)
    say(as_json, {"report": str(path)}, [f"Written: {path}"])
