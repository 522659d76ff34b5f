"""Results of an audit, read from its folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from oubli.errors import InputError

FILE = "results.json"


def read_results(path: str | Path, kind: str, check: Callable[[Mapping[str, Any]], object]) -> dict[str, Any]:
    """Read what an audit wrote.

    Parameters
    ----------
    path : str or Path
        The audit's folder, or its `results.json`.
    kind : str
        What it has to be, in words.
    check : callable
        Raises InputError for what it is not.

    Returns
    -------
    dict

    Raises
    ------
    InputError
        When there is no such file, it is no JSON, or does not pass the check.
    """
    given = Path(path)
    file = given / FILE if given.is_dir() else given
    try:
        results = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        where = f"{given}: no {FILE} in it" if given.is_dir() else f"{file}: there is no such file"
        raise InputError(f"{where}; give the folder that an {kind} filled") from None
    except (ValueError, RecursionError):  # no UTF-8 either
        raise InputError(f"{file}: not JSON; give the {FILE} of an {kind}") from None
    except OSError as error:
        raise InputError(f"{file}: cannot be read ({error.strerror or error})") from error
    try:
        check(results)
    except InputError as error:
        raise InputError(f"{file}: {error}") from None
    return dict(results)
