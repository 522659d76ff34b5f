"""Figures as pieces of a page: SVG whose colours follow the page, with a title, and the same bytes each time."""

from __future__ import annotations

import contextlib
import html
import io
import re
import warnings
from collections.abc import Iterator
from typing import Any

import matplotlib
from markupsafe import Markup
from matplotlib.figure import Figure

from oubli.report.palette import LIGHT

POINTS = 72.0
_ROLES = {colour: f"var(--{role})" for role, colour in LIGHT.items()}
_SETTINGS: dict[Any, Any] = {
    "svg.fonttype": "none",  # text stays text: small, searchable, read aloud
    "svg.hashsalt": "oubli",
    "text.parse_math": False,  # names may hold a dollar
    "text.usetex": False,
    "axes.unicode_minus": True,
    "font.family": ["sans-serif"],
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10.0,
    "text.color": LIGHT["ink"],
    "axes.edgecolor": LIGHT["line"],
    "axes.labelcolor": LIGHT["muted"],
    "xtick.color": LIGHT["line"],
    "xtick.labelcolor": LIGHT["muted"],
    "ytick.color": LIGHT["line"],
    "ytick.labelcolor": LIGHT["ink"],
    "grid.color": LIGHT["line"],
    "legend.labelcolor": LIGHT["ink"],
    "legend.frameon": False,
    "legend.fontsize": 9.5,
}


@contextlib.contextmanager
def drawing_settings() -> Iterator[None]:
    """Draw with the page's fonts and colours, whatever the user's own settings of matplotlib are."""
    with matplotlib.rc_context(), warnings.catch_warnings():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(_SETTINGS)
        # The page has its own fonts; that the one for measuring lacks a sign does not matter.
        warnings.filterwarnings("ignore", r"Glyph \d+")
        yield


def blank_figure(width: float, height: float) -> Figure:
    """Return a figure of this size in points, without pyplot's memory of it."""
    return Figure(figsize=(width / POINTS, height / POINTS))


def inline_svg(figure: Figure, name: str, title: str, description: str) -> Markup:
    """Return a figure as an ``<svg>`` element to stand in a page.

    Parameters
    ----------
    figure : Figure
        Drawn in colours of `palette.LIGHT`, under `drawing_settings`.
    name : str
        Letters, digits and hyphens; unlike that of any other figure in the page, whose ids it keeps apart.
    title, description : str
        What it is, and what it shows, for those who do not see it.
    """
    out = io.StringIO()
    figure.savefig(out, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = out.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>|<style.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r"<[^>]*>", lambda tag: _fit(tag.group(), name), svg)
    size = re.search(r'viewBox="[^"]*"', svg)
    assert size, "matplotlib writes a viewBox"
    head = (
        f'<svg {size.group()} role="img" aria-labelledby="{name}-title {name}-description">'
        f'<title id="{name}-title">{html.escape(title)}</title>'
        f'<desc id="{name}-description">{html.escape(description)}</desc>'
    )
    # The one place where markup is made by hand: matplotlib escapes its texts, and ours are escaped above.
    return Markup(head + svg[svg.index(">") + 1 :].strip())


def _fit(tag: str, name: str) -> str:
    """Return a tag with the page's fonts and colours, and with ids of this figure's own."""
    tag = re.sub(r"font-family: [^;\"]*;? ?", "", tag)
    tag = re.sub(r'( id="|href="#|url\(#)', rf"\1{name}-", tag)
    return re.sub(r"#[0-9a-f]{6}\b", lambda colour: _ROLES.get(colour.group(), colour.group()), tag)
