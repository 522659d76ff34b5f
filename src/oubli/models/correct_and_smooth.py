"""Correct and Smooth: training residuals and labels spread over the edges, after any classifier."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any

import numba as nb
import numpy as np
from numpy.typing import NDArray

from oubli.errors import InputError
from oubli.graph.removal import RemovalPlan
from oubli.guarantees.digest import canonical_digest
from oubli.guarantees.levels import Level
from oubli.models.base import NodeClassifier
from oubli.models.parameters import check_choice, check_integer, numbers
from oubli.models.scoring import METRICS, score_predictions
from oubli.models.sgc import SGCRidge
from oubli.models.within import check_inner, inner_arrays, restore_inner, unfitted
from oubli.propagation.spread import spread

LARGEST_SCALE = 1000.0


class CorrectAndSmooth(NodeClassifier):
    """Scores of a base classifier, corrected by its training residuals and smoothed with the training labels.

    It has no weights of its own: after a removal it is computed again from the base's scores, whole and in a fixed
    order, so it is exactly what a fresh fit would give.

    Parameters
    ----------
    base : NodeClassifier, optional
        ``SGCRidge()`` without it.
    correction : float or sequence of float, default 0.8
        Share of a residual that comes from the neighbours, in [0, 1); 0 does not correct.
    smoothing : float or sequence of float, default 0.8
        Share of a score that comes from the neighbours, in [0, 1); 0 does not smooth. With several values of either,
        the pair that scores best on the validation nodes is chosen, the smallest of equals.
    iterations : int, default 30
    scoring : {"accuracy", "balanced_accuracy", "roc_auc"}, default "accuracy"

    Attributes
    ----------
    base_ : NodeClassifier
        The fitted base.
    classes_, graph_, choices_
        As for every classifier.

    Notes
    -----
    Huang et al., "Combining label propagation and simple models out-performs graph neural networks" (2021), with
    autoscaling; only training labels are used.
    """

    def __init__(
        self,
        base: NodeClassifier | None = None,
        *,
        correction: float | Sequence[float] = 0.8,
        smoothing: float | Sequence[float] = 0.8,
        iterations: int = 30,
        scoring: str = "accuracy",
    ) -> None:
        self.base = base
        self.correction = correction
        self.smoothing = smoothing
        self.iterations = iterations
        self.scoring = scoring

    def _check_parameters(self) -> None:
        if self.base is not None:
            check_inner(self.base, "base")
        self._template()._check_parameters()
        check_integer(self.iterations, "iterations", 1, 10_000)
        check_choice(self.scoring, "scoring", METRICS)
        for name in ("correction", "smoothing"):
            for value in numbers(getattr(self, name), name):
                if not 0 <= value < 1:
                    raise InputError(f"{name}: expected numbers from 0 to below 1, got {value!r}")

    def _check_classes(self, codes: Callable[[], NDArray[np.int32]], outcome: str = "") -> None:
        self._template()._check_classes(codes, outcome)

    def _pairs(self) -> list[tuple[float, float]]:
        return list(product(numbers(self.correction, "correction"), numbers(self.smoothing, "smoothing")))

    def _has_choices(self) -> bool:
        return len(self._pairs()) > 1 or self.base_._has_choices()

    def _selection_metrics(self) -> set[str]:
        own = {self.scoring} if len(self._pairs()) > 1 else set()
        return own | self._template()._selection_metrics()

    def _fit(self, choices: dict[str, Any] | None) -> None:
        self.base_ = unfitted(self._template()).fit_with(self.graph_, None if choices is None else choices["base"])
        # One graph, not two: the base's copy shrinks, and this model looks at it.
        self.graph_ = self.base_.graph_
        self._smooth(None if choices is None else (choices["correction"], choices["smoothing"]))

    def _forget(self, plan: RemovalPlan, level: Level) -> dict[str, Any]:
        account = self.base_._forget(plan, level)
        self.base_.level_ = level
        self._smooth((self.choices_["correction"], self.choices_["smoothing"]) if level == "frozen" else None)
        return account

    def _smooth(self, pair: tuple[float, float] | None) -> None:
        """Compute the scores of all nodes, choosing the two shares on the validation nodes unless they are given."""
        self.graph_, self.classes_ = self.base_.graph_, self.base_.classes_
        graph = self.graph_
        alive = np.flatnonzero(graph.index.alive)
        base = np.zeros((graph.index.alive.size, self.classes_.size))
        base[alive] = np.clip(self.base_._scores(alive), 0.0, 1.0)
        train = graph.split_slots("train")
        truth = np.zeros((train.size, self.classes_.size))
        truth[np.arange(train.size), self._targets(graph.label_codes[train])] = 1.0
        pairs = self._pairs() if pair is None else [pair]
        best = pairs[0] if len(pairs) == 1 else self._choose(pairs, base, train, truth)
        corrected = self._correct(best[0], base, train, truth)
        self._smoothed = self._spread_labels(best[1], corrected, train, truth)
        self.choices_ = {"correction": best[0], "smoothing": best[1], "base": self.base_.choices_}

    def _choose(
        self,
        pairs: list[tuple[float, float]],
        base: NDArray[np.float64],
        train: NDArray[np.int64],
        truth: NDArray[np.float64],
    ) -> tuple[float, float]:
        slots = self.graph_.split_slots("val")
        if slots.size == 0:
            raise InputError(
                "correction, smoothing: there are no validation nodes to choose by; "
                "give one value each, or a graph with val="
            )
        targets = self._targets(self.graph_.label_codes[slots])
        corrected = {share: self._correct(share, base, train, truth) for share in {pair[0] for pair in pairs}}
        best, best_score = pairs[0], -np.inf
        for pair in pairs:
            scores = self._spread_labels(pair[1], corrected[pair[0]], train, truth)
            score = score_predictions(scores[slots], targets, self.scoring)
            if score > best_score:
                best, best_score = pair, score
        return best

    def _correct(
        self, share: float, base: NDArray[np.float64], train: NDArray[np.int64], truth: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        if share == 0:
            return base
        residual = np.zeros_like(base)
        residual[train] = truth - base[train]
        typical = _sum_in_order(np.abs(residual[train])) / train.size
        spread_out = spread(self.graph_.adjacency, residual, share, self.iterations, -1.0, 1.0)
        return _add_scaled(base, spread_out, typical)  # type: ignore[no-any-return]

    def _spread_labels(
        self, share: float, scores: NDArray[np.float64], train: NDArray[np.int64], truth: NDArray[np.float64]
    ) -> NDArray[np.float64]:
        if share == 0:
            return scores
        known = scores.copy()
        known[train] = truth
        return spread(self.graph_.adjacency, known, share, self.iterations, 0.0, 1.0)

    def _scores(self, slots: NDArray[np.int64]) -> NDArray[np.float64]:
        return self._smoothed[slots]

    def weights_digest(self) -> str:
        """Return the SHA-256 of the base's weights and the smoothed scores."""
        alive = np.flatnonzero(self.graph_.index.alive)
        return canonical_digest([("base", self.base_.weights_digest()), ("smoothed", self._smoothed[alive])])

    def _digest_parts(self) -> list[tuple[str, Any]]:
        alive = np.flatnonzero(self.graph_.index.alive)
        shares = {"iterations": self.iterations, **{k: v for k, v in self.choices_.items() if k != "base"}}
        return [("smoothing", shares), ("smoothed", self._smoothed[alive]), *self.base_._digest_parts()]

    def _kept_description(self) -> dict[str, Any]:
        kept = self.describe()
        if self.base is not None:
            kept["params"]["base"] = unfitted(self.base, self.graph_)._kept_description()
        return kept

    def _state_arrays(self) -> dict[str, NDArray[Any]]:
        alive = np.flatnonzero(self.graph_.index.alive)
        return {"smoothed": self._smoothed[alive], **inner_arrays("base", self.base_)}

    def _restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        self.base_ = restore_inner("base", self._template(), self, self.choices_["base"], arrays)
        self._smoothed, self.classes_ = arrays["smoothed"], self.base_.classes_

    def _template(self) -> NodeClassifier:
        return SGCRidge() if self.base is None else self.base


@nb.njit(cache=True)
def _sum_in_order(values):  # type: ignore[no-untyped-def]
    total = 0.0
    for value in values.ravel():
        total += value
    return total


@nb.njit(cache=True)
def _add_scaled(base, residual, typical):  # type: ignore[no-untyped-def]
    # Autoscaling: each row of the spread residual gets the mean size of the training residuals.
    out = base.copy()
    for i in range(base.shape[0]):
        size = 0.0
        for c in range(base.shape[1]):
            size += abs(residual[i, c])
        scale = typical / size if size > 1e-12 else 1.0
        if scale > LARGEST_SCALE:
            scale = 1.0
        for c in range(base.shape[1]):
            out[i, c] += scale * residual[i, c]
    return out
