"""The tables and the figure of the accuracy benchmark, made from the recorded runs and from nothing else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.accuracy import closed_forms, gnns
from benchmarks.accuracy.costs import PATH, VANILLA
from benchmarks.accuracy.datasets import FURTHER_TASKS, TASKS, Task
from benchmarks.accuracy.records import Record, Records
from benchmarks.results import Table, make_table, write_results

FIGURE = Path(__file__).resolve().parents[2] / "docs" / "guides" / "accuracy-and-unlearning.svg"

Row = dict[str, Any]

LABEL = 2.8
"""Height of a label, in points of the score."""

LEADER = {"arrowstyle": "-", "color": "0.7", "linewidth": 0.6}


def write_tables() -> Path:
    """Write benchmarks/results/accuracy.{json,md} and the figure; return the path of the Markdown."""
    runs, costs = Records().all(), Records(PATH).all()
    rows = [row for task in TASKS + FURTHER_TASKS if (row := _accuracy_row(task, runs)) is not None]
    cost_rows = [row for task in TASKS + FURTHER_TASKS if (row := _cost_row(task, runs, costs)) is not None]
    tables = [_accuracy_table(rows), _cost_table(cost_rows), _choice_table(rows)]
    updates = [record for record in costs if record["model"] == "update"]
    if updates:
        tables.append(_update_table(updates[-1]))
    if rows and cost_rows:
        draw_figure(rows, cost_rows, FIGURE)
    return write_results("accuracy", "Accuracy", tables)


def final_scores(task: Task, model: str, runs: list[Record]) -> tuple[Record, list[float]] | None:
    """Return a run of the chosen trial and its test scores on all splits, or None while some are missing."""
    own = {(r["trial"], r["split"], r["seed"]): r for r in runs if r["data"] == task.name and r["model"] == model}
    if not own:
        return None
    if model in (closed_forms.MODEL, closed_forms.LOCAL):
        count, places = len(closed_forms.candidates(task, model)), [(split, 0) for split in task.splits]
        tuning = [(split, 0) for split in sorted({split for split, _ in gnns.tuning_runs(task)})]
    else:
        count, places = len(gnns.trials(model, task)), gnns.final_runs(task)
        tuning = gnns.tuning_runs(task)
    if any((trial, *place) not in own for trial in range(count) for place in tuning):
        return None
    scores = [[own[trial, *place]["validation"] for trial in range(count)] for place in tuning]
    chosen = int(np.mean(scores, axis=0).argmax())
    if any((chosen, *place) not in own for place in places):
        return None
    return own[chosen, *places[0]], [own[chosen, *place]["test"] for place in places]


def _accuracy_row(task: Task, runs: list[Record]) -> Row | None:
    ours = final_scores(task, closed_forms.MODEL, runs)
    if ours is None:
        return None
    record, scores = ours
    row: Row = {"data": task.title, "name": task.name, "splits": len(task.splits), "ours": float(np.mean(scores))}
    row |= {"ours_std": _spread(scores), "candidate": record["candidate"], "choices": str(record["choices"])}
    for model in gnns.TRIALS:
        found = final_scores(task, model, runs)
        row[model], row[f"{model}_std"] = (None, None) if found is None else (np.mean(found[1]), _spread(found[1]))
    plain = [model for model in VANILLA if row[model] is not None]
    if plain:
        best = max(plain, key=lambda model: float(row[model]))
        row |= {"best": best, "margin": row["ours"] - row[best], "at_least": _within(row, best)}
    row["deep_margin"] = None if row["deep"] is None else row["ours"] - row["deep"]
    row["deep_within"] = None if row["deep"] is None else _within(row, "deep")
    row["local"] = row["local_candidate"] = row["local_choices"] = None
    local = final_scores(task, closed_forms.LOCAL, runs)
    if local is not None:
        row |= {"local": float(np.mean(local[1])), "local_std": _spread(local[1])}
        row |= {"local_candidate": local[0]["candidate"], "local_choices": str(local[0]["choices"])}
    for model in ("ours", "local", *gnns.TRIALS):
        row[f"{model}_shown"] = _shown(row, model)
    return row


def _within(row: Row, model: str) -> bool:
    # The wider of the two spreads: over the same splits, or over seeds where there is one split.
    return bool(row["ours"] >= row[model] - max(row["ours_std"] or 0.0, row[f"{model}_std"] or 0.0))


def _spread(scores: list[float]) -> float | None:
    return float(np.std(scores, ddof=1)) if len(scores) > 1 else None


def _shown(row: Row, model: str) -> str | None:
    if row[model] is None:
        return None
    spread = row[f"{model}_std"]
    return f"{row[model]:.2f}" + ("" if spread is None else f" ± {spread:.2f}")


def _cost_row(task: Task, runs: list[Record], costs: list[Record]) -> Row | None:
    own = {record["model"]: record for record in costs if record["data"] == task.name}
    if "fit" not in own or "unlearn" not in own:
        return None
    tuned = [r for r in runs if r["data"] == task.name and (r["split"], r["seed"]) in set(gnns.tuning_runs(task))]
    ours = [r for r in runs if r["data"] == task.name and r["model"] == closed_forms.MODEL]
    splits = {split for split, _ in gnns.tuning_runs(task)}
    row: Row = own["fit"] | own["unlearn"] | {"data": task.title, "name": task.name}
    found = final_scores(task, closed_forms.MODEL, runs)
    # Of the accuracy run: where memory is kept, a peak says little.
    row["peak_mib"] = None if found is None else found[0]["peak_mib"]
    row["selection_cpu"] = sum(r["cpu_seconds"] for r in ours if r["split"] in splits)
    row["tuning_cpu"] = sum(r["cpu_seconds"] for r in tuned if r["model"] in VANILLA)
    return row


def _accuracy_table(rows: list[Row]) -> Table:
    met = [row["at_least"] for row in rows if "at_least" in row]
    deep = [row["deep_within"] for row in rows if row["deep_within"] is not None]
    note = (
        "Test score in per cent (ROC AUC for two-class sets that are scored by it), mean ± standard deviation over the "
        "splits; on a public split, over five seeds for networks, while closed forms have none. Six trials a model, "
        "four for networks on the four largest sets; the trial is the one with the best validation score. "
        "The random-feature net, which forgets locally, is chosen among candidates of its own. "
        "Blank: not run to its end yet. 'Reached': not below by more than one standard deviation, the larger of two. "
        f"Best two-layer network reached on {sum(met)} of {len(met)}, the deep recipe on {sum(deep)} of {len(deep)}."
    )
    columns = [("data", "data"), ("splits", "splits"), ("ours_shown", "closed form")]
    columns += [("local_shown", "random-feature net"), ("gcn_shown", "GCN")]
    columns += [("sage_shown", "SAGE"), ("gat_shown", "GAT"), ("deep_shown", "deep recipe")]
    margins = [("margin", "margin to the best of two layers", "+.2f"), ("at_least", "reached")]
    margins += [("deep_margin", "to deep", "+.2f"), ("deep_within", "reached")]
    return make_table("Test scores", [*columns, *margins], rows, note)


def _cost_table(rows: list[Row]) -> Table:
    ratios = [row["ratio"] for row in rows]
    middle = f"{np.median(ratios):.1f}x in the median, {min(ratios):.1f}x at least" if rows else "not measured"
    note = (
        "CPU seconds on one thread, first split; freed memory is kept for both sides. Fit: the chosen closed form with "
        f"its choices made, and one training of the chosen two-layer network, in turn, medians: {middle}. Selection: "
        "all six candidates with every choice within them, and all trials of the three networks. Forgetting: one "
        "removal each with the choices kept, compared with a fit on what remains. Peak: of the process while fitting."
    )
    columns: list[tuple[str, ...]] = [("data", "data"), ("fit_cpu", "fit, s", ".2f"), ("network", "network")]
    columns += [("network_cpu", "its training, s", ".2f"), ("ratio", "ratio", ".1f")]
    columns += [("selection_cpu", "selection, s", ".0f"), ("tuning_cpu", "networks' tuning, s", ".0f")]
    columns += [(f"{kind}_cpu", f"forget one {kind}, s", ".3f") for kind in ("edge", "node", "label")]
    return make_table("Costs", [*columns, ("identical", "identical"), ("peak_mib", "peak, MiB", ".0f")], rows, note)


def _choice_table(rows: list[Row]) -> Table:
    columns = [("data", "data"), ("candidate", "chosen on validation"), ("choices", "choices, first split")]
    columns += [("local_candidate", "random-feature net"), ("local_choices", "its choices, first split")]
    return make_table("Choices", columns, rows)


def _update_table(record: Record) -> Table:
    columns = [("update_cpu", "update, CPU s", ".5f"), ("retraining_cpu", "retraining, CPU s", ".1f")]
    note = (
        "One edge removed from SGCRidge (two hops, random walk) on the real ogbn-arxiv graph with features drawn from "
        "labels, median of 20; beside it, one training of a two-layer GCN on what remains."
    )
    return make_table(
        "A local update beside gradient retraining", [*columns, ("ratio", "ratio", ".0f")], [record], note
    )


def draw_figure(rows: list[Row], costs: list[Row], path: Path) -> None:
    """Draw test scores against the time to forget one edge: closed forms, and networks that are trained again."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot as plt

    # The same bytes from the same records.
    plt.rcParams["svg.hashsalt"] = "oubli"
    by_name = {row["name"]: row for row in costs}
    figure, axes = plt.subplots(figsize=(8.0, 5.0), layout="constrained")
    seen: Callable[[str, bool], str | None] = lambda label, first: label if first else None  # noqa: E731
    shown = [row for row in rows if row["name"] in by_name and "best" in row]
    heights, ends = _label_heights(shown), [_ends(row, by_name[row["name"]]) for row in shown]
    for at, (row, points) in enumerate(zip(shown, ends, strict=True)):
        axes.plot(*zip(*points, strict=True), color="0.8", linewidth=1, zorder=1)
        axes.scatter(*points[0], color="#0b6e4f", zorder=2, label=seen("closed form, unlearnt exactly", at == 0))
        axes.scatter(*points[1], color="#b23a48", marker="s", zorder=2, label=seen("network, trained again", at == 0))
        # Left of whatever is at that height.
        height = heights[row["name"]]
        beside = [x for pair in ends for x, y in pair if abs(y - height) < LABEL]
        place = (min(points[0][0], points[1][0], *beside) / 1.3, height)
        axes.annotate(row["name"], points[0], xytext=place, fontsize=8, ha="right", va="center", arrowprops=LEADER)
    axes.set_xscale("log")
    left, right = axes.get_xlim()
    axes.set_xlim(left / 8, right)
    axes.set_xlabel("CPU seconds to forget one edge (log scale)")
    axes.set_ylabel("test score, %")
    axes.legend(loc="upper left", frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def _ends(row: Row, cost: Row) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return where the closed form stands, and the network that validation chose."""
    return (cost["edge_cpu"], row["ours"]), (cost["network_cpu"], row[cost["network"]])


def _label_heights(rows: list[Row]) -> dict[str, float]:
    """Return where labels stand, from the top down, so that none lies on another."""
    heights: dict[str, float] = {}
    free = np.inf
    for row in sorted(rows, key=lambda row: -row["ours"]):
        heights[row["name"]] = min(row["ours"] + 1.0, free)
        free = heights[row["name"]] - LABEL
    return heights
