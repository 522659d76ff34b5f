"""Efficacy: harm undone, nothing recalled, more than half removed; accuracy and time beside retraining."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

from benchmarks.inversion.cells import METHODS, interval, load, parse, run
from benchmarks.results import Table, make_table, write_results
from oubli.audit.efficacy.audit import EfficacyAudit

DATA = ("cora",)
SHOWN = {
    "accuracy_clean": "accuracy, never harmed",
    "accuracy_before": "before",
    "accuracy_after": "unlearned",
    "accuracy_retrained": "retrained",
    "recall_before": "recall before",
    "recall_after": "unlearned",
    "recall_retrained": "retrained",
    "agreement": "agreement with retraining",
    "bytes_equal": "same bytes",
    "speedup": "times quicker",
}


def tables(results: Sequence[Mapping[str, Any]]) -> list[Table]:
    """Return a table a data set and test, a row a method."""
    found = []
    for one in results:
        for test in one["tests"]:
            rows = []
            for method in (m["name"] for m in one["methods"]):
                lines = {
                    line["metric"]: line
                    for line in one["summary"]
                    if (line["method"], line["test"]) == (method, test["name"])
                }
                if not lines:
                    rows.append({"method": method, "accuracy_clean": "not supported"})
                    continue
                cells = {name: interval(x["value"], x["low"], x["high"]) for name, x in lines.items() if name in SHOWN}
                rows.append({"method": method} | cells)
            columns = [("method", "method"), *(pair for pair in SHOWN.items() if any(pair[0] in row for row in rows))]
            title = f"{one['settings']['data']}: {test['name']}"
            found.append(
                make_table(title, columns, rows, f"{sentence(test['describe'])} Measured: {test['measures']}.")
            )
    return found


def sentence(text: str) -> str:
    """Return words as a sentence."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."


def main(arguments: Sequence[str] | None = None) -> None:
    """Audit what is missing in the folder, and write results/inversion-efficacy.json and .md."""
    given = parse("efficacy", __doc__, DATA, 6, arguments)
    torch.set_num_threads(1)
    methods = given.methods if given.methods != list(METHODS) else [*METHODS, "retrain"]
    results = [
        run(EfficacyAudit(load(name), methods, ("all",), given.seeds, name), given.rows / f"efficacy-{name}")
        for name in given.data
    ]
    print(write_results("inversion-efficacy", "Whether forgetting works, and its price", tables(results), given.folder))


if __name__ == "__main__":
    main()
