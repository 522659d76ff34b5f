"""Parts of results, checked as they are taken out."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any


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
