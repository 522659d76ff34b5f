"""Profile lifting on molecules: how many graphs come back exactly, and how fast; writes results/leakage-lifting.json.

``python -m benchmarks.leakage.lifting`` takes the victims from the first half of a permutation of the collection, the
auxiliary graphs from the second.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import networkx
import numpy as np
import torch
from scipy.stats import binomtest

from benchmarks.data import data_folder
from benchmarks.results import FOLDER, Table, make_table, write_results
from oubli.audit.gradients import Case, ModelForm, Reconstruction
from oubli.audit.gradients.defences import train
from oubli.audit.gradients.lifting import ProfileLifting, profile_histogram
from oubli.graph import load_collection
from oubli.graph.collection import GraphCollection, LabelledGraph

TRAINED_ON = 200  # Graphs of the auxiliary half, at most.


@dataclass(frozen=True)
class Setting:
    """One row of the table."""

    data: str = "tu-mutag"
    activation: str = "relu"
    bias: bool = True
    precision: str = "float32"
    max_degree: int = 3
    auxiliary: bool = True
    layer: str = "gcn"
    layers: int = 2
    width: int = 128
    epochs: int = 0
    num_nodes_known: bool = True
    victims: int = 50
    skipped: int = 0  # victims before these
    seed: int = 1  # of the weights


SMOOTH = {"activation": "tanh", "bias": False, "precision": "float64", "auxiliary": False}
TARGETS = (
    Setting(**SMOOTH),
    Setting(),
    Setting("tu-ptc-mr", max_degree=4),
    Setting("tu-aids", max_degree=4),
)
# Nothing was tuned on these: further victims, other weights.
HELD_OUT = tuple(replace(setting, skipped=50, seed=2) for setting in TARGETS)
FURTHER = (
    Setting(**SMOOTH, num_nodes_known=False, victims=20),
    Setting(epochs=30, victims=20),
    Setting(**SMOOTH, layers=3, victims=20),
    Setting(**SMOOTH, layer="gin", victims=20),
    Setting(layer="gin", victims=20),
    Setting("tu-ptc-mr", max_degree=4, epochs=30, victims=20),
    Setting("tu-aids", max_degree=4, epochs=30, victims=20),
    Setting(layers=3, victims=20),
    Setting(**{**SMOOTH, "precision": "float32", "auxiliary": True}, victims=20),
)


def measure(settings: Sequence[Setting]) -> list[dict[str, Any]]:
    """Return a row for each setting: shares with 95 % intervals (Wilson), seconds, and each victim's outcome."""
    return [_measure(setting) for setting in settings]


def _measure(setting: Setting) -> dict[str, Any]:
    collection = load_collection(setting.data, root=data_folder())
    victims, aside = split(collection, setting.victims, setting.skipped)
    hidden = (setting.width,) * setting.layers
    form = ModelForm(
        collection.num_features, collection.num_classes, hidden, setting.activation, setting.bias, layer=setting.layer
    )
    auxiliary = tuple(collection[position] for position in aside)
    case = Case(
        form,
        train(form, auxiliary[:TRAINED_ON], setting.epochs, setting.seed)
        if setting.epochs
        else form.draw(setting.seed),
        setting.precision,
        one_hot=True,
        max_degree=setting.max_degree,
        auxiliary=auxiliary if setting.auxiliary else (),
        num_nodes_known=setting.num_nodes_known,
    )
    attack, outcomes = ProfileLifting(), []
    for position in victims:
        graph = collection[position]
        transcript, _ = case.observe([graph])
        started = time.perf_counter()
        (found,) = attack.reconstruct([transcript])
        seconds = time.perf_counter() - started
        outcomes.append({"victim": position, "seconds": round(seconds, 3), **_outcome(graph, found, setting)})
    times = [outcome["seconds"] for outcome in outcomes]
    row = {**asdict(setting), "model": _model(setting), "count": len(victims), "outcomes": outcomes}
    row |= {what: _share([outcome[what] for outcome in outcomes]) for what in ("isomorphic", "profiles", "matched")}
    row |= {"set": "held out" if setting.skipped else "developed on"}
    row |= {"determined": _share([outcome["determined"] for outcome in outcomes])}
    return row | {"median_seconds": float(np.median(times)), "max_seconds": max(times)}


def split(collection: GraphCollection, count: int, skipped: int = 0) -> tuple[list[int], list[int]]:
    """Return victims, connected graphs of 3 to 30 nodes, and the auxiliary half."""
    order = np.random.RandomState(0).permutation(len(collection)).tolist()
    half = len(order) // 2
    fit = [
        position
        for position in order[:half]
        if 3 <= collection[position].num_nodes <= 30 and networkx.is_connected(collection[position].to_networkx())
    ]
    return fit[skipped : skipped + count], order[half:]


def _outcome(graph: LabelledGraph, found: Reconstruction, setting: Setting) -> dict[str, Any]:
    outcome = {"isomorphic": False, "profiles": False, "matched": False, "determined": found.determined}
    outcome["note"], outcome["residual"] = found.note, found.residual
    if found.adjacency is None or found.features is None or found.residual is None:
        return outcome
    guess = LabelledGraph(np.argwhere(np.triu(found.adjacency)), found.features, graph.label)
    degrees = setting.layer == "gcn"
    outcome["profiles"] = profile_histogram(guess, setting.layers, degrees) == profile_histogram(
        graph, setting.layers, degrees
    )
    outcome["matched"] = found.residual < (1e-10 if setting.precision == "float64" else 1e-5)
    outcome["isomorphic"] = networkx.is_isomorphic(
        guess.to_networkx(), graph.to_networkx(), node_match=lambda one, other: one["x"] == other["x"]
    )
    return outcome


def _share(hits: list[bool]) -> dict[str, float]:
    interval = binomtest(sum(hits), len(hits)).proportion_ci(method="wilson")
    return {"share": sum(hits) / len(hits), "low": float(interval.low), "high": float(interval.high)}


def _model(setting: Setting) -> str:
    parts = [f"{setting.layers} {setting.layer.upper()}", setting.activation, "bias" if setting.bias else "no bias"]
    parts.append(setting.precision)
    parts.append(f"{setting.epochs} epochs" if setting.epochs else "fresh")
    return ", ".join(parts)


def table(rows: list[dict[str, Any]]) -> Table:
    """Return the rows as a table."""
    columns = [
        ("data", "data"),
        ("model", "model"),
        ("set", "victims, weights"),
        ("auxiliary", "auxiliary"),
        ("num_nodes_known", "n known"),
    ]
    columns += [("count", "victims"), ("isomorphic.share", "isomorphic", ".2f"), ("isomorphic.low", "low", ".2f")]
    columns += [("isomorphic.high", "high", ".2f"), ("profiles.share", "same profiles", ".2f")]
    columns += [("matched.share", "same gradient", ".2f"), ("determined.share", "determined", ".2f")]
    columns += [("median_seconds", "median s", ".2f"), ("max_seconds", "max s", ".1f")]
    note = (
        "Isomorphic, with node types, to the true graph; low and high are Wilson's 95 % interval. The same gradient "
        "and another graph: no attack on this gradient tells the two apart. One core."
    )
    return make_table("Profile lifting", columns, rows, note)


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.leakage.lifting", description=__doc__)
    parser.add_argument("--targets", action="store_true", help="only the settings that have targets")
    parser.add_argument("--quick", action="store_true", help="five victims each")
    parser.add_argument("--resume", action="store_true", help="keep the rows that are in the results already")
    parser.add_argument("--folder", type=Path, help="where the results go (default: benchmarks/results)")
    chosen = parser.parse_args(arguments)
    torch.set_num_threads(1)
    rows: list[dict[str, Any]] = []
    results = (chosen.folder or FOLDER) / "leakage-lifting.json"
    kept = json.loads(results.read_text(encoding="utf-8"))["tables"][0]["rows"] if chosen.resume else []
    for setting in TARGETS + HELD_OUT if chosen.targets else TARGETS + HELD_OUT + FURTHER:
        used = replace(setting, victims=5) if chosen.quick else setting
        (row,) = [row for row in kept if asdict(used).items() <= row.items()] or measure([used])
        rows.append(row)
        print(f"{row['data']} {row['model']}: {row['isomorphic']}, {row['median_seconds']:.2f} s", flush=True)
        target = write_results("leakage-lifting", "Profile lifting", [table(rows)], chosen.folder)
    print(target)


if __name__ == "__main__":
    main()
