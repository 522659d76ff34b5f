"""What options take beside plain text: numbers, several numbers, or numbers and words."""

from __future__ import annotations

from typing import Any

import click


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


DIGITS = 19
"""From which on no number is meant."""


class NumberOrText(click.ParamType):  # type: ignore[type-arg]
    """A whole number, or any other text."""

    name = "number or text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int | str:
        """Return the number or the text."""
        return int(value) if str(value).isdecimal() and len(str(value)) < DIGITS else str(value)


class NumbersOr(Numbers):
    """Several numbers with commas between, or one of a few words.

    Parameters
    ----------
    words : str
    """

    name = "numbers or word"

    def __init__(self, *words: str) -> None:
        self.words = words

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Return the numbers as a list, or the word."""
        if value in self.words:
            return str(value)
        if not any(mark.isdigit() for mark in str(value)):
            self.fail(
                f"{value!r} is neither numbers with commas between nor one of {', '.join(self.words)}", param, ctx
            )
        numbers = super().convert(value, param, ctx)
        return numbers if isinstance(numbers, list) else [numbers]


class Names(click.ParamType):  # type: ignore[type-arg]
    """Names with commas between, each once."""

    name = "names"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, ...]:
        """Return the names as a tuple."""
        if isinstance(value, tuple):
            return value
        names = tuple(dict.fromkeys(part.strip() for part in str(value).split(",")))
        if not all(names):
            self.fail(f"{value!r} has an empty name; give names with commas between", param, ctx)
        return names


class Widths(click.ParamType):  # type: ignore[type-arg]
    """Widths of layers, integers with commas between; or none."""

    name = "widths"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        """Return the widths as a tuple."""
        if isinstance(value, tuple):
            return value
        parts = [] if value == "none" else str(value).split(",")
        if not all(part.strip().isdecimal() and int(part) > 0 for part in parts):
            self.fail(f"{value!r} is neither 'none' nor integers above 0 with commas between", param, ctx)
        return tuple(int(part) for part in parts)


class Bytes(click.ParamType):  # type: ignore[type-arg]
    """A number of bytes, with or without a unit: ``500MB``, ``2GiB``."""

    name = "bytes"
    units = {"": 1, "b": 1} | {
        unit: scale**power
        for power, letter in enumerate("kmgt", start=1)
        for unit, scale in ((letter, 1024), (f"{letter}b", 1000), (f"{letter}ib", 1024))
    }

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number of bytes."""
        if isinstance(value, int):
            return value
        text = str(value).strip().lower()
        unit = text.lstrip("0123456789.")
        try:
            return int(float(text.removesuffix(unit)) * self.units[unit.strip()])
        except (ValueError, KeyError, OverflowError):
            self.fail(f"{value!r} is no number of bytes; write 500MB or 2GiB", param, ctx)
