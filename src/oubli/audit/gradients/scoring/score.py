"""Scores of a guess against the truth; those that do not depend on the order of nodes are the ones to trust.

Nodes that a guess has too few or too many of count: the smaller side is padded with nodes without features and edges.
Several graphs count as their disjoint union. Entries that are not finite count as zeros, as if not guessed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import block_diag

from oubli.audit.curves import area_under_curve, average_precision
from oubli.audit.gradients.reconstruction import Reconstruction
from oubli.audit.gradients.scoring.alignment import align_edges, align_features, align_walks, padded
from oubli.audit.gradients.scoring.isomorphism import isomorphic, node_types, overlap, refine_colours
from oubli.audit.gradients.transcript import Secret
from oubli.errors import InputError

Matrix = NDArray[np.float64]
Score = float | bool | None


@dataclass(frozen=True)
class Metric:
    """A score.

    Parameters
    ----------
    kind : {"share", "mean"}
        Of a yes or no the share of victims is reported, of a number the mean.
    better : {"higher", "lower", "neither"}
        For the attacker; *neither* is not compared with nulls.
    meaning : str
    """

    kind: Literal["share", "mean"]
    better: Literal["higher", "lower", "neither"]
    meaning: str


METRICS: dict[str, Metric] = {
    "label": Metric("share", "higher", "the class, or all classes of a batch, are right"),
    "embedding_error": Metric("mean", "lower", "relative error of the pooled embedding"),
    "feature_mse": Metric("mean", "lower", "mean squared error of features, nodes in the order they came in"),
    "feature_mse_aligned": Metric("mean", "lower", "the same, nodes matched by their features"),
    "edge_auc": Metric("mean", "higher", "chance that an edge is scored above a pair without, in the order they came"),
    "edge_ap": Metric("mean", "higher", "average precision of edges, in the order they came"),
    "edge_auc_aligned": Metric("mean", "higher", "AUC after nodes were matched by edges: lifts random guesses too"),
    "composition": Metric("mean", "higher", "nodes of each type, the share in common"),
    "profile_overlap": Metric("mean", "higher", "1-hop profiles (a node with its neighbours), the share in common"),
    "wl_equal": Metric("share", "higher", "as many nodes of each profile, of as many hops as the model has layers"),
    "isomorphic": Metric("share", "higher", "the very graph, types of nodes included"),
    "residual": Metric("mean", "lower", "relative distance of the guess's gradient from the one seen"),
    "determined": Metric("share", "neither", "the attack says that its guess follows from what it saw"),
    "seconds": Metric("mean", "neither", "time of the attack"),
}


def score(reconstruction: Reconstruction, secret: Secret, hops: int = 2) -> dict[str, Score]:
    """Score a guess by all `METRICS` but the seconds.

    Parameters
    ----------
    reconstruction : Reconstruction
    secret : Secret
    hops : int, default 2
        Of the profiles of ``wl_equal``: the layers of the model, beyond which no gradient tells.

    Returns
    -------
    dict of str to float, bool or None
        None where the attack does not guess it, or the truth has nothing to tell apart: types where features are not
        one-hot, edges of a graph without or with all of them.

    Raises
    ------
    InputError
        When a guess is not of the shape that `Reconstruction` promises.
    """
    adjacency = block_diag(*[graph.adjacency() for graph in secret.graphs])
    features = np.vstack([graph.features for graph in secret.graphs])
    _check(reconstruction, features.shape[1])
    residual = reconstruction.residual
    edges = _edge_scores(reconstruction, adjacency, features)
    graphs = _graph_scores(reconstruction, adjacency, _true_types(secret), hops)
    if graphs["isomorphic"] and edges["edge_auc"] is not None and _scores_are_edges(reconstruction):
        # The isomorphism is an alignment; the search may have missed it.
        edges["edge_auc_aligned"] = 1.0
    return {
        "label": _label(reconstruction, secret),
        "embedding_error": _embedding_error(reconstruction, secret),
        **_feature_scores(reconstruction, features),
        **edges,
        **graphs,
        "residual": float(residual) if residual is not None and np.isfinite(residual) else None,
        "determined": bool(reconstruction.determined),
    }


def blank_guess(secret: Secret) -> Reconstruction:
    """Return a guess that says nothing: no edge, no feature, no class; what an attack that gives up is scored as."""
    size, width = sum(graph.num_nodes for graph in secret.graphs), secret.graphs[0].num_features
    return Reconstruction(
        labels=(),
        embedding=np.zeros(secret.embeddings.shape[1]),
        edge_scores=np.zeros((size, size)),
        features=np.zeros((size, width)),
        adjacency=np.zeros((size, size)),
        residual=1.0,
    )


def _check(guess: Reconstruction, width: int) -> None:
    sizes = set()
    for name in ("edge_scores", "adjacency"):
        matrix = getattr(guess, name)
        if matrix is None:
            continue
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
            raise InputError(f"reconstruction: {name} should be square, and is {matrix.shape}")
        sizes.add(len(matrix))
    if guess.adjacency is not None:
        whole = guess.adjacency
        if not np.isin(whole, (0, 1)).all() or not np.array_equal(whole, whole.T) or whole.diagonal().any():
            raise InputError("reconstruction: adjacency should be symmetric, of zeros and ones, without self-loops")
    if guess.features is not None:
        if guess.features.ndim != 2 or guess.features.shape[1] != width:
            raise InputError(f"reconstruction: features should have {width} columns, and are {guess.features.shape}")
        sizes.add(len(guess.features))
    if len(sizes) > 1 or 0 in sizes:
        raise InputError(f"reconstruction: parts should be of the same nodes, and are of {sorted(sizes)}")


def _label(guess: Reconstruction, secret: Secret) -> bool | None:
    if guess.labels is None:
        return None
    return tuple(guess.labels) == tuple(sorted(graph.label for graph in secret.graphs))


def _embedding_error(guess: Reconstruction, secret: Secret) -> float | None:
    if guess.embedding is None or len(secret.graphs) > 1:
        return None
    truth = secret.embeddings[0].detach().cpu().numpy().astype(np.float64)
    size = float(np.linalg.norm(truth))
    return float(np.linalg.norm(_finite(guess.embedding) - truth)) / size if size else None


def _feature_scores(guess: Reconstruction, truth: Matrix) -> dict[str, Score]:
    if guess.features is None:
        return {"feature_mse": None, "feature_mse_aligned": None}
    given, truth = _same_size(_finite(guess.features), truth)
    order = align_features(given, truth)
    return {
        "feature_mse": float(((given - truth) ** 2).mean()),
        "feature_mse_aligned": float(((given[order] - truth) ** 2).mean()),
    }


def _edge_scores(guess: Reconstruction, truth: Matrix, features: Matrix) -> dict[str, Score]:
    scores = guess.adjacency if guess.edge_scores is None else guess.edge_scores
    if scores is None:
        return {"edge_auc": None, "edge_ap": None, "edge_auc_aligned": None}
    size = max(len(scores), len(truth))
    # A pair that is not scored is as unlikely as the least likely one that is.
    least = float(_finite(scores).min())
    scores, adjacency = padded(_finite(scores) - least, size, size), padded(truth, size, size)
    np.fill_diagonal(scores, 0.0)
    # Where no features are guessed, nodes are matched by their walks alone.
    guessed = np.zeros((size, 0)) if guess.features is None else _finite(guess.features)
    given, true = (padded(rows, size, rows.shape[1]) for rows in (guessed, features[:, : guessed.shape[1]]))
    order = align_edges(scores, adjacency, align_walks(scores, given, adjacency, true))
    upper = np.triu_indices(size, 1)
    edges, aligned = adjacency[upper] > 0, scores[np.ix_(order, order)][upper]
    return {
        "edge_auc": area_under_curve(scores[upper], edges),
        "edge_ap": average_precision(scores[upper], edges),
        "edge_auc_aligned": area_under_curve(aligned, edges),
    }


def _graph_scores(guess: Reconstruction, truth: Matrix, types: NDArray[np.int64] | None, hops: int) -> dict[str, Score]:
    scores: dict[str, Score] = dict.fromkeys(("composition", "profile_overlap", "wl_equal", "isomorphic"))
    if guess.features is None or types is None:
        return scores
    guessed = node_types(guess.features)
    scores["composition"] = overlap(guessed, types)
    if guess.adjacency is None:
        return scores
    colours = refine_colours((guess.adjacency, truth), (guessed, types), max(1, hops))
    scores["profile_overlap"] = overlap(*colours[1])
    guessed_colours, true_colours = colours[hops]
    scores["wl_equal"] = bool(np.array_equal(np.sort(guessed_colours), np.sort(true_colours)))
    scores["isomorphic"] = isomorphic(guess.adjacency, guessed, truth, types)
    return scores


def _scores_are_edges(guess: Reconstruction) -> bool:
    return guess.edge_scores is None or (
        guess.adjacency is not None and np.array_equal(guess.edge_scores, guess.adjacency)
    )


def _true_types(secret: Secret) -> NDArray[np.int64] | None:
    types = [graph.types for graph in secret.graphs]
    return None if any(found is None for found in types) else np.concatenate([t for t in types if t is not None])


def _finite(values: Matrix) -> Matrix:
    return np.where(np.isfinite(values), values, 0.0)


def _same_size(guess: Matrix, truth: Matrix) -> tuple[Matrix, Matrix]:
    size = max(len(guess), len(truth))
    return padded(guess, size, guess.shape[1]), padded(truth, size, truth.shape[1])
