"""``oubli audit membership``: whether it can be told whose label was removed."""

from __future__ import annotations

from typing import Any

import click

from oubli.cli.audit.forgetting import data_options, draws_option, planner, run_audit, run_options
from oubli.cli.audit.forgetting_table import result_lines
from oubli.cli.values import Names


@click.command("membership", short_help="Whether removed labels can be told.")
@data_options
@click.option(
    "--attacks",
    type=Names(),
    metavar="NAME,...",
    default="all",
    show_default=True,
    help="Any of lira, lira-offline, calibrated-loss, loss, entropy, difference-loss; all is all of these. Nulls are "
    "always added.",
)
@click.option(
    "--ratio",
    type=click.FLOAT,
    metavar="SHARE",
    default=0.1,
    show_default=True,
    help="Share of the training labels that is removed.",
)
@click.option(
    "--shadows",
    type=click.INT,
    metavar="N",
    default=16,
    show_default=True,
    help="Models that the attacker trains for comparison, for each seed and kind of model.",
)
@draws_option
@run_options("exact,certified,gif,cgu,ascent,stale", seeds=10, cannot=" (not ceu, which removes edges only)")
def audit_membership(
    data: str, features: str | None, output: str, methods: tuple[str, ...], as_json: bool, **options: Any
) -> None:
    """Remove labels from trained models, and try to tell whose they were.

    Each method learns from some labels and unlearns a part of them; attackers ask the model what it says of nodes then,
    and train models of their own to compare with. Each figure stands beside its floor: the same attack on a model that
    never had the labels. The folder gets results.json, rows.csv, summary.csv and report.html.

    When interrupted, the same command goes on where it was. Methods and seeds can be added later, beside those that
    are there: name all that results and page are to show. Other settings need another folder. Methods on networks
    need the extra `attacks`.
    """
    plan = planner("oubli.audit.membership.audit", "MembershipAudit", methods, data=data, **options)
    run_audit(plan, result_lines, data, output, as_json, features)
