"""``oubli audit inversion``: whether removed edges can be found again."""

from __future__ import annotations

from typing import Any

import click

from oubli.cli.audit.forgetting import data_options, draws_option, planner, run_audit, run_options
from oubli.cli.audit.forgetting_table import result_lines
from oubli.cli.values import Names


@click.command("inversion", short_help="Whether removed edges can be found again.")
@data_options
@click.option(
    "--attacks",
    type=Names(),
    metavar="NAME,...",
    default="all",
    show_default=True,
    help="Any of posterior-euclidean (or -cosine, -correlation, -chebyshev, -braycurtis, -canberra, -cityblock, "
    "-sqeuclidean), group, stealing, stealing-removed, stealing-matched, trend-mia, trend-steal, "
    "difference-confidence, difference-similarity, difference-shift; all is all of these. Nulls are always added.",
)
@click.option(
    "--ratio",
    type=click.FLOAT,
    metavar="SHARE",
    default=0.05,
    show_default=True,
    help="Share of the edges that is removed.",
)
@draws_option
@run_options("exact,certified,gif,ceu,cgu,ascent,stale", seeds=10)
def audit_inversion(
    data: str, features: str | None, output: str, methods: tuple[str, ...], as_json: bool, **options: Any
) -> None:
    """Remove edges from trained models, and try to find them again.

    Each method learns half of the graph and unlearns some edges; attackers ask the model what it says of nodes then,
    and have the other half for themselves. Each figure stands beside its floor: the same attack on a model that never
    had the edges. The folder gets results.json, rows.csv, summary.csv and report.html.

    When interrupted, the same command goes on where it was. Methods and seeds can be added later, beside those that
    are there: name all that results and page are to show. Other settings need another folder. Needs the extra
    `attacks`.
    """
    plan = planner("oubli.audit.inversion.audit", "InversionAudit", methods, data=data, **options)
    run_audit(plan, result_lines, data, output, as_json, features)
