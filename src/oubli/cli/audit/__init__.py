"""``oubli audit``: attacks on what is shared, with the nulls beside them; one module a command."""

from __future__ import annotations

import click

from oubli.cli.audit.gradients import audit_gradients


@click.group(invoke_without_command=True, short_help="Attack what is shared, and score it beside nulls.")
@click.pass_context
def audit(context: click.Context) -> None:
    """Attack what is shared, and score what comes out beside nulls that make no use of it."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


for command in (audit_gradients,):
    audit.add_command(command)
