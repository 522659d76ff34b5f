"""The figure of the bounds, made from the recorded rows and from nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

FIGURE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "certified-bounds.svg"
LINES = {
    "worst": ("worst case, from degrees", "#b23a48"),
    "data_dependent": ("from the rows and the step", "#d98e04"),
    "evaluated": ("evaluated, which is charged", "#0b6e4f"),
    "true": ("true", "black"),
}


def draw_figure(rows: list[dict[str, Any]], path: Path = FIGURE) -> None:
    """Draw, for each data set and kind of removal, all draws in the order of their true residuals."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot as plt

    # The same bytes from the same records.
    plt.rcParams["svg.hashsalt"] = "oubli"
    data, kinds = (list(dict.fromkeys(row[key] for row in rows)) for key in ("data", "kind"))
    size = 9.0, 3.0 * len(data)
    figure, axes = plt.subplots(len(data), len(kinds), figsize=size, sharey=True, squeeze=False, layout="constrained")
    for row in rows:
        here = axes[data.index(row["data"])][kinds.index(row["kind"])]
        ordered = sorted(row["all"], key=lambda one: one["true"])
        for name, (label, colour) in LINES.items():
            style = {"linestyle": "--", "linewidth": 1} if name == "true" else {"linewidth": 1.2}
            here.plot([one[name] for one in ordered], color=colour, label=label, **style)
        here.axhline(row["budget"], color="0.6", linewidth=0.8, label="budget")
        here.set_yscale("log")
        here.set_title(f"{row['data']}, one {row['kind']}", fontsize=9)
        here.spines[["top", "right"]].set_visible(False)
    for left in axes[:, 0]:
        left.set_ylabel("length of the gradient")
    for below in axes[-1]:
        below.set_xlabel("removals, by the true residual")
    handles, labels = axes[0][0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=5, frameon=False, fontsize=8)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)
