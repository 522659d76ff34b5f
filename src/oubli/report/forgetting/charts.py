"""Charts over all methods: what lies off the floor, and what the matched control tells apart."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator

from oubli.report.estimates import MINUS, decimals, signed, write, write_gain
from oubli.report.forgetting.chart import chart_of_rows, draw_dot, name_rows, write_head
from oubli.report.forgetting.results import Control, ForgettingResults, Line, MetricRecord
from oubli.report.forgetting.verdict import strongest
from oubli.report.palette import LIGHT
from oubli.report.svg import drawing_settings, inline_svg

GAP = 0.4  # between methods, in rows
SHOWN = 3


def draw_gains(audit: ForgettingResults, metric: MetricRecord, name: str) -> Markup | None:
    """Draw, for each method, the attacks farthest off the floor by one metric, with their intervals.

    Parameters
    ----------
    audit : ForgettingResults
    metric : MetricRecord
    name : str
        What ids of the drawing begin with.

    Returns
    -------
    Markup or None
        None when nothing was measured.
    """
    after = {attack.name for attack in audit.attacks if attack.kind == "attack" and not attack.needs_before}
    groups = []
    for method in audit.methods:
        lines = [s for s in audit.summary if (s.method, s.metric) == (method.name, metric.name) and s.attack in after]
        if lines:
            groups.append((method.name, strongest(lines)[:SHOWN]))
    if not any(members for _, members in groups):
        return None
    rows = sum(1 + GAP + len(members) for _, members in groups) - GAP
    with drawing_settings():
        figure, axes = chart_of_rows(rows)
        axes.axvline(0, color=LIGHT["muted"], linewidth=1.4, zorder=2)
        row, ticks = 0.0, {}
        for title, members in groups:
            write_head(axes, row, title)
            for line in members:
                row += 1
                ticks[row] = line.attack
                draw_dot(axes, row, line.gain, "leak" if line.off_floor else "attack", filled=line.off_floor)
            row += 1 + GAP
        name_rows(axes, ticks)
        axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: signed(value, 2)))
        left, right = axes.get_xlim()
        axes.set_xlim(min(left, -0.02), max(right, 0.02))
        _gain_legend(figure, axes)
        told = "; ".join(_spoken(line) for _, members in groups for line in members)
        return inline_svg(figure, name, f"{metric.title}: gain over the floor", told)


def draw_control(controls: Sequence[Control], name: str) -> Markup | None:
    """Draw the measured advantage of each method in the matched control, and its bound."""
    shown = [control for control in controls if control.advantage.value is not None]
    if not shown:
        return None
    with drawing_settings():
        figure, axes = chart_of_rows(len(shown))
        for row, control in enumerate(shown):
            role = (
                "leak"
                if control.within is False or (control.bound is None and (control.advantage.low or 0) > 0)
                else "attack"
            )
            draw_dot(axes, row, control.advantage, role, filled=True)
            if control.bound is not None:
                axes.plot([control.bound] * 2, [row - 0.42, row + 0.42], color=LIGHT["safe"], linewidth=2.6, zorder=4)
        name_rows(axes, {float(row): control.method for row, control in enumerate(shown)})
        lowest = min((control.advantage.low or 0.0 for control in shown), default=0.0)
        axes.set_xlim(min(-0.03, lowest - 0.03), 1.03)
        axes.xaxis.set_major_locator(FixedLocator([0, 0.25, 0.5, 0.75, 1.0]))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        handles = [
            axes.plot([], [], "o-", color=LIGHT["attack"], markersize=5, label="measured, with interval")[0],
            axes.plot([], [], "|", color=LIGHT["safe"], markersize=11, markeredgewidth=2.6, label="bound by the claim")[
                0
            ],
        ]
        figure.legend(handles=handles, loc="lower center", ncols=2, handlelength=1.6)
        told = "; ".join(f"{c.method}: {write(c.advantage)}, bound {decimals(c.bound)}" for c in shown)
        return inline_svg(figure, name, "Advantage in the matched control", told)


def _gain_legend(figure: Figure, axes: Axes) -> None:
    above = axes.plot([], [], "o-", color=LIGHT["leak"], markersize=5, label="off the floor")[0]
    other = axes.plot([], [], "o-", color=LIGHT["attack"], markersize=5, markerfacecolor=LIGHT["paper"],
                      label="not told from it")[0]  # fmt: skip
    zero = axes.plot([], [], "-", color=LIGHT["muted"], label="floor")[0]
    figure.legend(handles=[above, other, zero], loc="lower center", ncols=3, handlelength=1.6, columnspacing=1.0)


def _spoken(line: Line) -> str:
    return f"{line.method}, {line.attack}: {write_gain(line.gain)}".replace(MINUS, "minus ")
