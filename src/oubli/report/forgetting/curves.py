"""ROC curves: for each method the attacks farthest off the floor, each with its floor drawn as a band."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from oubli.report.forgetting.results import Curve, ForgettingResults, MethodRecord
from oubli.report.palette import LIGHT
from oubli.report.svg import blank_figure, drawing_settings, inline_svg

WIDTH, SIDE, LEFT, TOP, BOTTOM, BETWEEN = 380.0, 148.0, 34.0, 20.0, 76.0, 40.0
SHOWN = 2
LOWEST = 0.01
STYLES = (("attack", "-"), ("oracle", "--"))
"""Colour and line of the farthest off the floor, and of the next."""


@dataclass(frozen=True)
class Panel:
    """One square of a figure.

    Parameters
    ----------
    group : str
        Of curves, as the audit names it.
    title : str
    low_rates : bool
        Whether false positive rates are drawn in decades.
    """

    group: str
    title: str
    low_rates: bool = False


def draw_curves(audit: ForgettingResults, method: MethodRecord, panels: Sequence[Panel], name: str) -> Markup | None:
    """Draw the ROC curves of a method.

    Parameters
    ----------
    audit : ForgettingResults
    method : MethodRecord
    panels : sequence of Panel
        Two of them.
    name : str
        What ids of the drawing begin with.

    Returns
    -------
    Markup or None
        None without curves.
    """
    chosen = _farthest(audit, method, panels[-1].group)
    curves = [c for c in audit.curves if c.method == method.name and c.attack in chosen]
    drawn = [panel for panel in panels if any(curve.group == panel.group for curve in curves)]
    if not drawn:
        return None
    height = TOP + SIDE + BOTTOM
    with drawing_settings():
        figure = blank_figure(WIDTH, height)
        for position, panel in enumerate(drawn):
            left = (LEFT + position * (SIDE + BETWEEN)) / WIDTH
            axes = figure.add_axes((left, BOTTOM / height, SIDE / WIDTH, SIDE / height))
            _frame(axes, panel)
            for attack, (role, line) in zip(chosen, STYLES, strict=False):
                for curve in curves:
                    if (curve.attack, curve.group) == (attack, panel.group):
                        _draw(axes, curve, LIGHT[role], line, panel.low_rates)
        handles = [
            axes.plot([], [], line, color=LIGHT[role], label=attack)[0]
            for attack, (role, line) in zip(chosen, STYLES, strict=False)
        ]
        band = axes.fill_between(
            [], [], [], color=LIGHT["muted"], alpha=0.3, linewidth=0, label="its floor, retraining"
        )
        figure.legend(handles=[*handles, band], loc="lower center", ncols=2, handlelength=1.8, columnspacing=1.2)
        told = "; ".join(_spoken(curve) for curve in curves if any(curve.group == panel.group for panel in drawn))
        return inline_svg(figure, name, f"ROC curves of {method.name}", told)


def _farthest(audit: ForgettingResults, method: MethodRecord, group: str) -> list[str]:
    """Return the attacks whose curves lie farthest off their floors, without the former answers."""
    after = {attack.name for attack in audit.attacks if attack.kind == "attack" and not attack.needs_before}
    gains = {
        curve.attack: abs(float(np.mean(np.subtract(curve.rate, curve.floor_rate))))
        for curve in audit.curves
        if curve.method == method.name and curve.group == group and curve.attack in after
    }
    return sorted(gains, key=lambda attack: -gains[attack])[:SHOWN]


def _frame(axes: Axes, panel: Panel) -> None:
    axes.set_title(panel.title, fontsize=9.5, loc="left", color=LIGHT["ink"])
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_ylim(0, 1)
    axes.tick_params(labelsize=8.5)
    axes.yaxis.set_major_locator(FixedLocator([0, 0.5, 1]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_xlabel("false positive rate", fontsize=9)
    rates = np.linspace(0, 1, 101)
    axes.plot(rates, rates, linestyle=(0, (1, 2.5)), color=LIGHT["muted"], linewidth=1.2)
    if panel.low_rates:
        axes.set_xscale("log")
        axes.set_xlim(LOWEST, 1)
        axes.xaxis.set_major_locator(FixedLocator([0.01, 0.1, 1]))
        axes.xaxis.set_minor_locator(NullLocator())
    else:
        axes.set_xlim(0, 1)
        axes.xaxis.set_major_locator(FixedLocator([0, 0.5, 1]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def _draw(axes: Axes, curve: Curve, colour: str, line: str, low_rates: bool) -> None:
    rates = np.linspace(0, 1, len(curve.rate))
    kept = rates >= LOWEST - 1e-9 if low_rates else np.ones(rates.size, bool)
    # A band of no width, of a single seed or of equal bytes, would not be seen.
    low, high = np.array(curve.floor_low) - 0.006, np.array(curve.floor_high) + 0.006
    axes.fill_between(rates[kept], low[kept], high[kept], color=colour, alpha=0.25, linewidth=0)
    axes.plot(rates[kept], np.array(curve.rate)[kept], line, color=colour, linewidth=1.5)


def _spoken(curve: Curve) -> str:
    area, floor = (_area(rates) for rates in (curve.rate, curve.floor_rate))
    return f"{curve.attack}, {curve.group}: area {area:.2f}, floor {floor:.2f}"


def _area(rates: Sequence[float]) -> float:
    return (sum(rates) - (rates[0] + rates[-1]) / 2) / (len(rates) - 1)
