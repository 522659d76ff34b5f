"""GraphDLG beside its rivals at their published budgets and beside what guesses without the gradient.

Victims are the first connected graphs of 3 to 30 nodes in the first half of a fixed permutation; the second half is
what the attacker has. Each victim's row is appended to a file as soon as it is there: a second run takes up where the
first one stopped.
"""

from __future__ import annotations

import json
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment, quadratic_assignment
from scipy.sparse.csgraph import connected_components
from sklearn.metrics import roc_auc_score

from oubli.audit.gradients import Attack, Case, ModelForm, Reconstruction
from oubli.audit.gradients.graphdlg import GraphDLG
from oubli.audit.gradients.matching import DLG, IDLG, InvertingGradients
from oubli.audit.gradients.nulls import MeanFeature, NoiseDecoder, PriorAdjacency, RandomGuess
from oubli.audit.gradients.oracles import RecursionOracle
from oubli.graph import load_collection
from oubli.graph.collection import LabelledGraph

DATASETS = ("tu-mutag", "tu-ptc-mr", "tu-aids")
ORDERS = ("dataset", "shuffled")
BUDGETS = {
    "published": {"lbfgs": 300, "adam": 24000},
    "tenth": {"lbfgs": 30, "adam": 2400},
    "short": {"lbfgs": 5, "adam": 100},
}
METRICS = ("feature_mse", "feature_mse_aligned", "edge_auc", "edge_auc_aligned", "label")
# A search from a start of independent draws knows no order: its guess in another order is the same guess, permuted.
WITHOUT_ORDER = ("dlg", "idlg", "inverting", "dlg-oracle", "inverting-oracle")
ALIGNMENTS = 3  # starts of the graph matching that a guess is aligned with


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
) -> Iterable[tuple[int, LabelledGraph, Reconstruction, float]]:
    transcripts = [_given(attack, case.observe([graph])[0], graph) for graph in held]
    attack.prepare(transcripts, seed)
    for low in range(0, len(missing), attack.batch_size):
        places = missing[low : low + attack.batch_size]
        start = time.perf_counter()
        guesses = attack.reconstruct([transcripts[place] for place in places], seed)
        seconds = (time.perf_counter() - start) / len(places)
        for place, guess in zip(places, guesses, strict=True):
            yield place, held[place], guess, seconds


def _given(attack: Attack, transcript: Any, graph: LabelledGraph) -> Any:
    return replace(transcript, structure=(graph.adjacency(),)) if attack.kind == "oracle" else transcript


def _in_orders(
    row: tuple[int, LabelledGraph, Reconstruction, float], attack_name: str, order: str
) -> Iterable[dict[str, Any]]:
    place, graph, guess, seconds = row
    yield {"order": order, "victim": place, **scores(guess, graph), "seconds": seconds}
    if attack_name in WITHOUT_ORDER and order == "dataset":
        mixed = graph.permuted(np.random.default_rng(place).permutation(graph.num_nodes))
        yield {"order": "shuffled", "victim": place, **scores(guess, mixed), "seconds": seconds}


def scores(guess: Reconstruction, graph: LabelledGraph) -> dict[str, Any]:
    """Return how near a guess is, node by node and after the best alignment that was found."""
    upper = np.triu_indices(graph.num_nodes, 1)
    truth = graph.adjacency()
    found: dict[str, Any] = {"nodes": graph.num_nodes, "edges": graph.num_edges}
    found["label"] = None if guess.labels is None else guess.labels == (graph.label,)
    found["residual"], found["determined"] = guess.residual, guess.determined
    if guess.features is not None:
        apart = ((graph.features[:, None] - guess.features[None]) ** 2).mean(-1)
        found["feature_mse"] = float(np.trace(apart) / len(apart))
        found["feature_mse_aligned"] = float(apart[linear_sum_assignment(apart)].mean())
    if guess.edge_scores is not None and 0 < truth[upper].sum() < len(upper[0]):
        found["edge_auc"] = float(roc_auc_score(truth[upper], guess.edge_scores[upper]))
        found["edge_auc_aligned"] = _aligned_auc(truth, guess.edge_scores)
    return found


def _aligned_auc(truth: np.ndarray, guess: np.ndarray) -> float:
    """Return the best AUC over starts of the fast approximate quadratic assignment (Vogelstein et al. 2015)."""
    upper = np.triu_indices(len(truth), 1)
    centred = guess - guess[upper].mean()
    np.fill_diagonal(centred, 0)
    density = truth - truth[upper].mean()
    np.fill_diagonal(density, 0)
    best = 0.0
    for start in range(ALIGNMENTS):
        kind = "randomized" if start else "barycenter"
        options = {"rng": np.random.default_rng(start), "P0": kind, "maxiter": 30}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)
            order = quadratic_assignment(-density, centred, method="faq", options=options).col_ind
        best = max(best, float(roc_auc_score(truth[upper], guess[np.ix_(order, order)][upper])))
    return best


def main() -> None:
    import argparse

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", nargs="+", default=DATASETS)
    parser.add_argument("--names", nargs="+")
    parser.add_argument("--victims", type=int, default=50)
    parser.add_argument("--budget", default="published", choices=BUDGETS)
    parser.add_argument("--orders", nargs="+", default=ORDERS)
    parser.add_argument("--folder", default="leakage-rows")
    parser.add_argument("--root")
    given = parser.parse_args()
    torch.set_num_threads(1)
    for name in given.data:
        measure(name, given.victims, given.budget, given.names, given.orders, given.folder, given.root)


if __name__ == "__main__":
    main()
