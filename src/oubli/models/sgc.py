"""Simple graph convolution with a ridge head, which forgets at the cost of the change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from oubli.engines import ENGINES, Account, Engine, MappedEngine, Recipe, Store, choose_engine, restore_engine
from oubli.engines.choice import EngineName
from oubli.engines.workers import checked_workers
from oubli.graph.graph import Graph
from oubli.graph.removal import RemovalPlan
from oubli.guarantees.digest import Rows, canonical_digest
from oubli.guarantees.levels import Level
from oubli.models.base import NodeClassifier
from oubli.models.parameters import check_choice, check_integer
from oubli.models.ridge_strength import best_alpha, ridge_strengths, validation_slots
from oubli.models.scoring import METRICS, score_predictions
from oubli.propagation import Operator, Quantiser
from oubli.solve import class_weights, linear_scores, weights_from_gram, weights_from_rows

CHUNK = 8192
WIDE = 2048
"""Features from which ``projection="auto"`` considers a projection."""

PROJECTED = 1024
SEED = 0


class SGCRidge(NodeClassifier):
    """Propagated features and a ridge classifier, in closed form.

    Parameters
    ----------
    hops : int, default 2
        How many times features are averaged over neighbours.
    operator : {"random_walk", "symmetric"} or float, default "random_walk"
        The normalisation, or ScaleGUN's convolution coefficient in [0, 1].
    alpha : float or sequence of float, default 1.0
        Ridge strength. Of several, the one that scores best on the validation nodes is chosen, the largest of equals.
    representation : {"last", "concat"}, default "last"
        The last hop's embedding, or those of all hops from 0 on, side by side.
    normalize : {"l2", None}, default "l2"
        Scaling of each feature row.
    class_weight : "balanced", mapping or None, default None
        Weights of the classes in the squared error, as in scikit-learn.
    projection : int, "auto" or None, default "auto"
        Width of a random sign projection of the features, fixed by a constant seed. "auto" projects to 1,024 columns
        when there are more than 2,048 features and more training nodes than that.
    fraction_bits : int, default 12
        Fractional bits of the integers that features become.
    scoring : {"accuracy", "balanced_accuracy", "roc_auc"}, default "accuracy"
        What alpha is chosen by.
    engine : {"auto", "memory", "mmap", "dask"}, default "auto"
        Where rows and sums are: in memory, in mapped files, or on the workers of a Dask cluster; "auto" takes mapped
        files where memory would not do. The bytes of the model do not depend on it.
    scratch : str, optional
        Folder for the mapped files of a model that is not saved yet; that of the system without it.
    workers : int or str, optional
        Dask workers to start on this machine, or the address of a scheduler.

    Attributes
    ----------
    classes_ : ndarray, shape (classes,)
        Classes that have a training node.
    coef_ : ndarray of float64, shape (classes, columns)
    intercept_ : ndarray of float64, shape (classes,)
    alpha_ : float
        The ridge strength in force.
    graph_ : Graph
        What the model still knows.
    choices_ : dict
        The choices in force: alpha and projection.

    Notes
    -----
    Pipeline A of arXiv 2605.25662, over integers. After `unlearn` the model has the bytes of one fitted on what remains
    (docs/proofs); removal of an edge touches hop `l` only within ``l - 1`` hops of its ends under "random_walk", within
    `l` hops otherwise.

    Examples
    --------
    >>> from oubli import Removal
    >>> from oubli.graph import generate_graph
    >>> from oubli.models import SGCRidge
    >>> graph = generate_graph(num_nodes=300, seed=1)
    >>> model = SGCRidge(hops=2).fit(graph)
    >>> request = Removal(nodes=[5, 8])
    >>> receipt = model.unlearn(request)
    >>> model.digest() == SGCRidge(hops=2).fit(graph.without(request)).digest()
    True
    """

    def __init__(
        self,
        *,
        hops: int = 2,
        operator: str | float = "random_walk",
        alpha: float | Sequence[float] = 1.0,
        representation: Literal["last", "concat"] = "last",
        normalize: Literal["l2"] | None = "l2",
        class_weight: str | Mapping[Any, float] | None = None,
        projection: int | Literal["auto"] | None = "auto",
        fraction_bits: int = 12,
        scoring: str = "accuracy",
        engine: EngineName = "auto",
        scratch: str | None = None,
        workers: int | str | None = None,
    ) -> None:
        self.hops = hops
        self.operator = operator
        self.alpha = alpha
        self.representation = representation
        self.normalize = normalize
        self.class_weight = class_weight
        self.projection = projection
        self.fraction_bits = fraction_bits
        self.scoring = scoring
        self.engine = engine
        self.scratch = scratch
        self.workers = workers

    @property
    def coef_(self) -> NDArray[np.float64]:
        """Weights of the embedding's columns, shape (classes, columns)."""
        self._check_fitted()
        weights: NDArray[np.float64] = self._weights[:-1].T
        return weights

    @property
    def intercept_(self) -> NDArray[np.float64]:
        """Constant terms, shape (classes,)."""
        self._check_fitted()
        intercept: NDArray[np.float64] = self._weights[-1]
        return intercept

    @property
    def alpha_(self) -> float:
        """The ridge strength in force."""
        self._check_fitted()
        return float(self.choices_["alpha"])

    def _check_parameters(self) -> None:
        check_integer(self.hops, "hops", 1, 64)
        check_integer(self.fraction_bits, "fraction_bits", 4, 20)
        check_choice(self.representation, "representation", ("last", "concat"))
        check_choice(self.normalize, "normalize", ("l2", None))
        check_choice(self.scoring, "scoring", METRICS)
        if self.projection not in ("auto", None):
            check_integer(self.projection, 'projection (if neither "auto" nor None)', 1, 2**20)
        check_choice(self.engine, "engine", ENGINES)
        checked_workers(self.workers)
        Operator.parse(self.operator)
        self._alphas()

    def _alphas(self) -> list[float]:
        return ridge_strengths(self.alpha)

    def _has_choices(self) -> bool:
        return len(self._alphas()) > 1 or (self.projection == "auto" and self.graph_.num_features > WIDE)

    def _selection_metrics(self) -> set[str]:
        return {self.scoring} if len(self._alphas()) > 1 else set()

    def _choose_projection(self) -> int | None:
        if self.projection != "auto":
            return self.projection
        wide = self.graph_.num_features > WIDE
        return PROJECTED if wide and np.count_nonzero(self.graph_.split_codes == 1) > WIDE else None

    @property
    def engine_(self) -> Engine:
        """What computes rows and sums: its `name`, and `why` it was chosen."""
        self._check_fitted()
        return self._engine

    def _own(self, graph: Graph) -> Graph:
        self._engine = self._make_engine(graph)
        return self._engine.own(graph)

    def _forgot_nothing(self) -> bool:
        return self._engine.forgets_aside and not self._engine_forgot

    def _make_engine(self, graph: Graph) -> Engine:
        return choose_engine(self.engine, graph, self._recipe(None), self.scratch, self.workers)

    def _store(self) -> Store | None:
        return self._engine.store if isinstance(self._engine, MappedEngine) else None

    def _fit(self, choices: dict[str, Any] | None) -> None:
        projection = self._choose_projection() if choices is None else choices["projection"]
        self._engine.fit(self._recipe(projection))
        self._solve(projection, None if choices is None else choices["alpha"])

    def _recipe(self, projection: int | None) -> Recipe:
        outputs = tuple(range(self.hops + 1)) if self.representation == "concat" else (self.hops,)
        quantiser = Quantiser(self.fraction_bits, self.normalize, projection, SEED)
        return Recipe(Operator.parse(self.operator), self.hops, outputs, quantiser, self.class_weight is not None)

    def _class_weights(self) -> NDArray[np.int64] | None:
        return class_weights(self.class_weight, self.graph_.label_values, self._engine.class_counts)

    def _solve(self, projection: int | None, alpha: float | None) -> None:
        """Compute the weights, choosing alpha on the validation nodes unless it is given."""
        self.classes_ = self.graph_.label_values[self._engine.class_counts > 0]
        weights = self._class_weights()
        alphas = self._alphas() if alpha is None else [alpha]
        if len(alphas) == 1:
            chosen, self._weights = alphas[0], self._solve_at(alphas[0], weights)
        else:
            chosen, self._weights = self._choose_alpha(alphas, weights)
        self.choices_ = {"alpha": chosen, "projection": projection}

    def _choose_alpha(
        self, alphas: list[float], weights: NDArray[np.int64] | None
    ) -> tuple[float, NDArray[np.float64]]:
        slots = validation_slots(self.graph_)
        # The validation rows are embedded once; only the weights differ between alphas.
        rows, targets = self._engine.embed(slots), self._targets(self.graph_.label_codes[slots])
        return best_alpha(
            alphas,
            lambda alpha: self._solve_at(alpha, weights),
            lambda candidate: score_predictions(
                linear_scores(rows, candidate, self.fraction_bits), targets, self.scoring
            ),
        )

    def _solve_at(self, alpha: float, weights: NDArray[np.int64] | None) -> NDArray[np.float64]:
        gram = self._engine.gram
        if gram is not None:
            return weights_from_gram(gram, alpha, self.fraction_bits, weights)
        slots = self._engine.training_slots()
        rows, codes = self._engine.embed(slots), self._engine.codes[slots]
        return weights_from_rows(rows, codes, 2**self.fraction_bits, alpha, self.fraction_bits, weights)

    def _forget(self, plan: RemovalPlan, level: Level) -> dict[str, Any]:
        self._engine_forgot = False
        account = self._engine.forget(plan)
        self._engine_forgot = True
        projection = self.choices_["projection"]
        if level == "reselected" and self._choose_projection() != projection:
            self._fit(None)
            trained_rows = int(self._engine.class_counts.sum())
            account = Account(trained_rows, account.reached, "fitted anew: projection changed")
        else:
            self._solve(projection, self.choices_["alpha"] if level == "frozen" else None)
        return asdict(account)

    def _scores(self, slots: NDArray[np.int64]) -> NDArray[np.float64]:
        out = np.empty((slots.size, self._weights.shape[1]))
        for first in range(0, slots.size, CHUNK):
            rows = self._engine.embed(slots[first : first + CHUNK])
            out[first : first + CHUNK] = linear_scores(rows, self._weights, self.fraction_bits)
        return out

    def weights_digest(self) -> str:
        """Return the SHA-256 of classes and weights."""
        return canonical_digest([("classes", self.classes_), ("weights", self._weights)])

    def _digest_parts(self) -> list[tuple[str, Any]]:
        fixed = ("representation", "normalize")
        configuration = {name: getattr(self, name) for name in fixed} | self.choices_
        configuration |= {"hops": int(self.hops), "fraction_bits": int(self.fraction_bits)}
        configuration |= {"rho": Operator.parse(self.operator).rho}
        weights = self._class_weights()
        if weights is not None:
            configuration["class_weight"] = weights[self._engine.class_counts > 0].tolist()
        alive = self.graph_.index.living_slots()
        parts: list[tuple[str, Any]] = [
            ("configuration", configuration),
            ("ids", self.graph_.index.ids[alive]),
            ("classes", self.classes_),
        ]
        parts += [(name.replace("_", " "), Rows(stored, alive)) for name, stored in self._engine.stored().items()]
        gram = self._engine.gram
        if gram is not None:
            present = np.flatnonzero(gram.counts)
            groups = present if len(gram.products) > 1 else slice(None)
            parts += [("products", gram.products[groups]), ("sums", gram.sums[present])]
            parts += [("counts", gram.counts[present])]
        return [*parts, ("weights", self._weights)]

    def _kept_description(self) -> dict[str, Any]:
        kept = self.describe()
        # Where a model is computed is for who computes it to say, not for who fitted it.
        kept["params"] |= {"engine": "auto", "scratch": None, "workers": None}
        if isinstance(self.class_weight, Mapping):
            classes = set(self.graph_.classes.tolist())
            pairs = kept["params"]["class_weight"]["pairs"]
            kept["params"]["class_weight"]["pairs"] = [pair for pair in pairs if pair[0] in classes]
        return kept

    def _state_arrays(self) -> dict[str, NDArray[Any]]:
        arrays: dict[str, NDArray[Any]] = {"weights": self._weights}
        # In memory's form a state has the living nodes and the labels in use alone; in a store all keep their places.
        used: Any = slice(None)
        if self._store() is None:
            alive = self.graph_.index.living_slots()
            arrays |= {name: stored[alive] for name, stored in self._engine.stored().items()}
            used = np.unique(self.graph_.label_codes[self.graph_.label_codes >= 0])
        gram = self._engine.gram
        if gram is not None:
            groups = used if len(gram.products) > 1 else slice(None)
            arrays |= {"products": gram.products[groups], "sums": gram.sums[used], "counts": gram.counts[used]}
        return arrays

    def _restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        self._take_over(arrays, None)

    def _open(self, store: Store, arrays: dict[str, NDArray[Any]]) -> None:
        self._take_over(arrays, store)

    def _take_over(self, arrays: dict[str, NDArray[Any]], store: Store | None) -> None:
        recipe = self._recipe(self.choices_["projection"])
        self._engine = restore_engine(self.engine, self.graph_, recipe, arrays, store, self.scratch, self.workers)
        self.graph_ = self._engine.graph
        self._weights = arrays["weights"]
        self.classes_ = self.graph_.label_values[self._engine.class_counts > 0]
