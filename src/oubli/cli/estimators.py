"""Options of ``oubli fit`` that say which estimator to fit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import click

from oubli.errors import InputError

if TYPE_CHECKING:
    from oubli.models import NodeClassifier

Decorator = Callable[[Any], Any]
Builder = Callable[[Mapping[str, Any]], "NodeClassifier"]


class Numbers(click.ParamType):  # type: ignore[type-arg]
    """A number, or several with commas between."""

    name = "numbers"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float | list[float]:
        """Return a float or a list of floats."""
        try:
            numbers = [float(part) for part in str(value).split(",")]
        except ValueError:
            self.fail(f"{value!r} is not a number, nor numbers with commas between", param, ctx)
        return numbers[0] if len(numbers) == 1 else numbers


class NumberOr(click.ParamType):  # type: ignore[type-arg]
    """A number, or one of a few words.

    Parameters
    ----------
    kind : type
        Of the number: int or float.
    words : str
    """

    name = "number or word"

    def __init__(self, kind: type[int] | type[float], *words: str) -> None:
        self.kind, self.words = kind, words

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | float | str:
        """Return the number or the word."""
        if value in self.words:
            return str(value)
        try:
            return self.kind(value)
        except ValueError:
            what = "an integer" if self.kind is int else "a number"
            self.fail(f"{value!r} is neither {what} nor one of {', '.join(self.words)}", param, ctx)


SCORING = click.Choice(["accuracy", "balanced_accuracy", "roc_auc"])


def _option(name: str, kind: click.ParamType[Any], default: str, help: str, metavar: str | None = None) -> Decorator:
    # What is not given is left to the estimator, which has the default; a test compares it with the one told here.
    return click.option(name, type=kind, metavar=metavar, help=f"{help} [default: {default}]")


OPTIONS: list[Decorator] = [
    _option("--hops", click.INT, "2", "How many hops features travel.", "N"),
    _option(
        "--operator",
        NumberOr(float, "random_walk", "symmetric"),
        "random_walk",
        "How neighbours are averaged: random_walk, symmetric, or ScaleGUN's coefficient R from 0 to 1.",
        "random_walk|symmetric|R",
    ),
    _option("--alpha", Numbers(), "1.0", "Ridge strength; of several, the best on the validation nodes.", "A[,B,...]"),
    _option(
        "--representation",
        click.Choice(["last", "concat"]),
        "last",
        "Learn from the last hop, or from all hops side by side.",
    ),
    _option("--normalize", click.Choice(["l2", "none"]), "l2", "Scaling of each feature row."),
    _option(
        "--class-weight",
        click.Choice(["none", "balanced"]),
        "none",
        "balanced: classes count the same, however many nodes they have.",
    ),
    _option(
        "--projection",
        NumberOr(int, "auto", "none"),
        "auto",
        "Width of a random projection of the features; auto projects only when there are thousands.",
        "auto|none|N",
    ),
    _option("--scoring", SCORING, "accuracy", "What choices on the validation nodes are made by."),
    click.option("--smooth", is_flag=True, help="Correct and smooth the predictions along the edges (C&S)."),
    _option(
        "--correction",
        Numbers(),
        "0.8",
        "With --smooth: share of a residual that comes from neighbours; of several, the best on validation.",
        "A[,B,...]",
    ),
    _option(
        "--smoothing",
        Numbers(),
        "0.8",
        "With --smooth: share of a score that comes from neighbours; of several, the best on validation.",
        "A[,B,...]",
    ),
]


def estimator_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of all estimators to a command."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def build_estimator(name: str, options: Mapping[str, Any]) -> NodeClassifier:
    """Return the unfitted estimator that a name and options describe.

    Raises
    ------
    InputError
        When options contradict each other.
    """
    given: dict[str, Any] = {
        key: None if value == "none" else value for key, value in options.items() if value is not None
    }
    smooth = given.pop("smooth", False)
    shares: dict[str, Any] = {key: given.pop(key) for key in ("correction", "smoothing") if key in given}
    if shares and not smooth:
        raise InputError(f"--{next(iter(shares))} says how to smooth; add --smooth")
    base = BUILDERS[name](given)
    if not smooth:
        return base
    from oubli.models import CorrectAndSmooth

    if "scoring" in given:
        shares["scoring"] = given["scoring"]
    return CorrectAndSmooth(base, **shares)


def _build_sgc(options: Mapping[str, Any]) -> NodeClassifier:
    from oubli.models import SGCRidge

    return SGCRidge(**options)


BUILDERS: dict[str, Builder] = {"sgc": _build_sgc}
