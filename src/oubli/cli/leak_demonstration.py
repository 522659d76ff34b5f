"""The demonstration of a leak: one molecule-like graph, recovered from the gradient that one client would send."""

from __future__ import annotations

import dataclasses
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from oubli.cli.wording import count, duration

if TYPE_CHECKING:
    from oubli.audit.gradients import Reconstruction
    from oubli.graph.collection import GraphCollection, LabelledGraph

NEEDS = ("torch", "jinja2", "matplotlib", "networkx")
INSTALL = 'pip install "oubli[attacks,report]"'
COMMAND = "oubli demo"
MOLECULES = 300
ATOMS = (10, 12)
WIDTHS = (64, 64)
NULL = "another-molecule"
NOTE = "one victim, no audit: beyond the null is here that fewer than one of twenty other molecules would be right"


def missing_for_leak() -> list[str]:
    """Return which of the packages that this needs are not installed."""
    return [name for name in NEEDS if find_spec(name) is None]


def demonstrate_leak(path: Path, seed: int) -> dict[str, Any]:
    """Attack one gradient, score the guess beside a null, and write the report.

    Parameters
    ----------
    path : Path
        The page to write. One that is there is replaced if an earlier demonstration wrote it.
    seed : int
        Of the molecules and of the model.

    Returns
    -------
    dict
        Plain values: what was attacked, whether it was recovered, how the null did, and where the report is (None
        where another file is in its place).
    """
    from oubli.report import command_of, write_gradient_report

    results, values = _attack(seed)
    foreign = path.exists() and not (command_of(path) or "").startswith(COMMAND)
    report = None if foreign else str(write_gradient_report(results, path))
    return values | {"report": report, "in_the_way": str(path) if foreign else None}


def leak_lines(values: dict[str, Any]) -> list[str]:
    """Return what was found, for people."""
    size = f"{count(values['nodes'], 'atom')}, {count(values['edges'], 'bond')}"
    verdict = (
        "the very graph, atom by atom"
        if values["recovered"]
        else "another graph than the true one"
        if values["guessed"]
        else "no graph"
    )
    label = "its label, too" if values["label_recovered"] else "a wrong label"
    lines = [
        "9. What a model in training gives away. In federated learning clients send gradients, not data. Here is one, "
        f"of a graph that looks like a molecule ({size}) and a network of {len(WIDTHS)} graph layers.",
        f"   From one gradient the server gets, in {duration(values['seconds'])}: {verdict}; {label}. It has "
        f"{count(values['null_draws'], 'molecule')} of its own, drawn alike; guessing from these alone, "
        f"{values['null_hits']:,} of them {'is' if values['null_hits'] == 1 else 'are'} that graph.",
    ]
    if values["report"]:
        lines.append(
            f"   Drawn, with the threat model: {values['report']} (open it in a browser; it needs no network)."
        )
    else:
        lines.append(f"   Not drawn: {values['in_the_way']} is there, and not of a demonstration; move it away.")
    return lines


def _attack(seed: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return results as an audit has them, and what the demonstration tells of them."""
    from oubli.audit.gradients import Case, ModelForm
    from oubli.audit.gradients.lifting import ProfileLifting
    from oubli.graph import generate_molecules

    molecules = generate_molecules(MOLECULES, seed, min_nodes=ATOMS[0], max_nodes=ATOMS[1])
    victim, others = molecules[0], molecules[1:]
    form = ModelForm(molecules.num_features, molecules.num_classes, hidden=WIDTHS, activation="tanh")
    degree = max(int(graph.degrees.max()) for graph in molecules)
    case = Case(
        form,
        form.draw(seed),
        one_hot=True,
        max_degree=degree,
        auxiliary=tuple(others),
        auxiliary_source="drawn at random as the victim was",
    )
    transcript, _ = case.observe([victim])
    begun = time.perf_counter()
    (guess,) = ProfileLifting().reconstruct([transcript])
    seconds = time.perf_counter() - begun
    guessed = _graph_of(guess)
    values = {
        "nodes": victim.num_nodes,
        "edges": victim.num_edges,
        "guessed": guessed is not None,
        "recovered": guessed is not None and _same(guessed, victim),
        "label_recovered": guess.labels == (victim.label,),
        "residual": guess.residual,
        "null_draws": len(others),
        "null_hits": sum(_same(other, victim) for other in others),
        "null_labels": sum(other.label == victim.label for other in others),
        "seconds": seconds,
    }
    settings = {
        "command": f"{COMMAND} --seed {seed}",
        "data": f"{MOLECULES} molecule-like graphs, drawn at random",
        "form": dataclasses.asdict(form),
        "precision": case.precision,
        "victims": 1,
        "seed": seed,
        "node_order": "shuffled",
        "auxiliary": f"{len(others)} graphs: {case.auxiliary_source}",
    }
    return _results(settings, transcript.threat_model(), molecules, guess, values), values


def _graph_of(guess: Reconstruction) -> LabelledGraph | None:
    """Return the graph that an attack committed itself to."""
    import numpy as np

    from oubli.graph.collection import LabelledGraph

    if guess.adjacency is None or guess.features is None:
        return None
    types = np.eye(guess.features.shape[1])[guess.features.argmax(1)]
    return LabelledGraph(np.argwhere(np.triu(guess.adjacency, 1) > 0), types, guess.labels[0] if guess.labels else 0)


def _same(graph: LabelledGraph, other: LabelledGraph) -> bool:
    """Return whether two graphs are isomorphic, types of nodes included."""
    from networkx import is_isomorphic

    # Cheap, and settles nearly all.
    if sorted(zip(graph.features.argmax(1), graph.degrees, strict=True)) != sorted(
        zip(other.features.argmax(1), other.degrees, strict=True)
    ):
        return False
    return bool(is_isomorphic(graph.to_networkx(), other.to_networkx(), lambda one, two: one["x"] == two["x"]))


def _results(
    settings: dict[str, Any],
    threat_model: str,
    molecules: GraphCollection,
    guess: Reconstruction,
    values: dict[str, Any],
) -> dict[str, Any]:
    """Return what `oubli.report` takes."""
    from oubli import __version__

    defence = "none"
    draws = values["null_draws"]
    scores = (
        ("isomorphic", bool(values["recovered"]), values["null_hits"]),
        ("label", bool(values["label_recovered"]), values["null_labels"]),
    )
    names = {"defence": defence, "attack": "lifting"}
    victim, guessed = molecules[0], _graph_of(guess)
    label = guess.labels[0] if guess.labels else None
    return {
        "format": "oubli.audit.gradients/1",
        "settings": settings,
        "threat_model": threat_model,
        "defences": [{"name": defence, "describe": "nothing is done to it", "note": NOTE}],
        "summary": [line for score in scores for line in _summary_lines(names, *score, draws)],
        "rows": [],
        "examples": [
            {
                "victim": 0,
                **_plain(victim),
                "guesses": [
                    {**names, **_plain(guessed), "label": label, "scores": {"residual": guess.residual}},
                    {"defence": defence, "attack": NULL, **_plain(molecules[1]), "scores": {}},
                ],
            }
        ],
        "node_names": list(molecules.feature_names),
        "versions": {"oubli": __version__},
        "seconds": None,
    }


def _summary_lines(names: dict[str, str], metric: str, found: bool, hits: int, draws: int) -> list[dict[str, Any]]:
    """Return the lines of the attack and of its null, with Wilson's intervals."""
    from scipy.stats import binomtest

    one, other = (binomtest(*pair).proportion_ci(method="wilson") for pair in ((int(found), 1), (hits, draws)))
    null = {"defence": names["defence"], "attack": NULL, "kind": "null", "metric": metric, "value": hits / draws}
    attack = {**names, "kind": "attack", "metric": metric, "value": float(found), "null": NULL, "victims": 1}
    # Of one victim only this can be said: whether a guess would hit it by luck in less than one case of twenty.
    beyond = found and bool(other.high < 0.05)
    return [
        attack | {"low": one.low, "high": one.high, "null_value": hits / draws, "gain": found - hits / draws}
        | {"beyond_null": beyond},
        null | {"low": other.low, "high": other.high, "victims": draws},
    ]  # fmt: skip


def _plain(graph: LabelledGraph | None) -> dict[str, Any]:
    if graph is None:
        return {"node_types": None, "edges": None}
    return {
        "label": graph.label,
        "node_types": graph.features.argmax(1).tolist(),
        "edges": graph.edges.tolist(),
    }
