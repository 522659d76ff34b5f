"""Draws of both worlds of one removal, each from the beginning, and the statistics that a distinguisher looks at."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oubli.audit.forgetting.control.distinguish import Distinguished, distinguish
from oubli.audit.forgetting.methods import Forgetful, Method, posteriors
from oubli.graph import Graph, Removal
from oubli.models import CertifiedClassifier

CERTIFIED_FACTOR = 5
"""Certified models take so many times the draws: they are quick, and there is a bound to hold against."""
BYTES = "bytes of the weights"
NOISELESS = "weights along the true shift"
Told = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Game:
    """A removal, and where its traces would show.

    Parameters
    ----------
    graph : Graph
        With the data.
    removal : Removal
        The data.
    watched : ndarray of node ids
        Ends of removed edges, or nodes whose label was removed.
    pairs : ndarray of node ids, shape (pairs, 2), optional
        Removed edges.
    """

    graph: Graph
    removal: Removal
    watched: NDArray[Any]
    pairs: NDArray[Any] | None = None

    def remaining(self) -> Graph:
        """Return the graph of the world that never had the data."""
        return self.graph.without(self.removal)


def play(game: Game, method: Method, draws: int, seed: int, told: Told | None = None) -> dict[str, Any]:
    """Play the game with a method, and return a line of results.

    Parameters
    ----------
    game : Game
    method : Method
        One that claims exactness is judged on its bytes alone: equal bytes leave nothing to tell apart, and others
        tell every time.
    draws : int
        Of each world; `CERTIFIED_FACTOR` times as many where a certificate is to be held against.
    seed : int
        Of the models' seeds, which are all different: the two worlds share no chance.
    told : callable, optional
        Called with how many draws of how many are done.

    Returns
    -------
    dict
        ``distinguisher``, ``draws``, ``advantage`` with ``_low`` and ``_high``, ``bound`` of the claim, whether
        advantage and epsilon are ``within`` the claim as far as the draws show, ``epsilon_claimed``, ``delta``,
        ``epsilon_low``, ``bytes_equal``, ``note``.
    """
    claim = {
        "method": method.name,
        "bound": method.bound,
        "epsilon_claimed": 0.0 if method.claim == "exact" else method.epsilon,
        "delta": method.delta,
    }
    remaining = game.remaining()
    if method.claim == "exact":
        equal = _unlearned(game, method, seed).weights_digest() == method.make(seed).fit(remaining).weights_digest()
        return claim | _of_bytes(equal)
    if method.claim == "certified":
        draws *= CERTIFIED_FACTOR
    drawn = _draw(game, remaining, method, draws, seed, told)
    found = distinguish(drawn, method.delta or 0.0)
    return claim | {
        "distinguisher": found.statistic,
        "draws": found.draws,
        "advantage": found.advantage,
        "advantage_low": found.low,
        "advantage_high": found.high,
        "within": _within(found, method),
        "epsilon_low": found.epsilon,
        "bytes_equal": None,
        "note": "" if method.claim != "certified" or NOISELESS in drawn else "judged by answers, not by weights",
    }


def _within(found: Distinguished, method: Method) -> bool | None:
    """Return whether neither the advantage nor the lower bound on epsilon is above what is claimed."""
    if method.bound is None or method.epsilon is None:
        return None
    return found.low <= method.bound and found.epsilon <= method.epsilon


def _of_bytes(equal: bool) -> dict[str, Any]:
    advantage = 0.0 if equal else 1.0
    names = ("advantage", "advantage_low", "advantage_high")
    return dict.fromkeys(names, advantage) | {
        "distinguisher": BYTES,
        "draws": 1,
        "within": equal,
        "epsilon_low": 0.0 if equal else None,
        "bytes_equal": equal,
        "note": "" if equal else "the bytes differ, so whoever sees them can tell every time",
    }


def _draw(
    game: Game, remaining: Graph, method: Method, draws: int, seed: int, told: Told | None
) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """Return the statistics of each draw, by name, where the data was unlearned and where it was never there."""
    seeds = np.random.SeedSequence([seed, 7]).generate_state(2 * draws).tolist()
    shift = _true_shift(game, remaining, method, seed)
    found: list[tuple[dict[str, float], dict[str, float]]] = []
    for i in range(draws):
        unlearned = _unlearned(game, method, seeds[2 * i])
        never = method.make(seeds[2 * i + 1]).fit(remaining)
        found.append((_statistics(game, unlearned, shift), _statistics(game, never, shift)))
        if told is not None:
            told(i + 1, draws)
    return {
        name: (np.array([one[name] for one, _ in found]), np.array([other[name] for _, other in found]))
        for name in found[0][0]
    }


def _unlearned(game: Game, method: Method, seed: int) -> Forgetful:
    model = method.make(seed)
    with warnings.catch_warnings():
        # Small graphs allow no smaller delta; the claim is held against all the same.
        warnings.filterwarnings("ignore", "delta: ", UserWarning)
        model.fit(game.graph)
    model.unlearn(game.removal)
    return model


def _true_shift(game: Game, remaining: Graph, method: Method, seed: int) -> NDArray[np.float64] | None:
    """Return what removal and retraining differ by before noise: the best direction, which only an auditor can know."""
    model = _unlearned(game, method, seed)
    if not isinstance(model, CertifiedClassifier) or model.mechanism != "output":
        return None
    other = method.make(seed).fit(remaining)
    assert isinstance(other, CertifiedClassifier)
    return model.hidden_coef_ - other.hidden_coef_


def _statistics(game: Game, model: Forgetful, shift: NDArray[np.float64] | None) -> dict[str, float]:
    """Return what a distinguisher looks at; all but the last from answers alone."""
    graph = model.graph_
    answers = posteriors(model)
    places = {node: i for i, node in enumerate(graph.node_ids.tolist())}
    watched = answers[[places[node] for node in game.watched.tolist()]]
    known = game.graph.labels[[places[node] for node in game.watched.tolist()]]
    taught = [places[node] for node in graph.train_nodes.tolist()]
    columns = np.searchsorted(model.classes_, graph.labels[taught])
    right = answers[taught, columns]
    found = {
        "confidence where it was": float(watched.max(axis=1).mean()),
        "confidence everywhere": float(answers.max(axis=1).mean()),
        "loss of training nodes": float(-np.log(np.maximum(right, 1e-300)).mean()),
    }
    if np.isin(known, model.classes_).all():
        there = np.arange(len(watched)), np.searchsorted(model.classes_, known)
        found["loss where it was"] = float(-np.log(np.maximum(watched[there], 1e-300)).mean())
    if game.pairs is not None:
        ends = answers[[[places[u], places[v]] for u, v in game.pairs.tolist()]]
        found["likeness of removed pairs"] = -float(np.linalg.norm(ends[:, 0] - ends[:, 1], axis=1).mean())
    if shift is not None and isinstance(model, CertifiedClassifier):
        found[NOISELESS] = float(np.vdot(model.coef_, shift))
    return found
