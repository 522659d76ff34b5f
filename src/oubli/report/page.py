"""Pages: made from templates, written whole, and recognised again."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import Any

import jinja2

from oubli import __version__
from oubli.graph.durable import write_beside
from oubli.report.palette import DARK, LIGHT

HEAD = 4096  # bytes, more than what comes before the two marks
_MARKS = re.compile(r'<meta name="generator" content="oubli [^"]*">\s*<meta name="oubli-command" content="([^"]*)">')


def render(template: str, **values: Any) -> str:
    """Return a template of this package filled in; all that is not markup already is escaped."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("oubli.report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    filled = environment.get_template(template).render(oubli_version=__version__, light=LIGHT, dark=DARK, **values)
    return f"{filled}\n"


def write_page(page: str, path: str | Path) -> Path:
    """Write a page, whole or not at all, over what is there."""
    target = Path(path)
    with write_beside(target) as file:
        # A name may hold half a surrogate pair, which JSON allows and UTF-8 does not.
        file.write(page.encode("utf-8", "replace"))
    return target


def command_of(path: str | Path) -> str | None:
    """Return the command that the results of a page came from, ``""`` where it was not recorded.

    Parameters
    ----------
    path : str or Path

    Returns
    -------
    str or None
        None when there is no such file, or it is no page of oubli.
    """
    try:
        with open(path, "rb") as file:
            beginning = file.read(HEAD).decode("utf-8", "replace")
    except OSError:
        return None
    marks = _MARKS.search(beginning)
    return html.unescape(marks.group(1)) if marks else None
