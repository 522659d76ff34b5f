"""``oubli audit efficacy``: whether forgetting works, and at what price."""

from __future__ import annotations

from typing import Any

import click

from oubli.cli.audit.efficacy_table import result_lines
from oubli.cli.audit.forgetting import data_options, planner, run_audit, run_options
from oubli.cli.values import Names


@click.command("efficacy", short_help="Whether forgetting works, beside retraining.")
@data_options
@click.option(
    "--tests",
    "--attacks",
    "tests",
    type=Names(),
    metavar="NAME,...",
    default="all",
    show_default=True,
    help="Any of adversarial-edges, replay, replay-nodes, half-removed, half-removed-sequence, half-nodes, "
    "half-features; all is all of these.",
)
@run_options("exact,certified,gif,ceu,cgu,ascent,stale", seeds=10)
def audit_efficacy(
    data: str, features: str | None, output: str, methods: tuple[str, ...], as_json: bool, **options: Any
) -> None:
    """Let models learn what does harm, and see whether unlearning undoes it.

    Edges that lower the accuracy, marked nodes with a wrong label, more than half of the labels, nodes or features:
    each is learned and unlearned, and what comes out is compared with the same model trained without it, in accuracy,
    bytes and time. The folder gets results.json, rows.csv, summary.csv and report.html.

    When interrupted, the same command goes on where it was. Methods and seeds can be added later, beside those that
    are there: name all that results and page are to show. Other settings need another folder. Methods on networks
    need the extra `attacks`.
    """
    plan = planner("oubli.audit.efficacy.audit", "EfficacyAudit", methods, data=data, **options)
    run_audit(plan, result_lines, data, output, as_json, features)
