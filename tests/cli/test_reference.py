"""The documentation of the command line is the command line's own."""

import inspect
import re
from pathlib import Path

import click
import pytest

from oubli import engines
from oubli.cli.app import oubli
from oubli.cli.options import ENGINES, MODELS, OPTIONS
from oubli.cli.reference import leaf_commands, reference
from oubli.models import CertifiedClassifier, CorrectAndSmooth, LCFNet, RandomFeatureNet, RoutedClassifier, SGCRidge

REFERENCE = Path(__file__).parent.parent.parent / "docs" / "reference" / "cli.rst"
COMMANDS = sorted(leaf_commands(oubli))


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


ESTIMATORS = {
    "sgc": SGCRidge,
    "lcf": LCFNet,
    "random-feature": RandomFeatureNet,
    "routed": RoutedClassifier,
    "certified": CertifiedClassifier,
}


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_defaults_told_are_those_of_the_estimators(option):
    assert set(option.models) <= set(ESTIMATORS) == set(MODELS)
    if option.kind is None:
        return
    for model in option.models:
        estimator = CorrectAndSmooth if option.name in ("--correction", "--smoothing") else ESTIMATORS[model]
        default = inspect.signature(estimator).parameters[option.parameter].default
        told = option.other_defaults.get(model, option.default)
        assert told == ("none" if default is None else str(default)), model


def test_engines_are_those_there_are():
    assert ENGINES == engines.ENGINES


def test_help_tells_defaults_and_the_models_that_have_an_option():
    options = [parameter for parameter in oubli.commands["fit"].params if isinstance(parameter, click.Option)]
    told = {option.opts[0]: option.help for option in options}
    for option in OPTIONS:
        help = told[option.name]
        assert (re.search(r" \[default: (.*)\]$", help) or ["", ""])[1] == option.told_defaults
        assert help.startswith(f"{', '.join(option.models)}: ") == (option.models != MODELS)
