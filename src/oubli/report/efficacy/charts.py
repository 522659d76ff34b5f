"""Charts of an audit of efficacy: before, after and retrained, by test and method; and time against retraining."""

from __future__ import annotations

from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from oubli.report.efficacy.results import EfficacyResults, TestRecord
from oubli.report.estimates import share, times
from oubli.report.forgetting.chart import chart_of_rows, draw_dot, name_rows, write_head
from oubli.report.palette import LIGHT
from oubli.report.svg import drawing_settings, inline_svg


def draw_returns(audit: EfficacyResults, test: TestRecord, what: str, name: str) -> Markup | None:
    """Draw ``accuracy`` or ``recall`` before and after the removal, and of retraining, a row for each method.

    Parameters
    ----------
    audit : EfficacyResults
    test : TestRecord
    what : {"accuracy", "recall"}
    name : str
        What ids of the drawing begin with.

    Returns
    -------
    Markup or None
        None when it was not measured.
    """
    methods = [m.name for m in audit.methods if audit.figure(m.name, test.name, f"{what}_after").value is not None]
    if not methods:
        return None
    with drawing_settings():
        figure, axes = chart_of_rows(len(methods))
        for row, method in enumerate(methods):
            before, after, retrained = (
                audit.figure(method, test.name, f"{what}_{when}") for when in ("before", "after", "retrained")
            )
            if retrained.value is not None:
                _tick(axes, row, retrained.value)
            if before.value is not None:
                axes.plot([before.value], [row], "D", markersize=6, markerfacecolor="none", markeredgewidth=1.4,
                          markeredgecolor=LIGHT["muted"], clip_on=False, zorder=4)  # fmt: skip
            draw_dot(axes, row, after, "attack", filled=True)
        name_rows(axes, {float(row): method for row, method in enumerate(methods)})
        axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{100 * value:.0f} %"))
        axes.margins(x=0.08)
        handles = [
            axes.plot(
                [], [], "D", markersize=6, markerfacecolor="none", markeredgecolor=LIGHT["muted"], label="before"
            )[0],
            axes.plot([], [], "o-", color=LIGHT["attack"], markersize=5, label="after, with interval")[0],
            axes.plot([], [], "|", color=LIGHT["safe"], markersize=11, markeredgewidth=2.6, label="retrained")[0],
        ]
        figure.legend(handles=handles, loc="lower center", ncols=3, handlelength=1.6, columnspacing=1.0)
        told = "; ".join(_spoken(audit, method, test, what) for method in methods)
        return inline_svg(figure, name, f"{test.name}: {what} by method", told)


def draw_speed(audit: EfficacyResults, name: str) -> Markup | None:
    """Draw how many times quicker than retraining each method was, by test."""
    groups = [
        (test.name, [(m.name, audit.figure(m.name, test.name, "speedup").value) for m in audit.methods])
        for test in audit.tests
    ]
    known = [(test, [(m, ratio) for m, ratio in members if ratio]) for test, members in groups]
    known = [(test, members) for test, members in known if members]
    if not known:
        return None
    rows = sum(1.4 + len(members) for _, members in known) - 0.4
    with drawing_settings():
        figure, axes = chart_of_rows(rows)
        axes.set_xscale("log")
        axes.axvline(1, color=LIGHT["muted"], linewidth=1.4, zorder=2)
        row, names = 0.0, {}
        for test, members in known:
            write_head(axes, row, test)
            for method, ratio in members:
                row += 1
                names[row] = method
                axes.plot([ratio], [row], "o", color=LIGHT["attack"], markersize=5, clip_on=False, zorder=5)
            row += 1.4
        name_rows(axes, names)
        ratios = [ratio for _, members in known for _, ratio in members]
        axes.set_xlim(min(0.5, min(ratios) / 1.5), max(2.0, max(ratios) * 1.5))
        axes.xaxis.set_major_locator(LogLocator(numticks=7))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}x"))
        told = "; ".join(f"{test}, {method}: {times(ratio)}" for test, members in known for method, ratio in members)
        return inline_svg(figure, name, "How many times as quick as retraining", told)


def _tick(axes: Axes, row: float, value: float) -> None:
    axes.plot([value] * 2, [row - 0.42, row + 0.42], color=LIGHT["safe"], linewidth=2.6, zorder=3)


def _spoken(audit: EfficacyResults, method: str, test: TestRecord, what: str) -> str:
    parts = (
        f"{when} {share(audit.figure(method, test.name, f'{what}_{when}').value)}"
        for when in ("before", "after", "retrained")
    )
    return f"{method}: {', '.join(parts)}"
