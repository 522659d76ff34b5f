"""The `oubli` command: its subcommands, and what becomes of errors."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from typing import Any

import click

from oubli import __version__
from oubli.cli.audit import audit
from oubli.cli.demo import demo
from oubli.cli.fit import fit
from oubli.cli.importing import import_edges
from oubli.cli.info import info
from oubli.cli.predict import predict
from oubli.cli.report import report
from oubli.cli.terminal import Interrupts, plain_warnings
from oubli.cli.unlearn import unlearn
from oubli.cli.verify import verify
from oubli.errors import OubliError, UnsweptError

DONE, CHECK_FAILED, BAD_INPUT = 0, 1, 2
INTERRUPTED, PIPE_CLOSED = 130, 141


class _Commands(click.Group):
    """Lists its commands in the order of use, and lets an interrupt through without click's own ways of ending."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        interrupts = Interrupts()
        try:
            with interrupts:
                return super().invoke(ctx)
        except KeyboardInterrupt as interrupt:
            _end_interrupted(ctx, str(interrupt))
        except BrokenPipeError:
            # Python would complain once more when it flushes at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(PIPE_CLOSED)
        except Exception as error:
            if isinstance(error, UnsweptError) or not interrupts.asked:
                raise
            # What an interrupt came out as, where it met code that is not Python's.
            _end_interrupted(ctx)


def _end_interrupted(ctx: click.Context, told: str = "") -> None:
    told = told or "a model on disk is whole, as it was before or as it was to be after"
    _complain("Interrupted", f"interrupted; {told}")
    ctx.exit(INTERRUPTED)


@click.group(cls=_Commands, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, message="%(prog)s %(version)s")
@click.pass_context
def oubli(context: click.Context) -> None:
    """Graph models that forget, exactly, at the cost of the change.

    Start with `oubli demo`: it learns from a graph, forgets, and proves it, in under a minute and without any data.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


for command in (demo, import_edges, fit, predict, unlearn, verify, info, audit, report):
    oubli.add_command(command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code.

    Parameters
    ----------
    arguments : sequence of str, optional
        Those of the process without it.

    Returns
    -------
    int
        0 done, 1 a check failed (or what was removed may still be on the disk), 2 bad input (nothing was changed),
        130 interrupted or terminated, 141 the reader of a pipe left.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    as_json = "--json" in given
    try:
        with plain_warnings():
            return int(oubli.main(given, prog_name="oubli", standalone_mode=False) or DONE)
    except click.UsageError as error:
        _complain("UsageError", _usage(error), as_json)
    except click.ClickException as error:
        _complain(type(error).__name__, error.format_message(), as_json)
    except UnsweptError as error:
        _complain(type(error).__name__, str(error), as_json, CHECK_FAILED)
        return CHECK_FAILED
    except OubliError as error:
        _complain(type(error).__name__, str(error), as_json)
    except MemoryError:
        _complain(
            "MemoryError", "out of memory; nothing was written. Use a machine with more, or a smaller graph", as_json
        )
    return BAD_INPUT


def _usage(error: click.UsageError) -> str:
    path = error.ctx.command_path if error.ctx else "oubli"
    message = error.format_message().rstrip(".")
    return f"{message[:1].lower()}{message[1:]} (see `{path} --help`)"


def _complain(kind: str, message: str, as_json: bool = False, code: int = BAD_INPUT) -> None:
    line = " ".join(message.split())
    if as_json:
        line = json.dumps({"error": {"type": kind, "message": line, "exit_code": code}})
        click.echo(line, err=True)
    else:
        click.echo(f"oubli: {line}", err=True)
