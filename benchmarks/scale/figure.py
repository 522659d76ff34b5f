"""The figure of growth, made from the recorded rows and from nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.scale.growth import CHANGE, REACHED, Curve, Rows, curves

COLOURS = {"memory": "#b23a48", "mmap": "#0b6e4f", "dask": "#d98e04", None: "0.4"}
MARKERS = {1: "o", 100: "s", 5000: "^"}
PANELS = (
    ("edges", "removals of edges, by the graph"),
    ("nodes", "removals of nodes, by the graph"),
    ("change", "removals, by the change, on the largest graph"),
    ("reached", "removals, by the rows they reach"),
    ("whole", "the whole: import, fit, re-solve"),
)

AXES = {"change": "nodes or edges removed", "reached": "rows, all hops together"}


def draw_figure(rows: Rows, path: Path) -> None:
    """Draw seconds against the size of the graph and of the change, with the exponents; a row of panels a width."""
    found = curves(rows)
    if not found:
        return
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot as plt

    # The same bytes from the same records.
    plt.rcParams |= {"svg.hashsalt": "oubli", "svg.fonttype": "none"}
    widths = sorted({curve.features for curve in found})
    size = 4.2 * len(PANELS), 4.4 * len(widths)
    figure, axes = plt.subplots(len(widths), len(PANELS), figsize=size, squeeze=False, layout="constrained")
    for curve in found:
        here = axes[widths.index(curve.features)][[name for name, _ in PANELS].index(_panel(curve))]
        _draw_curve(here, curve)
    for line, features in zip(axes, widths, strict=True):
        for here, (name, title) in zip(line, PANELS, strict=True):
            here.set(xscale="log", yscale="log", xlabel=AXES.get(name, "arcs"))
            here.set_title(f"{title}\n{features} features", fontsize=9)
            here.spines[["top", "right"]].set_visible(False)
            if here.lines:
                below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.18), "ncols": 2}
                here.legend(fontsize=6, frameon=False, title="exponent", title_fontsize=6, **below)
        line[0].set_ylabel("seconds")
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def _draw_curve(axes: Any, curve: Curve) -> None:
    exponent = curve.exponent()[0]
    label = f"{curve.what.removeprefix('unlearn ')}, {curve.engine or 'all'}"
    label += "" if exponent is None else f": {exponent:.2f}"
    (line,) = axes.plot(*zip(*curve.points, strict=True), label=label, linewidth=1.2, markersize=4, **_style(curve))
    # Hollow where all was computed anew.
    whole = [point for point in curve.points if point[0] in curve.whole]
    if whole:
        style = {"marker": line.get_marker(), "markeredgecolor": line.get_color(), "markerfacecolor": "white"}
        axes.plot(*zip(*whole, strict=True), linestyle="none", markersize=4, zorder=3, **style)


def _panel(curve: Curve) -> str:
    if not curve.what.startswith("unlearn"):
        return "whole"
    if curve.against in (CHANGE, REACHED):
        return "change" if curve.against == CHANGE else "reached"
    return "edges" if "edge" in curve.what else "nodes"


def _style(curve: Curve) -> dict[str, Any]:
    words = curve.what.replace(",", "").split()
    number = next((int(word) for word in words if word.isdigit()), 0)
    dashed = curve.what in ("import", "fit") or curve.what == "unlearn nodes"
    return {
        "color": COLOURS[curve.engine],
        "marker": MARKERS.get(number, "."),
        "linestyle": "none" if curve.against == REACHED else ":" if curve.what == "fit" else "--" if dashed else "-",
    }
