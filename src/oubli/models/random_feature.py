"""A nonlinear model over random messages, which forgets exactly and at the cost of the change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from oubli.errors import InputError
from oubli.graph.distinct import distinct
from oubli.graph.removal import RemovalPlan
from oubli.guarantees.digest import canonical_digest
from oubli.guarantees.levels import Level
from oubli.models.base import NodeClassifier
from oubli.models.coarse_inputs import CoarseInputs, InputChange
from oubli.models.head_rows import LOCAL, HeadRows
from oubli.models.parameters import check_choice, check_integer
from oubli.models.random_rows import RandomRows
from oubli.models.ridge_strength import best_alpha, ridge_strengths, validation_slots
from oubli.models.rounded_layers import RoundedLayers
from oubli.models.scoring import METRICS, score_predictions
from oubli.propagation import Operator, Propagation, Quantiser
from oubli.solve import ExactGram, linear_scores, standardised_weights

CHUNK = 1024
"""Rows at a time: more would only take more memory."""

MOST = 0.5
"""Share of the training rows beyond which all are computed again."""


class RandomFeatureNet(NodeClassifier):
    """Random messages between neighbours, and a ridge head on them: a removal changes what it reaches, and no more.

    Hidden weights are drawn from a seed, never from the data, so what one node computes depends on its surroundings
    alone (unless `hybrid`). Each neighbour sends random features of its inputs, its label, and the labels around it,
    from all of which the receiver's own label is left out. All that is summed is an integer.

    Parameters
    ----------
    hops : int, default 1
        How many times features are averaged over neighbours before the messages; every hop is an input.
    operator : {"random_walk", "symmetric"} or float, default "random_walk"
        The normalisation of these averages, or ScaleGUN's convolution coefficient in [0, 1]; all but "random_walk" keep
        a trace of degrees.
    messages : int, default 1000
        Random messages; 0 leaves the head on the inputs and on means of the labels around a node.
    hybrid : bool, default False
        Two learnt layers before the head, whose ridge weights are rounded to multiples of 1/16. A removal that moves
        one of these is fitted anew from its layer on, and the receipt says so.
    label_folds : int, default 0
        With `hybrid` and 2 or more, the layers see training labels: a node learns with those of the other folds in
        sight, and predicts with all.
    alpha : float or sequence of float, default 100.0
        Ridge strength on standardised columns. Of several, the one that scores best on the validation nodes is chosen,
        the largest of equals.
    normalize : {"l2", None}, default "l2"
        Scaling of each feature row.
    projection : int or None, default 256
        Width of a random sign projection that wider features are reduced to; None keeps all.
    fraction_bits : int, default 12
        Fractional bits of the integers that features become.
    scoring : {"accuracy", "balanced_accuracy", "roc_auc"}, default "accuracy"
        What alpha is chosen by.
    seed : int, default 0
        Of the projection and of the messages. It is configuration: choose it before the data.

    Attributes
    ----------
    classes_ : ndarray, shape (classes,)
        Classes that have a training node.
    alpha_ : float
        The ridge strength in force.
    graph_ : Graph
        What the model still knows.
    choices_ : dict
        The choice in force: alpha.

    Notes
    -----
    This project's own. The row of a node does not depend on its own label, but for the weights of a hybrid's layers.
    A removed edge reaches rows within ``hops`` hops of its ends, a node or its features within ``hops + 1``, a label
    within two (edges and nodes one hop further if `operator` is not "random_walk"; each layer of a hybrid adds up to
    three). After `unlearn` the model has the bytes of one fitted on what remains (docs/proofs/random-feature-net).

    Inputs stand on a coarse grid: a power of two near each column's deviation, and a centre near its mean. When a
    removal moves one of these, or the set of classes, or changes features too far around, all is fitted anew; when it
    reaches most training rows, these and their sums are computed whole. The receipt says so.

    Examples
    --------
    >>> from oubli import Removal
    >>> from oubli.graph import generate_graph
    >>> from oubli.models import RandomFeatureNet
    >>> graph = generate_graph(num_nodes=300, seed=1)
    >>> model = RandomFeatureNet(messages=32).fit(graph)
    >>> request = Removal(nodes=[5, 8])
    >>> receipt = model.unlearn(request)
    >>> model.digest() == RandomFeatureNet(messages=32).fit(graph.without(request)).digest()
    True
    """

    def __init__(
        self,
        *,
        hops: int = 1,
        operator: str | float = "random_walk",
        messages: int = 1000,
        hybrid: bool = False,
        label_folds: int = 0,
        alpha: float | Sequence[float] = 100.0,
        normalize: Literal["l2"] | None = "l2",
        projection: int | None = 256,
        fraction_bits: int = 12,
        scoring: str = "accuracy",
        seed: int = 0,
    ) -> None:
        self.hops = hops
        self.operator = operator
        self.messages = messages
        self.hybrid = hybrid
        self.label_folds = label_folds
        self.alpha = alpha
        self.normalize = normalize
        self.projection = projection
        self.fraction_bits = fraction_bits
        self.scoring = scoring
        self.seed = seed

    @property
    def alpha_(self) -> float:
        """The ridge strength in force."""
        self._check_fitted()
        return float(self.choices_["alpha"])

    def _check_parameters(self) -> None:
        check_integer(self.hops, "hops", 1, 64)
        check_integer(self.messages, "messages", 0, 8192)
        check_choice(self.hybrid, "hybrid", (False, True))
        check_integer(self.label_folds, "label_folds", 0, 64)
        if self.label_folds == 1:
            raise InputError("label_folds: one fold would hide all labels while learning; give 0, or 2 and more")
        if self.label_folds and not self.hybrid:
            raise InputError("label_folds: only learnt layers see labels in folds; give hybrid=True as well")
        check_integer(self.fraction_bits, "fraction_bits", 4, 20)
        check_integer(self.seed, "seed", 0, 2**31)
        check_choice(self.normalize, "normalize", ("l2", None))
        check_choice(self.scoring, "scoring", METRICS)
        if self.projection is not None:
            check_integer(self.projection, "projection (if not None)", 1, 4096)
        Operator.parse(self.operator)
        ridge_strengths(self.alpha)

    def _has_choices(self) -> bool:
        return len(ridge_strengths(self.alpha)) > 1

    def _selection_metrics(self) -> set[str]:
        return {self.scoring} if self._has_choices() else set()

    def _make_inputs(self) -> CoarseInputs:
        wide = self.projection is not None and self.graph_.num_features > self.projection
        quantiser = Quantiser(
            int(self.fraction_bits), self.normalize, self.projection if wide else None, int(self.seed)
        )
        return CoarseInputs(
            Propagation(Operator.parse(self.operator), self.hops, tuple(range(self.hops + 1)), quantiser)
        )

    def _make_rows(self) -> RandomRows:
        return RandomRows(self.graph_, self._inputs, int(self.messages), int(self.seed))

    def _make_layers(self) -> RoundedLayers | None:
        if not self.hybrid:
            return None
        inputs, codes = self._inputs.values, self._rows.codes
        return RoundedLayers(self.graph_, inputs, codes, int(self.label_folds), int(self.seed))

    def _fit_layers(self) -> None:
        self._layers = self._make_layers()
        if self._layers is not None:
            self._layers.fit(self.graph_)
        self._head_rows = HeadRows(self._rows, self._layers)

    def _fit(self, choices: dict[str, Any] | None) -> None:
        self._inputs = self._make_inputs().fit(self.graph_)
        self._rows = self._make_rows()
        self._rows.compute(self.graph_)
        self._fit_layers()
        self._sum_rows()
        self._solve(None if choices is None else choices["alpha"])

    def _empty_gram(self) -> ExactGram:
        return ExactGram(self._head_rows.width, self.graph_.label_values.size, 1)

    def _sum_rows(self) -> None:
        """Sum the statistics of all training rows anew."""
        self._gram = self._empty_gram()
        slots = self._rows.trained
        for first in range(0, slots.size, CHUNK):
            part = slots[first : first + CHUNK]
            self._gram.update(self._head_rows.kept(part), self._rows.codes[part])

    def _solve(self, alpha: float | None) -> None:
        """Compute the weights, choosing alpha on the validation nodes unless it is given."""
        self.classes_ = self.graph_.label_values[self._rows.classes]
        alphas = ridge_strengths(self.alpha) if alpha is None else [alpha]
        if len(alphas) == 1:
            chosen, self._weights = alphas[0], standardised_weights(self._gram, alphas[0])
        else:
            chosen, self._weights = self._choose_alpha(alphas)
        self.choices_ = {"alpha": chosen}

    def _choose_alpha(self, alphas: list[float]) -> tuple[float, NDArray[np.float64]]:
        slots = validation_slots(self.graph_)
        rows, targets = self._head_rows.of(self.graph_, slots), self._targets(self.graph_.label_codes[slots])
        return best_alpha(
            alphas,
            lambda alpha: standardised_weights(self._gram, alpha),
            lambda weights: score_predictions(linear_scores(rows, weights, 0), targets, self.scoring),
        )

    def _forget(self, plan: RemovalPlan, level: Level) -> dict[str, Any]:
        gone = distinct(plan.nodes, plan.labels)
        gone = gone[self._rows.codes[gone] >= 0]
        change = self._inputs.remove(self.graph_, plan)
        choices = self.choices_ if level == "frozen" else None
        reason = change.whole or ("a class went" if self._rows.loses_class(gone, self._gram.counts) else None)
        if reason is not None:
            self._fit(choices)
            return {
                "rows_changed": self._rows.trained.size,
                "reached": change.reached,
                "path": f"fitted anew: {reason}",
            }
        account = self._update_rows(plan, change, gone)
        self._solve(None if choices is None else choices["alpha"])
        return account

    def _update_rows(self, plan: RemovalPlan, change: InputChange, gone: NDArray[np.int64]) -> dict[str, Any]:
        """Bring rows and statistics up to date; return how many rows that took, and how it was done."""
        codes = self._rows.codes.copy()
        found = self._head_rows.update(self.graph_, plan, change, gone, MOST)
        account = {"reached": [*change.reached, found.reached], "path": found.path}
        if found.path != LOCAL:
            self._sum_rows()
            return account | {"rows_changed": self._rows.trained.size}
        self._gram.replace(found.former, found.rows, codes[found.slots])
        return account | {"rows_changed": int(found.slots.size)}

    def _scores(self, slots: NDArray[np.int64]) -> NDArray[np.float64]:
        out = np.empty((slots.size, self._weights.shape[1]))
        for first in range(0, slots.size, CHUNK):
            rows = self._head_rows.of(self.graph_, slots[first : first + CHUNK])
            out[first : first + CHUNK] = linear_scores(rows, self._weights, 0)
        return out

    def weights_digest(self) -> str:
        """Return the SHA-256 of classes and weights."""
        layers = [] if self._layers is None else self._layers.weights()
        return canonical_digest([("classes", self.classes_), ("weights", self._weights), *layers])

    def _digest_parts(self) -> list[tuple[str, Any]]:
        left_out = ("alpha", "operator", "scoring")
        configuration = {k: v for k, v in self.describe()["params"].items() if k not in left_out}
        configuration["rho"] = Operator.parse(self.operator).rho
        alive = np.flatnonzero(self.graph_.index.alive)
        propagation = self._inputs.propagation
        present = self._rows.classes
        return [
            ("configuration", configuration | self.choices_),
            ("ids", self.graph_.index.ids[alive]),
            ("classes", self.classes_),
            ("messages", propagation.messages[alive]),
            *((f"totals {hop}", t[alive]) for hop, t in enumerate(propagation.totals, start=1)),
            ("input sums", self._inputs.sums),
            ("input squares", self._inputs.squares),
            ("inputs", self._inputs.values[alive]),
            ("neighbours' labels", self._rows.around.sums[alive]),
            ("received", self._rows.received(self._rows.trained)),
            ("products", self._gram.products),
            ("sums", self._gram.sums[present]),
            ("counts", self._gram.counts[present]),
            ("weights", self._weights),
            *([] if self._layers is None else self._layers.parts()),
        ]

    def _state_arrays(self) -> dict[str, NDArray[Any]]:
        alive = np.flatnonzero(self.graph_.index.alive)
        used = np.unique(self.graph_.label_codes[self.graph_.label_codes >= 0])
        arrays = self._inputs.propagation.arrays(alive) | {"weights": self._weights}
        arrays |= {"input_sums": self._inputs.sums, "input_squares": self._inputs.squares}
        arrays |= {"received": self._rows.received(self._rows.trained), "products": self._gram.products}
        return arrays | {"sums": self._gram.sums[used], "counts": self._gram.counts[used]}

    def _restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        self._inputs = self._make_inputs()
        self._inputs.propagation.restore(arrays)
        self._inputs.restore(self.graph_, arrays["input_sums"], arrays["input_squares"])
        self._rows = self._make_rows()
        self._rows.restore(arrays["received"])
        # Layers are a function of what was restored: nothing of them is saved.
        self._fit_layers()
        self._weights = arrays["weights"]
        self.classes_ = self.graph_.label_values[self._rows.classes]
        self._gram = self._empty_gram()
        self._gram.products, self._gram.sums = arrays["products"], arrays["sums"]
        self._gram.counts = arrays["counts"]
