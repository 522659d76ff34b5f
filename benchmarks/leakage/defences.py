"""What each defence stops, and what it costs: attacks and nulls on the same victims."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

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


def measure(
    name: str, victims: int, folder: Path, root: str | Path | None = None, tell: Callable[[str], object] = print
) -> dict[str, Any]:
    """Run the audit, or what is missing of it in the folder, and return its results."""

    def progress(done: int, total: int, text: str) -> None:
        if done % 50 == 0:
            tell(f"{name}: {done} of {total}, {text}")

    return audit(name, victims, root=root).run(folder / name, progress)
