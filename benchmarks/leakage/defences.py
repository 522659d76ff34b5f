"""What each defence stops, and what it costs: attacks and nulls on the same victims."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.data import data_folder
from benchmarks.results import Table, make_table, write_results
from oubli.audit.gradients import GradientAudit, ModelForm
from oubli.audit.gradients.lifting import ProfileLifting
from oubli.graph import load_collection

DEFENCES = (
    "none",
    "float16",
    "int8",
    "top-k:0.1",
    "top-k:0.01",
    "noise:1e-4",
    "noise:1e-3",
    "noise:1e-2",
    "noise:1e-1",
    "noise:1",
    "local-steps:5",
    "batch:2",
    "batch:8",
    "secure-aggregation:4",
)
ATTACKS = ("head", "graphdlg")
SHOWN = (
    ("head", "label"),
    ("lifting", "isomorphic"),
    ("lifting", "profile_overlap"),
    ("graphdlg", "feature_mse_aligned"),
    ("graphdlg", "composition"),
)
SECONDS = 5.0  # that lifting may take on one update: under noise it looks in vain


def audit(
    name: str, victims: int, defences: tuple[str, ...] = DEFENCES, root: str | Path | None = None
) -> GradientAudit:
    """Return the audit: two GCN layers of width 128 with ReLU and biases, mean pooling, float32, as clients train."""
    graphs = load_collection(name, root)
    form = ModelForm(graphs.num_features, graphs.num_classes)
    return GradientAudit(
        graphs,
        form,
        (*ATTACKS, ProfileLifting(seconds=SECONDS)),
        defences,
        victims=victims,
        precision="float32",
        max_nodes=30,
        max_degree=max(int(graph.degrees.max()) for graph in graphs),
    )


def tables(results: Mapping[str, Any]) -> list[Table]:
    """Return what each defence costs and what each attack gets under it, the best null beside."""
    cells = {(line["defence"], line["attack"], line["metric"]): line for line in results["summary"]}
    lines = []
    for defence in results["defences"]:
        line: dict[str, Any] = {"defence": defence["name"], "epsilon": defence["epsilon"]}
        line["accuracy"] = _interval(defence["accuracy"], defence["accuracy_low"], defence["accuracy_high"])
        for attack, metric in SHOWN:
            found = cells.get((defence["name"], attack, metric))
            line[f"{attack}_{metric}"] = _told(found) if found else "not supported"
        lines.append(line)
    columns = [("defence", "defence"), ("epsilon", "epsilon", ".3g"), ("accuracy", "accuracy")]
    columns += [(f"{attack}_{metric}", f"{attack}, {metric.replace('_', ' ')}") for attack, metric in SHOWN]
    note = (
        "Two GCN layers of width 128, ReLU, biases, mean pooling, float32, freshly drawn weights; the attacker has the "
        "other half of the graphs. Each cell: the mean over victims with its 95 % interval, the best null in brackets, "
        "* where the attack is beyond it. Epsilon at delta 1e-5, of one message, for replacing a client's graph."
    )
    return [make_table(f"{results['settings']['data']}: what defences stop", columns, lines, note)]


def _told(line: Mapping[str, Any]) -> str:
    null = "" if line["null_value"] is None else f" ({line['null_value']:.2f})"
    return _interval(line["value"], line["low"], line["high"]) + null + ("*" if line["beyond_null"] else "")


def _interval(value: float | None, low: float | None, high: float | None) -> str:
    return "not measured" if value is None or low is None else f"{value:.2f} [{low:.2f}, {high:.2f}]"


def measure(
    name: str, victims: int, folder: Path, root: str | Path | None = None, tell: Callable[[str], object] = print
) -> dict[str, Any]:
    """Run the audit, or what is missing of it in the folder, and return its results."""

    def progress(done: int, total: int, text: str) -> None:
        if done % 50 == 0:
            tell(f"{name}: {done} of {total}, {text}")

    return audit(name, victims, root=root).run(folder / name, progress)


def main(arguments: Sequence[str] | None = None) -> None:
    """Audit what is missing in the folder, and write results/leakage-defences.json and .md."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.leakage.defences", description=__doc__)
    parser.add_argument("--data", default="tu-mutag")
    parser.add_argument("--victims", type=int, default=24)
    parser.add_argument("--rows", type=Path, default=Path("leakage-rows"), help="folder of the audit, to resume from")
    parser.add_argument("--folder", type=Path, help="where the results go (default: benchmarks/results)")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    results = measure(given.data, given.victims, given.rows, data_folder())
    print(write_results("leakage-defences", "What defences stop, and cost", tables(results), given.folder))


if __name__ == "__main__":
    main()
