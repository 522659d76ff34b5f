"""The documentation of the command line is the command line's own."""

import inspect
import re
from pathlib import Path

import click
import pytest

from oubli.cli.app import oubli
from oubli.cli.estimators import OPTIONS
from oubli.cli.reference import reference
from oubli.models import CorrectAndSmooth, SGCRidge

REFERENCE = Path(__file__).parent.parent.parent / "docs" / "reference" / "cli.rst"
COMMANDS = sorted(oubli.commands.items())


def test_reference_is_up_to_date():
    said = REFERENCE.read_text(encoding="utf-8")
    assert said == reference(), "run: python -m oubli.cli.reference > docs/reference/cli.rst"


@pytest.mark.parametrize(("name", "command"), COMMANDS)
def test_commands_and_options_have_help(name, command):
    assert command.help
    assert len(command.get_short_help_str(limit=60)) < 60
    assert not command.get_short_help_str(limit=60).endswith("...")
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{name} {parameter.opts[0]}"
            assert re.search(r"\.( \[default: .*\])?$", parameter.help), f"{name} {parameter.opts[0]}"
    assert "as_json" in [parameter.name for parameter in command.params], "every command speaks to machines"


def test_defaults_told_are_those_of_the_estimators():
    estimators = [*inspect.signature(SGCRidge).parameters.values()]
    estimators += [*inspect.signature(CorrectAndSmooth).parameters.values()]
    defaults = {parameter.name: parameter.default for parameter in estimators}

    @click.command()
    def empty():
        pass

    for option in OPTIONS:
        option(empty)
    told = {}
    for parameter in empty.params:
        found = re.search(r"\[default: (.*)\]$", parameter.help)
        if found:
            told[parameter.name] = found[1]
    assert told == {name: "none" if defaults[name] is None else str(defaults[name]) for name in told}
    assert len(told) == 10
