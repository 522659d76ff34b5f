"""The reference of the command line: ``python -m oubli.cli.reference > docs/reference/cli.rst``."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator

import click

from oubli.cli.app import oubli

HEAD = """\
Command line
============

.. Made by ``python -m oubli.cli.reference``; a test compares. Change the commands instead.

"""

CONVENTIONS = """\
For all commands
----------------

Ids
    In files, one id a line, or two for an edge, set apart by a comma, a tab or spaces. Empty lines and those that start
    with ``#`` are skipped; ``-`` is standard input. Where the ids of a model are integers, the text is read as one. Ids
    that hold such characters go into a JSON request: ``{"nodes": ["a b"], "edges": [["a b", "c"]]}``.

Output
    Text for people on standard output, or one JSON object with ``--json``. Progress is shown on standard error, on a
    terminal only.

Exit codes
    0
        Done.
    1
        A check failed: ``oubli verify`` found a difference, or ``oubli demo`` did. Or ``oubli unlearn`` saved the new
        model, but could not delete the former one.
    2
        Bad input, or no room on the disk. Standard error has one line that says what, where and what to do; with
        ``--json`` it is an object, ``{"error": {"type": ..., "message": ..., "exit_code": 2}}``. Models on the disk are
        untouched; of a stream, what comes before the bad line is done and saved.
    130
        Interrupted or terminated. A model on the disk is whole: as before, or as after. A stream ends its batch, saves,
        and says where it is.

Model folders
    A command that changes a model writes the new state beside the old one and puts it into force at once. One that is
    killed leaves the old or the new state whole, and the next command clears away what else it left. Of two commands
    that change a model at the same time one is refused and changes nothing.

Streams
    ``oubli unlearn --stream FILE`` honours one JSON request a line. The model is saved every 30 seconds and at the end,
    and with it how far it is in FILE, with keyed hashes by which FILE is recognised. The same command goes on behind
    the last line that was saved, also when lines were added, and has nothing to do when all is done. What was done of
    FILE must stay as it was. Another file starts at its beginning, and takes the place of the former in the model.
    ``oubli info`` tells how far a stream is.

    Each line that ``--receipt`` adds has ``stream`` (a random name), the lines ``first`` to ``last``, ``requests`` and
    the ``receipt``. They are added when the model is saved; those of lines done again after a kill are taken out first.
    A pipe cannot be read again: after a kill, give what is missing yourself.
"""


def reference() -> str:
    """Return the reference as reStructuredText."""
    sections = [HEAD + _markup(_help(oubli)), CONVENTIONS.rstrip()]
    sections += [_section(name, command) for name, command in leaf_commands(oubli)]
    return "\n\n".join(sections) + "\n"


def leaf_commands(group: click.Group, before: str = "") -> Iterator[tuple[str, click.Command]]:
    """Return the commands below a group that do something themselves, with their names from it on."""
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from leaf_commands(command, f"{before}{name} ")
        else:
            yield f"{before}{name}", command


def _section(name: str, command: click.Command) -> str:
    title = f"oubli {name}"
    arguments = [_argument(parameter) for parameter in command.params if isinstance(parameter, click.Argument)]
    usage = " ".join([title, *arguments, "[OPTIONS]"])
    parts = [f"{title}\n{'-' * len(title)}", f".. code-block:: text\n\n   {usage}", _markup(_help(command))]
    parts += [f".. program:: {title}", *_options(command)]
    return "\n\n".join(parts)


def _argument(argument: click.Argument) -> str:
    return argument.metavar or str(argument.name).upper()


def _options(command: click.Command) -> Iterator[str]:
    for option in command.params:
        if not isinstance(option, click.Option):
            continue
        value = "" if option.is_flag else f" {_metavar(option)}"
        names = ", ".join(f"{name}{value}" for name in option.opts)
        notes = ["required"] if option.required else []
        if option.show_default:
            notes.append(f"default: {option.default}")
        suffix = f" [{', '.join(notes)}]" if notes else ""
        yield f".. option:: {names}\n\n   {_markup(f'{option.help}{suffix}')}"


def _metavar(option: click.Option) -> str:
    if option.metavar:
        return option.metavar
    if isinstance(option.type, click.Choice):
        return "|".join(map(str, option.type.choices))
    return option.type.name.upper()


def _help(command: click.Command) -> str:
    return inspect.cleandoc(command.help or "")


def _markup(text: str) -> str:
    escaped = re.sub(r"([*|\\])", r"\\\1", text)
    return re.sub(r"`([^`]+)`", r"``\1``", escaped)


if __name__ == "__main__":
    click.echo(reference(), nl=False)
