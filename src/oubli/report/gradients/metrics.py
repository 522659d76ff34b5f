"""What the scores of an audit mean, and how a figure of each is written."""

from __future__ import annotations

import math
from dataclasses import dataclass

NOT_MEASURED = "not measured"
NOT_SUPPORTED = "not supported"


@dataclass(frozen=True)
class Metric:
    """A score.

    Parameters
    ----------
    name : str
        As results spell it.
    title : str
    meaning : str
        One sentence.
    unit : {"share", "overlap", "error", "number"}
        A share of victims, a mean between 0 and 1, an error of any size, or something else.
    more : bool, optional
        Whether more of it is more of a leak; None where neither is.
    figured : bool, default False
        Whether it has a figure, beside its table.
    """

    name: str
    title: str
    meaning: str
    unit: str
    more: bool | None
    figured: bool = False

    @property
    def direction(self) -> str:
        """Which way a leak lies, in words."""
        return {True: "Higher is more of a leak.", False: "Lower is more of a leak.", None: ""}[self.more]

    def write(self, value: float | None) -> str:
        """Return a value as read on the page."""
        if value is None or not math.isfinite(value):
            return NOT_MEASURED
        if self.unit == "share":
            return percent(value)
        if self.unit == "overlap":
            return f"{value:.2f}"
        return f"{value:.2g}"

    def write_interval(self, low: float | None, high: float | None) -> str:
        """Return ``81 % to 97 %``; empty where there is none."""
        return "" if low is None or high is None else f"{self.write(low)} to {self.write(high)}"

    def write_gain(self, value: float | None, low: float | None = None, high: float | None = None) -> str:
        """Return a difference with its sign and interval: ``+92 points (+80 to +97)``, ``-0.062``."""
        if value is None:
            return NOT_MEASURED
        shown, low_end, high_end = (self._signed(end) for end in (value, low, high))
        unit = " points" if self.unit == "share" else ""
        return f"{shown}{unit} ({low_end} to {high_end})" if low_end and high_end else f"{shown}{unit}"

    def _signed(self, value: float | None) -> str:
        if value is None:
            return ""
        if self.unit == "share":
            return f"{100 * value:+.0f}"
        return f"{value:+.2f}" if self.unit == "overlap" else f"{value:+.2g}"


EXACT = "isomorphic"

METRICS = {
    metric.name: metric
    for metric in (
        Metric(
            EXACT,
            "Graph recovered exactly",
            "The share of victims whose graph was rebuilt, node types and all, up to the numbering of nodes.",
            "share",
            True,
            True,
        ),
        Metric(
            "wl_equal",
            "All profiles recovered",
            "The share of victims of whom every node's surroundings, as deep as the model has layers, were found.",
            "share",
            True,
            True,
        ),
        Metric(
            "profile_overlap",
            "Overlap of 1-hop profiles",
            "How much of the list of nodes with their direct neighbours was right: 0 is nothing, 1 is all of it.",
            "overlap",
            True,
            True,
        ),
        Metric(
            "composition",
            "Overlap of node types",
            "How much of the count of nodes by type was right: 0 is nothing, 1 is all of it.",
            "overlap",
            True,
            True,
        ),
        Metric("label", "Label recovered", "The share of victims whose label was found.", "share", True, True),
        Metric(
            "edge_auc_aligned",
            "Edges, ROC AUC, aligned",
            "How well edges are told from other pairs after the best renumbering that was found; renumbering alone "
            "lifts random guesses far above 0.5, so only the null says what is good.",
            "overlap",
            True,
            True,
        ),
        Metric(
            "edge_auc",
            "Edges, ROC AUC, as numbered",
            "How well edges are told from other pairs in the victim's own numbering of nodes; 0.5 is chance.",
            "overlap",
            True,
        ),
        Metric("edge_ap", "Edges, average precision", "As numbered by the victim.", "overlap", True),
        Metric(
            "feature_mse_aligned",
            "Error of features, aligned",
            "Mean squared error of node features after the best renumbering that was found.",
            "error",
            False,
            True,
        ),
        Metric("feature_mse", "Error of features, as numbered", "Mean squared error of node features.", "error", False),
        Metric(
            "embedding_error",
            "Error of the graph's embedding",
            "Relative error of the pooled embedding, which the head's gradient gives away.",
            "error",
            False,
        ),
        Metric(
            "residual",
            "Residual of the gradient",
            "Relative distance of the guess's own gradient from the one seen; at 0 no gradient attack can tell the "
            "guess from the truth.",
            "error",
            False,
        ),
        Metric(
            "determined",
            "Guess follows from the update",
            "The share of victims of whom the guess follows from what was seen, rather than being likely.",
            "share",
            True,
        ),
        Metric("seconds", "Seconds a victim", "Time that the attack took.", "number", None),
    )
}


def metric_of(name: str) -> Metric:
    """Return what is known of a metric; one that is not known is written as a plain number."""
    return METRICS.get(name) or Metric(name, name, "", "number", None)


def percent(value: float | None) -> str:
    """Return a share as per cent; one that is nearly, but not quite, none or all is not rounded to it."""
    if value is None:
        return NOT_MEASURED
    shown = f"{100 * value:.0f}"
    if shown in ("0", "100") and value not in (0.0, 1.0):
        shown = f"{100 * value:.1f}"
    return f"{shown} %"


def write_epsilon(epsilon: float) -> str:
    """Return a bound on privacy loss: ``4.93``, ``12,346``, ``3.1e+09``."""
    return f"{epsilon:,.0f}" if 100 <= epsilon < 1e6 else f"{epsilon:.3g}" if epsilon < 100 else f"{epsilon:.2g}"
