"""``oubli audit``: attacks on what is shared and on what was forgotten; one module a command."""

from __future__ import annotations

import click

from oubli.cli.audit.efficacy import audit_efficacy
from oubli.cli.audit.gradients import audit_gradients
from oubli.cli.audit.inversion import audit_inversion
from oubli.cli.audit.membership import audit_membership


@click.group(invoke_without_command=True, short_help="Attack what is shared, or what was forgotten.")
@click.pass_context
def audit(context: click.Context) -> None:
    """Attack what is shared, or what a model forgot, and score it.

    Each figure stands beside a null, which makes no use of what is attacked, or beside its floor, which is retraining.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


for command in (audit_gradients, audit_inversion, audit_membership, audit_efficacy):
    audit.add_command(command)
