"""Parts of results, checked as they are taken out."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from oubli.errors import InputError

Part = TypeVar("Part")


def number(value: Any) -> float | None:
    """Return a finite number; None for what is no number, or is not finite."""
    if not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def text(value: Any) -> str:
    """Return a name on one line."""
    return " ".join(str(value).split())


def objects(record: Mapping[str, Any], name: str, default: Any = None) -> Sequence[Mapping[str, Any]]:
    """Return a list of objects; without a default it has to be there."""
    value = record[name] if default is None else record.get(name, default)
    if not isinstance(value, Sequence) or not all(isinstance(part, Mapping) for part in value):
        raise TypeError(f"{name} is no list of objects")
    return value


def mapping(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return an object that has to be there."""
    value = record[name]
    if not isinstance(value, Mapping):
        raise TypeError(f"{name} is no object")
    return value


def command(settings: Mapping[str, Any]) -> str:
    """Return the command of an audit on one line, "" where it was not recorded."""
    given = settings.get("command")
    if isinstance(given, Sequence) and not isinstance(given, str):
        return " ".join(map(text, given))
    return text(given) if given else ""


def flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield settings as names and texts, nested ones with a dot."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{name}.")
        elif isinstance(value, list | tuple):
            yield f"{prefix}{name}", ", ".join(map(text, value)) or "none"
        else:
            yield f"{prefix}{name}", "none" if value is None else text(value)


def whole(value: Any) -> int | None:
    """Return a whole number of cases, None of None."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{value!r} is no number of cases")
    return value


def each(record: Mapping[str, Any], name: str, make: Callable[[Mapping[str, Any]], Part]) -> tuple[Part, ...]:
    """Return the objects of a list, taken apart."""
    return tuple(make(part) for part in objects(record, name))


def check_format(results: Any, formats: Sequence[str]) -> None:
    """Raise `InputError` for what is not of one of these formats."""
    known = ", ".join(map(repr, formats))
    if not isinstance(results, Mapping) or not isinstance(results.get("format"), str):
        raise InputError(f"results: no audit; expected an object of format {known}")
    if results["format"] not in formats:
        raise InputError(
            f"results: format {results['format']!r} is not supported; supported: {known}. Render it with the version "
            "of oubli that wrote it, or audit again"
        )


@contextlib.contextmanager
def taking_apart() -> Iterator[None]:
    """Say of what goes wrong within that it lies in the results."""
    try:
        yield
    except KeyError as error:
        raise InputError(f"results: {error.args[0]!r} is missing; audit again") from None
    except (TypeError, ValueError, AttributeError) as error:
        raise InputError(f"results: not as an audit writes them ({error}); audit again") from None
