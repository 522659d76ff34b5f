"""GraphDLG beside its rivals at their published budgets and beside what guesses without the gradient.

Victims are the first connected graphs of 3 to 30 nodes in the first half of a fixed permutation; the second half is
what the attacker has. Each victim's row is appended to a file as soon as it is there: a second run takes up where the
first one stopped.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.sparse.csgraph import connected_components

from benchmarks.data import data_folder
from benchmarks.results import Table, make_table, write_results
from oubli.audit.gradients import Attack, Case, ModelForm, Reconstruction, Secret
from oubli.audit.gradients.graphdlg import GraphDLG
from oubli.audit.gradients.matching import DLG, IDLG, InvertingGradients
from oubli.audit.gradients.nulls import MeanFeature, NoiseDecoder, PriorAdjacency, RandomGuess
from oubli.audit.gradients.oracles import RecursionOracle
from oubli.audit.gradients.scoring import METRICS as SCORES
from oubli.audit.gradients.scoring import score
from oubli.audit.gradients.scoring.gains import estimate
from oubli.audit.intervals import Estimate, mean_interval
from oubli.graph import load_collection
from oubli.graph.collection import LabelledGraph

DATASETS = ("tu-mutag", "tu-ptc-mr", "tu-aids")
ORDERS = ("dataset", "shuffled")
BUDGETS = {
    "published": {"lbfgs": 300, "adam": 24000},
    "tenth": {"lbfgs": 30, "adam": 2400},
    "short": {"lbfgs": 5, "adam": 100},
}
METRICS = ("feature_mse", "feature_mse_aligned", "edge_auc", "label", "residual")
# A search from a start of independent draws knows no order: its guess in another order is the same guess, permuted.
WITHOUT_ORDER = ("dlg", "idlg", "inverting", "dlg-oracle", "inverting-oracle")
TABLED = (
    "graphdlg",
    "inverting",
    "idlg",
    "dlg",
    "prior",
    "noise-decoder",
    "mean-feature",
    "random",
    "recursion-oracle",
    "inverting-oracle",
    "dlg-oracle",
)


def attacks(budget: str) -> dict[str, Callable[[], Attack]]:
    """Return what is compared, by name."""
    steps = BUDGETS[budget]
    return {
        "dlg": lambda: DLG(steps["lbfgs"]),
        "idlg": lambda: IDLG(steps["lbfgs"]),
        "inverting": lambda: InvertingGradients(steps["adam"]),
        "graphdlg": GraphDLG,
        "random": RandomGuess,
        "mean-feature": MeanFeature,
        "prior": PriorAdjacency,
        "noise-decoder": NoiseDecoder,
        "recursion-oracle": RecursionOracle,
        "inverting-oracle": lambda: InvertingGradients(steps["adam"], oracle=True),
        "dlg-oracle": lambda: DLG(steps["lbfgs"], oracle=True),
    }


def split(name: str, victims: int, order: str, root: str | None = None) -> tuple[list[LabelledGraph], ...]:
    """Return victims and auxiliary graphs, in the order of the data set or each with its nodes shuffled."""
    collection = load_collection(name, root=root)
    places = np.random.RandomState(0).permutation(len(collection))
    half = len(places) // 2
    held = [collection[place] for place in places[:half] if _usable(collection[place])][:victims]
    auxiliary = [collection[place] for place in places[half:] if _usable(collection[place])]
    if order == "shuffled":
        draws = np.random.default_rng(0)
        held = [graph.permuted(draws.permutation(graph.num_nodes)) for graph in held]
        auxiliary = [graph.permuted(draws.permutation(graph.num_nodes)) for graph in auxiliary]
    return held, auxiliary


def _usable(graph: LabelledGraph) -> bool:
    return 3 <= graph.num_nodes <= 30 and connected_components(graph.adjacency())[0] == 1


def case_of(name: str, auxiliary: Sequence[LabelledGraph], root: str | None = None) -> Case:
    """Return two GCN layers of width 128 with tanh and mean pooling, freshly drawn, in float64."""
    collection = load_collection(name, root=root)
    form = ModelForm(collection.num_features, collection.num_classes, activation="tanh", bias=False)
    return Case(
        form,
        form.draw(1),
        one_hot=collection.one_hot,
        auxiliary=tuple(auxiliary),
        auxiliary_source=f"the other half of {name}",
    )


def measure(
    name: str,
    victims: int = 50,
    budget: str = "published",
    names: Iterable[str] | None = None,
    orders: Sequence[str] = ORDERS,
    folder: str | Path = "leakage-rows",
    root: str | None = None,
    seed: int = 0,
) -> list[dict[str, Any]]:
    """Attack each victim, keeping one row each in ``folder/<data set>-<budget>.jsonl``; return all rows.

    Parameters
    ----------
    name : str
        Data set of molecules.
    victims : int, default 50
    budget : {"published", "tenth", "short"}, default "published"
    names : iterable of str, optional
        Attacks, oracles and nulls; by default all.
    orders : sequence of {"dataset", "shuffled"}
    folder : path
    root : str, optional
        Folder of the data.
    seed : int, default 0
    """
    path = Path(folder) / f"{name}-{budget}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    done = {(row["attack"], row["order"], row["victim"]) for row in rows}
    for order in orders:
        held, auxiliary = split(name, victims, order, root)
        case = case_of(name, auxiliary, root)
        for attack_name in names or attacks(budget):
            missing = [place for place in range(len(held)) if (attack_name, order, place) not in done]
            if not missing or (order == "shuffled" and attack_name in WITHOUT_ORDER):
                continue
            attack = attacks(budget)[attack_name]()
            for row in _attack(attack, case, held, missing, seed):
                for stored in _in_orders(row, attack_name, order):
                    keys = {"data": name, "attack": attack_name, "kind": attack.kind, "budget": budget}
                    rows.append({**keys, **stored})
                    with path.open("a") as file:
                        file.write(json.dumps(rows[-1]) + "\n")
    return rows


def _attack(
    attack: Attack, case: Case, held: Sequence[LabelledGraph], missing: Sequence[int], seed: int
) -> Iterable[tuple[int, Secret, Reconstruction, float]]:
    seen = [case.observe([graph]) for graph in held]
    transcripts = [_given(attack, transcript, graph) for (transcript, _), graph in zip(seen, held, strict=True)]
    attack.prepare(transcripts, seed)
    for low in range(0, len(missing), attack.batch_size):
        places = missing[low : low + attack.batch_size]
        start = time.perf_counter()
        guesses = attack.reconstruct([transcripts[place] for place in places], seed)
        seconds = (time.perf_counter() - start) / len(places)
        for place, guess in zip(places, guesses, strict=True):
            yield place, seen[place][1], guess, seconds


def _given(attack: Attack, transcript: Any, graph: LabelledGraph) -> Any:
    return replace(transcript, structure=(graph.adjacency(),)) if attack.kind == "oracle" else transcript


def _in_orders(
    row: tuple[int, Secret, Reconstruction, float], attack_name: str, order: str
) -> Iterable[dict[str, Any]]:
    place, secret, guess, seconds = row
    graph, embedding = secret.graphs[0], secret.embeddings[0]
    yield {"order": order, "victim": place, **scores(guess, graph, embedding), "seconds": seconds}
    if attack_name in WITHOUT_ORDER and order == "dataset":
        mixed = graph.permuted(np.random.default_rng(place).permutation(graph.num_nodes))
        yield {"order": "shuffled", "victim": place, **scores(guess, mixed, embedding), "seconds": seconds}


def scores(guess: Reconstruction, graph: LabelledGraph, embedding: torch.Tensor) -> dict[str, Any]:
    """Return how near a guess is, by the library's scores."""
    found = score(guess, Secret((graph,), embedding[None]))
    kept = {name: found[name] for name in METRICS}
    return {"nodes": graph.num_nodes, "edges": graph.num_edges, **kept, "determined": guess.determined}


def tables(rows: Sequence[dict[str, Any]]) -> list[Table]:
    """Return a table for each data set and order: means with intervals, and GraphDLG's gain over each."""
    return [_table(rows, name, order) for name in DATASETS for order in ORDERS if _of(rows, name, order)]


def _of(rows: Sequence[dict[str, Any]], name: str, order: str) -> dict[str, dict[int, dict[str, Any]]]:
    found: dict[str, dict[int, dict[str, Any]]] = {}
    for row in rows:
        if (row["data"], row["order"]) == (name, order):
            found.setdefault(row["attack"], {})[row["victim"]] = row
    return found


def _table(rows: Sequence[dict[str, Any]], name: str, order: str) -> Table:
    found = _of(rows, name, order)
    lines = []
    for attack in [attack for attack in TABLED if attack in found]:
        of = found[attack]
        line: dict[str, Any] = {"attack": attack, "kind": next(iter(of.values()))["kind"], "victims": len(of)}
        for metric in METRICS:
            values = {victim: row[metric] for victim, row in of.items() if row.get(metric) is not None}
            if not values:
                continue
            line[metric] = _told(estimate(list(values.values()), SCORES[metric]))
            ours = {victim: found["graphdlg"][victim][metric] for victim in values if victim in found["graphdlg"]}
            if attack != "graphdlg" and SCORES[metric].kind != "share" and len(ours) == len(values):
                apart = [ours[victim] - values[victim] for victim in values]
                line[f"{metric}_apart"] = _told(mean_interval(apart))
        line["seconds"] = float(np.mean([row["seconds"] for row in of.values()]))
        lines.append(line)
    columns = [("attack", "attack"), ("kind", "kind"), ("victims", "victims"), ("feature_mse", "feature MSE")]
    columns += [("feature_mse_apart", "GraphDLG less this"), ("feature_mse_aligned", "feature MSE, aligned")]
    columns += [("feature_mse_aligned_apart", "GraphDLG less this"), ("edge_auc", "structure AUC")]
    columns += [("edge_auc_apart", "GraphDLG less this"), ("label", "label"), ("seconds", "s", ".1f")]
    note = (
        "Two GCN layers of width 128, tanh, mean pooling, float64, one graph a gradient. Means over victims with 95 % "
        "bootstrap intervals; differences are paired. DLG and iDLG have 300 iterations of L-BFGS (6,000 evaluations), "
        "inverting gradients 24,000 of signed Adam. Oracles are given the structure, nulls do not look at the gradient."
    )
    return make_table(
        f"{name}, nodes in {'the order of the data set' if order == 'dataset' else 'random order'}",
        columns,
        lines,
        note,
    )


def _told(found: Estimate) -> str:
    return f"{found.value:.4f} [{found.low:.4f}, {found.high:.4f}]"


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure what is missing in the folder, and write results/leakage-rivals.json and .md."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.leakage.rivals", description=__doc__)
    parser.add_argument("--data", nargs="+", default=DATASETS)
    parser.add_argument("--names", nargs="+", help="attacks, oracles and nulls (default: all)")
    parser.add_argument("--victims", type=int, default=50)
    parser.add_argument("--budget", default="published", choices=BUDGETS)
    parser.add_argument("--orders", nargs="+", default=ORDERS)
    parser.add_argument("--rows", type=Path, default=Path("leakage-rows"), help="folder of the rows, to resume from")
    parser.add_argument("--folder", type=Path, help="where the results go (default: benchmarks/results)")
    given = parser.parse_args(arguments)
    torch.set_num_threads(1)
    rows = []
    for name in given.data:
        rows += measure(name, given.victims, given.budget, given.names, given.orders, given.rows, str(data_folder()))
        print(write_results("leakage-rivals", "GraphDLG beside its rivals", tables(rows), given.folder), flush=True)


if __name__ == "__main__":
    main()
