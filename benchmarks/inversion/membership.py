"""Memberships: whether a label was learned, told by a model that unlearned it, beside retraining."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from benchmarks.inversion.cells import STANDING, by_attack, columns_of, load, parse, run, standing
from benchmarks.results import Table, make_table, write_results
from oubli.audit.membership.audit import MembershipAudit

DATA = ("cora", "citeseer")
DRAWS = 20
EDGES_ONLY = ("ceu",)
TITLES = {
    "auc_matched": "AUC, unlearned against never learned",
    "tpr_matched": "true positive rate at a false one of 1 %, unlearned against never learned",
    "auc_retained": "AUC, still learned against never learned: whether the attack works",
}
NOTE = (
    "Each cell: mean over seeds, that of the same model retrained in brackets, and what is above it with its 95 % "
    "interval over seeds, * where that lies above zero, † where below."
)


def tables(results: Sequence[Mapping[str, Any]]) -> list[Table]:
    """Return the tables of all data sets."""
    found = [
        make_table(f"{one['settings']['data']}: {title}", columns_of(one), by_attack(one, metric), NOTE)
        for one in results
        for metric, title in TITLES.items()
    ]
    return [*found, make_table("Accuracy and time", STANDING, standing(results), "")]


def main(arguments: Sequence[str] | None = None) -> None:
    """Audit what is missing in the folder, and write results/inversion-membership.json and .md."""
    given = parse("membership", __doc__, DATA, 10, arguments)
    torch.set_num_threads(1)
    methods = [name for name in given.methods if name not in EDGES_ONLY]
    results = []
    for name in given.data:
        audit = MembershipAudit(load(name), methods, ("all",), given.seeds, name, draws=DRAWS)
        results.append(run(audit, given.rows / f"membership-{name}"))
    title = "What models that forgot labels tell of them"
    print(write_results("inversion-membership", title, tables(results), given.folder))


if __name__ == "__main__":
    main()
