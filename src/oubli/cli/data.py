"""The graph that a command is given: a name, a file or a folder."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from oubli.errors import InputError

if TYPE_CHECKING:
    from oubli.graph import Graph


def read_graph(data: str, split: str, features: str | None) -> Graph:
    """Return a graph by name or from files, with errors in the words of the command line."""
    from oubli.graph import load_graph

    if not Path(data).exists():
        _quiet_downloads()
    try:
        return load_graph(data, int(split) if split.isdecimal() else split, features=features)
    except (ImportError, InputError) as error:  # an extra that is missing is named in the message
        raise InputError(str(error).replace("pass root=", "name that folder in OUBLI_DATA")) from None


def _quiet_downloads() -> None:
    # Its log of tries would stand between the user and the one line that says what is wrong.
    with contextlib.suppress(ImportError):
        import pooch

        pooch.get_logger().setLevel("ERROR")
