"""Removed edges: every attack on every method, beside retraining; TrendAttack beside posterior similarity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from benchmarks.inversion.cells import (
    STANDING,
    beside_floor,
    by_attack,
    columns_of,
    interval,
    load,
    lookup,
    parse,
    run,
    standing,
)
from benchmarks.results import Table, make_table, write_results
from oubli.audit.intervals import studentised_interval
from oubli.audit.inversion.attacks import ATTACKS, NULLS
from oubli.audit.inversion.audit import InversionAudit

DATA = {"cora": (10, 0.05, 40), "citeseer": (10, 0.05, 40), "dblp": (6, 0.01, 0), "actor": (10, 0.02, 0)}
"""Seeds, share of the edges that is removed, draws of the matched control; smaller where edges are many."""
AGAINST = {
    "auc_removed": "pairs without an edge",
    "auc_matched": "edges that the model never had, so that likeness of neighbours tells nothing",
}
MATCHED = "stealing-matched"
"""The attack that is taught the matched comparison; ours, so that it has a run and a table of its own."""
PUBLISHED = tuple(name for name in ATTACKS if name not in (*NULLS, MATCHED))
TRENDS = ("trend-mia", "trend-steal")
NOTE = (
    "Each cell: mean AUC over seeds, that of the same model retrained in brackets, and what is above it with its 95 % "
    "interval over seeds, * where that lies above zero, † where below. A difference attacker has the model from before "
    "the removal too: exact unlearning does not hide the removal from it, as retraining does not."
)


def tables(results: Sequence[Mapping[str, Any]]) -> list[Table]:
    """Return the tables of all data sets."""
    found = []
    for one in results:
        for metric, against in AGAINST.items():
            title = f"{one['settings']['data']}, {one['settings']['seeds']} seeds: removed edges against {against}"
            found.append(make_table(title, columns_of(one), by_attack(one, metric), NOTE))
    found.append(make_table("TrendAttack beside posterior similarity", TREND_COLUMNS, trend_rows(results), TREND_NOTE))
    found.append(make_table("Accuracy and time", STANDING, standing(results), ""))
    return found


TREND_NOTE = (
    "AUC of removed edges against pairs without an edge, and the difference seed by seed with its 95 % interval. The "
    "best posterior similarity is the one with the highest mean. `stealing` is the same similarity model without trend "
    "features; it learns from retained edges alone, `stealing-removed` from the shadow's removed edges as well, as "
    "TrendAttack does. `floor` is TrendAttack on the retrained model."
)
TREND_COLUMNS = [
    ("data", "data"),
    ("method", "method"),
    ("similarity", "best posterior similarity"),
    ("trend-mia", "trend-mia"),
    ("trend-mia_gain", "less best similarity"),
    ("trend-steal", "trend-steal"),
    ("trend-steal_gain", "less best similarity"),
    ("trend-steal_floor", "trend-steal, floor"),
    ("stealing", "stealing"),
    ("stealing-removed", "stealing-removed"),
]


def taught_table(results: Sequence[Mapping[str, Any]]) -> Table:
    """Return what an attack gets that is taught, on the shadow, to tell unlearned edges from edges never had."""
    rows = []
    for one in results:
        lines = lookup(one)
        methods = [method["name"] for method in one["methods"]]
        row = {"data": one["settings"]["data"]}
        rows.append(row | {name: beside_floor(lines.get((name, MATCHED, "auc_matched"))) for name in methods})
    columns = [("data", "data"), *((name, name) for name in rows[0] if name != "data")]
    return make_table("An attack taught the matched comparison", columns, rows, NOTE)


def trend_rows(results: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return, for each data set and network, TrendAttack less the best posterior similarity."""
    rows = []
    for one in results:
        for method in (m["name"] for m in one["methods"] if m["claim"] == "none"):
            mine = [row for row in one["rows"] if row["method"] == method]
            values = {
                attack["name"]: [row["auc_removed"] for row in mine if row["attack"] == attack["name"]]
                for attack in one["attacks"]
            }
            means = {name: sum(v) / len(v) for name, v in values.items() if v}
            best = max((name for name in means if name.startswith("posterior-")), key=means.__getitem__)
            row: dict[str, Any] = {"data": one["settings"]["data"], "method": method}
            row["similarity"] = f"{means[best]:.3f} ({best.removeprefix('posterior-')})"
            for trend in TRENDS:
                gain = studentised_interval([a - b for a, b in zip(values[trend], values[best], strict=True)])
                row |= {trend: means[trend], f"{trend}_gain": interval(gain.value, gain.low, gain.high, "+.3f")}
                floors = [r["floor_auc_removed"] for r in mine if r["attack"] == trend]
                row[f"{trend}_floor"] = sum(floors) / len(floors)
            rows.append(row | {name: means[name] for name in ("stealing", "stealing-removed")})
    for row in rows:
        row |= {name: f"{value:.3f}" for name, value in row.items() if isinstance(value, float)}
    return rows


def main(arguments: Sequence[str] | None = None) -> None:
    """Audit what is missing in the folder, and write results/inversion-edges.json and .md."""
    given = parse("edges", __doc__, list(DATA), 10, arguments)
    torch.set_num_threads(1)
    results, taught = [], []
    for name in given.data:
        most, ratio, draws = DATA.get(name, (given.seeds, 0.05, 40))
        seeds = min(most, given.seeds)
        audit = InversionAudit(load(name), given.methods, PUBLISHED, seeds, name, ratio=ratio, draws=draws)
        results.append(run(audit, given.rows / f"edges-{name}"))
        if draws or name not in DATA:
            audit = InversionAudit(load(name), given.methods, (MATCHED,), seeds, name, ratio=ratio, draws=0)
            taught.append(run(audit, given.rows / f"matched-{name}"))
    found = tables(results) + ([taught_table(taught)] if taught else [])
    print(write_results("inversion-edges", "What models that forgot edges tell of them", found, given.folder))


if __name__ == "__main__":
    main()
