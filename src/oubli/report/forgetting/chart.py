"""A chart of rows, names at its left, and a figure with its interval in each."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter

from oubli.report.estimates import Estimate
from oubli.report.palette import LIGHT
from oubli.report.svg import blank_figure

WIDTH, LABELS, RIGHT, ROW, BELOW = 380.0, 138.0, 16.0, 16.0, 58.0
LONGEST = 24  # letters of a name


def chart_of_rows(rows: float) -> tuple[Figure, Axes]:
    """Return an empty chart of so many rows, names at its left."""
    plot = ROW * rows + 10
    whole = plot + BELOW + 4
    figure = blank_figure(WIDTH, whole)
    axes = figure.add_axes((LABELS / WIDTH, BELOW / whole, (WIDTH - LABELS - RIGHT) / WIDTH, plot / whole))
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.set_axisbelow(True)
    axes.grid(axis="x", linewidth=0.6)
    axes.set_ylim(rows - 0.3, -0.7)
    return figure, axes


def write_head(axes: Axes, row: float, title: str) -> None:
    """Write what the rows below belong to."""
    margin = -(LABELS - 6) / (WIDTH - LABELS - RIGHT)
    axes.text(margin, row, shortened(title, 48), transform=axes.get_yaxis_transform(), weight="bold",
              va="center_baseline")  # fmt: skip


def name_rows(axes: Axes, ticks: dict[float, str]) -> None:
    """Write names at the left of rows."""
    axes.yaxis.set_major_locator(FixedLocator(list(ticks)))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda at, _: shortened(ticks.get(float(at), ""))))
    axes.tick_params(axis="y", length=0)


def draw_dot(axes: Axes, row: float, figure: Estimate, role: str, filled: bool) -> None:
    """Draw a figure with its interval, in the colour of a role."""
    colour = LIGHT[role]
    if figure.interval:
        axes.plot(figure.interval, [row, row], color=colour, linewidth=2.2, alpha=0.55, solid_capstyle="butt")
    if figure.value is not None:
        axes.plot([figure.value], [row], "o", markersize=5, color=colour, clip_on=False, zorder=5,
                  markerfacecolor=colour if filled else LIGHT["paper"])  # fmt: skip


def shortened(name: str, longest: int = LONGEST) -> str:
    """Return a name that has room at the left of a chart."""
    return name if len(name) <= longest else f"{name[: longest - 1]}…"
