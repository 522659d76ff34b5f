"""Charts of an audit: scores with their intervals and nulls, and what noise buys and costs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator

from oubli.report.gradients.metrics import Metric, percent
from oubli.report.gradients.results import DefenceRecord, Score
from oubli.report.palette import LIGHT
from oubli.report.svg import blank_figure, drawing_settings, inline_svg

WIDTH = 380.0  # points: what a telephone shows at its own size
LABELS = 122.0  # of them, for the names of attacks
RIGHT = 18.0
ROW = 16.0
GAP = 0.4  # between defences, in rows
TALL = 24  # rows, from which the scale is written at both ends
LONGEST = 22  # letters of a name in a chart

Estimate = tuple[float | None, float | None, float | None]
"""A value with the ends of its interval."""


@dataclass(frozen=True)
class NoiseLevel:
    """What was measured at one level of noise.

    Parameters
    ----------
    title : str
        The level, as results spell it.
    epsilon : str
        As read on the page.
    leak, null, accuracy : Estimate
    """

    title: str
    epsilon: str
    leak: Estimate
    null: Estimate
    accuracy: Estimate


def draw_scores(metric: Metric, scores: Sequence[Score], defences: Sequence[DefenceRecord], name: str) -> Markup | None:
    """Draw one metric: a row for each defence and attack, its interval as a bar, its null as a hollow diamond.

    Parameters
    ----------
    metric : Metric
    scores : sequence of Score
        Of this metric; nulls are drawn beside the attacks that they are the nulls of, and not by themselves.
    defences : sequence of DefenceRecord
        In their order.
    name : str
        What ids of the drawing begin with.

    Returns
    -------
    Markup or None
        None when nothing was measured.
    """
    groups = [
        (defence.name, [score for score in scores if score.defence == defence.name and score.kind != "null"])
        for defence in defences
    ]
    groups = [(title, members) for title, members in groups if members]
    shown = [score for _, members in groups for score in members]
    if not any(score.value is not None for score in shown):
        return None
    rows = sum(1 + GAP + len(members) for _, members in groups) - GAP
    with drawing_settings():
        height = ROW * rows + 10
        tall = rows > TALL
        figure, axes = _chart(height, bottom=42.0, left=LABELS, top=20.0 if tall else 6.0)
        axes.tick_params(axis="x", labeltop=tall)
        axes.set_ylim(rows - 0.3, -0.7)
        _scale(axes, metric, shown)
        row, ticks = 0.0, {}
        for title, members in groups:
            margin = -(LABELS - 6) / (WIDTH - LABELS - RIGHT)
            axes.text(margin, row, _short(title, 48), transform=axes.get_yaxis_transform(), weight="bold",
                      va="center_baseline")  # fmt: skip
            for score in members:
                row += 1
                ticks[row] = _short(score.attack)
                _mark(axes, score, row)
            row += 1 + GAP
        axes.yaxis.set_major_locator(FixedLocator(list(ticks)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda at, _: ticks.get(float(at), "")))
        axes.tick_params(axis="y", length=0)
        _score_legend(axes, shown, height)
        told = "; ".join(_spoken(metric, score) for score in shown)
        return inline_svg(figure, name, f"{metric.title}, by defence and attack", told)


def draw_noise(points: Sequence[NoiseLevel], name: str) -> Markup:
    """Draw, by noise level, what was recovered, its null, and the model's accuracy."""
    places = list(range(len(points)))
    with drawing_settings():
        figure, axes = _chart(190.0, bottom=82.0, left=44.0)
        axes.set_ylim(-0.03, 1.03)
        axes.set_xlim(-0.4, len(points) - 0.6)
        axes.yaxis.set_major_locator(FixedLocator([0, 0.25, 0.5, 0.75, 1.0]))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: percent(value)))
        axes.xaxis.set_major_locator(FixedLocator(places))
        said = [f"{point.title}\n{point.epsilon}" for point in points]
        axes.xaxis.set_major_formatter(FuncFormatter(lambda at, _: said[round(at)]))
        axes.grid(axis="y", linewidth=0.6)
        axes.set_xlabel("standard deviation of the noise, and epsilon")
        series: tuple[tuple[str, str, str, str, Callable[[NoiseLevel], Estimate]], ...] = (
            ("graphs recovered exactly", "attack", "o", "-", lambda point: point.leak),
            ("the same by the null", "muted", "D", ":", lambda point: point.null),
            ("accuracy of the model", "safe", "s", "--", lambda point: point.accuracy),
        )
        for title, role, marker, line, of in series:
            _line(axes, [of(point) for point in points], title, LIGHT[role], marker, line)
        axes.legend(loc="upper center", bbox_to_anchor=(0.45, -0.28), ncols=2, handlelength=2.6, columnspacing=1.2)
        told = "; ".join(
            f"{point.title}: recovered {percent(point.leak[0])}, null {percent(point.null[0])}, accuracy "
            f"{percent(point.accuracy[0])}"
            for point in points
        )
        return inline_svg(figure, name, "Leak and accuracy by noise level", told)


def _chart(height: float, bottom: float, left: float, right: float = RIGHT, top: float = 6.0) -> tuple[Figure, Axes]:
    """Return an empty chart whose plot has this height; all in points."""
    whole = height + bottom + top
    figure = blank_figure(WIDTH, whole)
    axes = figure.add_axes((left / WIDTH, bottom / whole, (WIDTH - left - right) / WIDTH, height / whole))
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.set_axisbelow(True)
    return figure, axes


def _scale(axes: Axes, metric: Metric, scores: Iterable[Score]) -> None:
    axes.grid(axis="x", linewidth=0.6)
    if metric.unit in ("share", "overlap"):
        axes.set_xlim(-0.03, 1.03)
        axes.xaxis.set_major_locator(FixedLocator([0, 0.25, 0.5, 0.75, 1.0]))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: metric.write(value)))
        return
    seen = [score.value for score in scores] + [score.null_value for score in scores]
    values = [value for value in seen if value is not None]
    if min(values) > 0 and max(values) / min(values) > 10:
        axes.set_xscale("log")
        axes.set_xlim(min(values) / 3, max(values) * 3)
        axes.xaxis.set_major_locator(LogLocator(numticks=6))
        axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.2g}"))


def _mark(axes: Axes, score: Score, row: float) -> None:
    oracle = score.kind == "oracle"
    colour = LIGHT["oracle" if oracle else "attack"]
    if score.low is not None and score.high is not None:
        axes.plot([score.low, score.high], [row, row], color=colour, linewidth=2.2, alpha=0.55, solid_capstyle="butt")
    if score.null_value is not None:
        axes.plot([score.null_value], [row], "D", markersize=6.5, markerfacecolor="none", markeredgewidth=1.4,
                  markeredgecolor=LIGHT["muted"], clip_on=False, zorder=4)  # fmt: skip
    if score.value is None:
        axes.text(0.5, row, "not measured", transform=axes.get_yaxis_transform(), color=LIGHT["muted"], fontsize=9,
                  ha="center", va="center_baseline")  # fmt: skip
        return
    axes.plot([score.value], [row], "s" if oracle else "o", markersize=5, color=colour, clip_on=False, zorder=5)


def _score_legend(axes: Axes, scores: Sequence[Score], height: float) -> None:
    handles = []
    if any(score.kind != "oracle" for score in scores):
        handles += axes.plot([], [], "o-", color=LIGHT["attack"], markersize=5, label="attack, with interval")
    if any(score.kind == "oracle" for score in scores):
        handles += axes.plot([], [], "s-", color=LIGHT["oracle"], markersize=5, label="oracle, given the structure")
    if any(score.null_value is not None for score in scores):
        handles += axes.plot([], [], "D", markerfacecolor="none", markeredgecolor=LIGHT["muted"], markersize=6,
                             label="its null")  # fmt: skip
    centre = (WIDTH / 2 - LABELS) / (WIDTH - LABELS - RIGHT)
    offset = -21 / height
    axes.legend(handles=handles, loc="upper center", bbox_to_anchor=(centre, offset), ncols=3, columnspacing=0.9,
                handlelength=1.6, handletextpad=0.4)  # fmt: skip


def _line(axes: Axes, values: Sequence[Estimate], title: str, colour: str, marker: str, line: str) -> None:
    missing = math.nan
    hollow = "none" if marker == "D" else colour
    heights = [missing if value is None else value for value, _, _ in values]
    axes.plot(range(len(values)), heights, linestyle=line, marker=marker, color=colour, markersize=5.5,
              markerfacecolor=hollow, linewidth=1.5, label=title, clip_on=False, zorder=3)  # fmt: skip
    for place, (_, low, high) in enumerate(values):
        if low is not None and high is not None:
            axes.plot([place, place], [low, high], color=colour, linewidth=2.0, alpha=0.5, solid_capstyle="butt")


def _spoken(metric: Metric, score: Score) -> str:
    interval = metric.write_interval(score.low, score.high)
    within = f" ({interval})" if interval else ""
    return (
        f"{score.defence}, {score.attack}: {metric.write(score.value)}{within}, null {metric.write(score.null_value)}"
    )


def _short(name: str, longest: int = LONGEST) -> str:
    return name if len(name) <= longest else f"{name[: longest - 1]}…"
