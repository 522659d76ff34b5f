"""LCF-Net: layers solved in closed form, and a Gaussian kernel-ridge head."""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from oubli.errors import InputError
from oubli.graph.ledger import fixed_hashes
from oubli.graph.removal import RemovalPlan
from oubli.guarantees.digest import canonical_digest
from oubli.guarantees.levels import Level
from oubli.models.base import NodeClassifier
from oubli.models.inputs import InputBlocks, InputSettings, head_rows, log_degrees
from oubli.models.kernel_head import SAMPLE, HeadInputs, KernelHead
from oubli.models.parameters import check_choice, check_integer, numbers
from oubli.models.refinement import LAYER_ALPHAS, Labels, Refinement, make_views, neighbour_labels
from oubli.models.scoring import METRICS, score_predictions
from oubli.propagation.average import Averaging
from oubli.solve.kernel import LARGEST_EXACT
from oubli.solve.leave_one_out import LeaveOneOutRidge

EXACT_ROWS = 5_000
"""Training rows from which landmarks stand in for them: a kernel of all takes their square, its solution their cube."""

LANDMARKS = 2048
LARGEST_STRENGTH = 1000
"""Of alpha, in units of a kernel that is 1 at most: beyond, coefficients drown in their own rounding."""

WIDEST = 8192
"""Columns that exact products with weights of 26 bits allow."""

HEAD_ALPHAS = [3.0, 10.0, 30.0, 100.0, 300.0, 1000.0, 3000.0, 10000.0]


class LCFNet(NodeClassifier):
    """Layer-wise closed-form refinement: a deep nonlinear model without gradient training.

    Each layer draws random features of what is known of a node and of its neighbours, and a ridge on them gives scores
    that the next layer reads. A kernel ridge on the inputs and all layers' scores decides. Every solution is a closed
    form, so a removal solves them again, whole, and leaves the bytes of a fit on what remains.

    Parameters
    ----------
    hops : int, default 2
        How many hops features travel before the layers.
    layers : int, default 2
        0 leaves the head on the propagated features alone.
    operator : {"random_walk", "symmetric"}, default "random_walk"
        Mean over the neighbours, or ``D^-1/2 A D^-1/2``, which keeps a trace of degrees.
    self_loops : bool, default False
        Whether a node counts among its neighbours.
    label_folds : int, default 0
        With 2 or more, layers see neighbours' training labels: a node learns with the labels of the other folds in
        sight, and predicts with all. 0 shows labels to the head alone.
    neighbour_labels : bool, default True
        Whether the head sees the neighbours' training labels, a node's own left out (without `label_folds`).
    random_features : int, default 256
        Of each kind and layer.
    components : int or None, default 128
        Principal components that wider features are reduced to; None keeps all.
    normalize : {"l2", None}, default "l2"
        Scaling of each feature row.
    scaling : {"column", "block"}, default "column"
        What is brought to unit variance before the head: each column, or each hop's block as a whole.
    head : {"kernel", "linear"}, default "kernel"
        "linear" is a ridge that chooses its alpha by the leave-one-out error.
    bandwidth : float or sequence of float, default 0.3
        The kernel is ``exp(-bandwidth |z - z'|^2 / median)``.
    alpha : float or sequence of float, default 1.0
        Ridge strength of the kernel head. With several values here or of `bandwidth`, the pair that scores best on the
        validation nodes is chosen.
    landmarks : int, "auto" or None, default "auto"
        Training nodes that the kernel is measured from (Nystroem), drawn by a hash of their ids; None takes all.
        "auto" takes all up to 5,000, and otherwise 2,048, and says so by a warning.
    scoring : {"accuracy", "balanced_accuracy", "roc_auc"}, default "accuracy"
    seed : int, default 0
        Of random features, folds and landmarks.

    Attributes
    ----------
    classes_, graph_, choices_
        As for every classifier; the choices are the alphas of the layers and of the head, its bandwidth, and the number
        of landmarks.

    Notes
    -----
    Pipeline B of arXiv 2605.25662. Rows of training nodes enter with their own label left out: in closed form after
    each layer, and by construction where labels are seen. docs/proofs/closed-form-layers says why the bytes are one
    function of graph and configuration, whatever the machine.

    Examples
    --------
    >>> from oubli import Removal
    >>> from oubli.graph import generate_graph
    >>> from oubli.models import LCFNet
    >>> graph = generate_graph(num_nodes=300, seed=1)
    >>> model = LCFNet(layers=1, random_features=32).fit(graph)
    >>> request = Removal(nodes=[5, 8])
    >>> receipt = model.unlearn(request)
    >>> model.digest() == LCFNet(layers=1, random_features=32).fit(graph.without(request)).digest()
    True
    """

    fewest_classes = 2
    forgets_aside = True

    def __init__(
        self,
        *,
        hops: int = 2,
        layers: int = 2,
        operator: Literal["random_walk", "symmetric"] = "random_walk",
        self_loops: bool = False,
        label_folds: int = 0,
        neighbour_labels: bool = True,
        random_features: int = 256,
        components: int | None = 128,
        normalize: Literal["l2"] | None = "l2",
        scaling: Literal["column", "block"] = "column",
        head: Literal["kernel", "linear"] = "kernel",
        bandwidth: float | Sequence[float] = 0.3,
        alpha: float | Sequence[float] = 1.0,
        landmarks: int | Literal["auto"] | None = "auto",
        scoring: str = "accuracy",
        seed: int = 0,
    ) -> None:
        self.hops = hops
        self.layers = layers
        self.operator = operator
        self.self_loops = self_loops
        self.label_folds = label_folds
        self.neighbour_labels = neighbour_labels
        self.random_features = random_features
        self.components = components
        self.normalize = normalize
        self.scaling = scaling
        self.head = head
        self.bandwidth = bandwidth
        self.alpha = alpha
        self.landmarks = landmarks
        self.scoring = scoring
        self.seed = seed

    def _check_parameters(self) -> None:
        check_integer(self.hops, "hops", 0, 64)
        check_integer(self.layers, "layers", 0, 64)
        check_integer(self.label_folds, "label_folds", 0, 64)
        check_integer(self.random_features, "random_features", 0, 4096)
        check_integer(self.seed, "seed", 0, 2**31)
        if self.label_folds == 1:
            raise InputError(
                "label_folds: with 1 every label is its own fold's, and none is seen; give 0, or 2 or more"
            )
        if self.components is not None:
            check_integer(self.components, "components (if not None)", 1, 4096)
        if self.landmarks is not None and not (isinstance(self.landmarks, str) and self.landmarks == "auto"):
            check_integer(self.landmarks, 'landmarks (if neither "auto" nor None)', 1, 8192)
        check_choice(self.operator, "operator", ("random_walk", "symmetric"))
        check_choice(self.scaling, "scaling", ("column", "block"))
        check_choice(self.head, "head", ("kernel", "linear"))
        check_choice(self.normalize, "normalize", ("l2", None))
        check_choice(self.self_loops, "self_loops", (False, True))
        check_choice(self.neighbour_labels, "neighbour_labels", (False, True))
        check_choice(self.scoring, "scoring", METRICS)
        for name in ("bandwidth", "alpha"):
            for value in numbers(getattr(self, name), name):
                if not 0 < value <= LARGEST_STRENGTH:
                    raise InputError(f"{name}: expected positive numbers up to {LARGEST_STRENGTH:,}, got {value!r}")

    def _chooses_head(self) -> bool:
        return self.head == "kernel" and len(numbers(self.bandwidth, "")) * len(numbers(self.alpha, "")) > 1

    def _has_choices(self) -> bool:
        return self.layers > 0 or self.head == "linear" or self._chooses_head() or self.landmarks == "auto"

    def _selection_metrics(self) -> set[str]:
        return {self.scoring} if self._chooses_head() else set()

    def _fit(self, choices: dict[str, Any] | None) -> None:
        self._blocks: InputBlocks | None = None
        # Here and not where it matters: a warning made an error must not stop a removal halfway.
        if self.graph_.num_features == 0:
            warnings.warn(
                "the graph has no features; LCFNet learns from degrees and neighbours' labels instead", stacklevel=4
            )
        rows = self.graph_.split_slots("train").size
        if choices is None and self.head == "kernel" and self.landmarks == "auto" and rows > EXACT_ROWS:
            warnings.warn(f"{rows} training nodes: the kernel is measured from {LANDMARKS} landmarks", stacklevel=4)
        self._solve(choices)

    def _settings(self) -> InputSettings:
        averaging = Averaging(self.operator, bool(self.self_loops))
        return InputSettings(int(self.hops), averaging, self.components, self.normalize, int(self.seed))

    def _solve(self, choices: dict[str, Any] | None) -> None:
        """Compute layers, head and the scores of all nodes, making the choices unless they are given."""
        graph = self.graph_
        if self._blocks is None:
            self._blocks = InputBlocks(graph, self._settings())
        train = graph.split_slots("train")
        present = np.unique(graph.label_codes[train])
        self.classes_ = graph.label_values[present]
        targets = np.zeros((graph.split_codes.size, present.size))
        targets[train, np.searchsorted(present, graph.label_codes[train])] = 1.0
        labels = Labels(targets, targets[train].sum(axis=0) / train.size)
        inputs = [*self._blocks.blocks, log_degrees(graph.adjacency)]
        self._check_width(sum(part.shape[1] for part in inputs), present.size)
        self.choices_: dict[str, Any] = {}
        refinement = self._refine(inputs, labels, None if choices is None else choices["layer_alphas"])
        ridges = refinement.ridges if refinement else []
        self._layers = [ridge.weights for ridge in ridges]
        self.choices_["layer_alphas"] = [ridge.alpha for ridge in ridges]
        added = [refinement.columns()] if refinement else []
        if self.neighbour_labels and not (self.label_folds and self.layers):
            added += neighbour_labels(graph, labels, self.operator)
        coarse, blockwise = self.head == "kernel", self.scaling == "block"
        self._fit_head(head_rows(inputs, added, train, coarse, blockwise), labels, train, choices)

    def _check_width(self, columns: int, classes: int) -> None:
        added = (2 * self.random_features if self.layers else 0) + 3 * classes * (1 + self.layers)
        if (self.layers or self.head == "linear") and columns + added > WIDEST:
            raise InputError(
                f"LCFNet: layers and a linear head solve for at most {WIDEST:,} columns, and there would be "
                f"{columns + added:,}; lower components, hops, layers or random_features"
            )

    def _refine(
        self, inputs: list[NDArray[np.float64]], labels: Labels, alphas: list[float] | None
    ) -> Refinement | None:
        if self.layers == 0:
            return None
        views = make_views(self.graph_, int(self.label_folds), int(self.seed))
        averaging = self._settings().averaging
        sizes = int(self.layers), int(self.random_features), int(self.seed)
        refinement = Refinement(self.graph_, averaging, inputs, labels, views, *sizes)
        for layer in range(self.layers):
            refinement.add_layer(LAYER_ALPHAS if alphas is None else [alphas[layer]])
        return refinement

    def _fit_head(
        self, rows: NDArray[Any], labels: Labels, train: NDArray[np.int64], choices: dict[str, Any] | None
    ) -> None:
        alive = np.flatnonzero(self.graph_.index.alive)
        self._all_scores = np.zeros_like(labels.targets)
        if self.head == "linear":
            alphas = HEAD_ALPHAS if choices is None else [choices["alpha"]]
            ridge = LeaveOneOutRidge.fit(rows[train], labels.targets[train], alphas)
            self._coefficients = ridge.weights
            self.choices_ |= {"alpha": ridge.alpha}
            self._all_scores[alive] = ridge.predict(rows[alive])
            self._all_scores[train] = ridge.left_out
            return
        count = self._choose_landmarks(train.size) if choices is None else choices["landmarks"]
        order = train[
            np.argsort(fixed_hashes(self.graph_.index.ids[train], "landmarks", int(self.seed)), kind="stable")
        ]
        centres = None if count is None else np.sort(order[:count])
        sample, targets = np.sort(order[:SAMPLE]), labels.targets[train]
        head = KernelHead(HeadInputs(rows, train, centres, sample, targets, labels.mean))
        bandwidths = numbers(self.bandwidth, "bandwidth") if choices is None else [choices["bandwidth"]]
        alphas = numbers(self.alpha, "alpha")[::-1] if choices is None else [choices["alpha"]]
        asked = self.graph_.split_slots("val")
        score = self._validation_score(asked) if len(bandwidths) * len(alphas) > 1 else None
        fitted = head.fit(bandwidths, alphas, score, asked)
        self._coefficients = fitted.coefficients
        self.choices_ |= {"bandwidth": fitted.bandwidth, "alpha": fitted.alpha, "landmarks": count}
        self._all_scores = head.scores(fitted, alive)

    def _choose_landmarks(self, rows: int) -> int | None:
        if self.landmarks != "auto":
            if self.landmarks is None and rows > LARGEST_EXACT:
                raise InputError(
                    f"landmarks: None means a kernel of {rows} x {rows}; up to {LARGEST_EXACT} training nodes are "
                    'solved exactly. Give a number of landmarks, or "auto"'
                )
            return None if self.landmarks is None or self.landmarks >= rows else int(self.landmarks)
        return None if rows <= EXACT_ROWS else LANDMARKS

    def _validation_score(self, slots: NDArray[np.int64]) -> Callable[[NDArray[np.float64]], float]:
        if slots.size == 0:
            raise InputError(
                "bandwidth, alpha: there are no validation nodes to choose by; give one value each, or a graph with "
                "val="
            )
        expected = self._targets(self.graph_.label_codes[slots])
        return lambda scores: score_predictions(scores, expected, self.scoring)

    def _forget(self, plan: RemovalPlan, level: Level) -> dict[str, Any]:
        # Aside, since all is solved anew anyway: what turns out to be impossible changes nothing.
        twin = copy.copy(self)
        twin.graph_ = self.graph_.copy()
        twin.graph_.apply(plan)
        # Principal components are everyone's: without one row all of them move.
        twin._blocks = None
        if self._blocks is not None and not plan.wiped.size:
            twin._blocks = copy.deepcopy(self._blocks)
            twin._blocks.refresh(twin.graph_, np.unique(plan.edges))
        twin._solve(self.choices_ if level == "frozen" else None)
        vars(self).update(vars(twin))
        asked = plan.edges.size + plan.wiped.size + plan.labels.size
        rows = int(self.graph_.split_slots("train").size) if asked else 0
        # Of the request alone: a loaded model has no inputs to keep, and tells the same.
        path = "inputs, layers and head computed again" if plan.wiped.size else "layers and head solved again"
        return {"rows_changed": rows, "reached": [], "path": path}

    def _scores(self, slots: NDArray[np.int64]) -> NDArray[np.float64]:
        return self._all_scores[slots]

    def weights_digest(self) -> str:
        """Return the SHA-256 of classes and the weights of layers and head."""
        return canonical_digest([("classes", self.classes_), *self._weights()])

    def _weights(self) -> list[tuple[str, Any]]:
        return [*((f"layer {k}", weights) for k, weights in enumerate(self._layers)), ("head", self._coefficients)]

    def _digest_parts(self) -> list[tuple[str, Any]]:
        left_out = ("bandwidth", "alpha", "landmarks", "scoring")
        configuration = {k: v for k, v in self.describe()["params"].items() if k not in left_out}
        alive = np.flatnonzero(self.graph_.index.alive)
        return [
            ("configuration", configuration | self.choices_),
            ("ids", self.graph_.index.ids[alive]),
            ("classes", self.classes_),
            *self._weights(),
            ("scores", self._all_scores[alive]),
        ]

    def _state_arrays(self) -> dict[str, NDArray[Any]]:
        alive = np.flatnonzero(self.graph_.index.alive)
        layers = {f"layer_{k}": weights for k, weights in enumerate(self._layers)}
        return {"scores": self._all_scores[alive], "head": self._coefficients} | layers

    def _restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        graph = self.graph_
        self._blocks = None
        self._all_scores, self._coefficients = arrays["scores"], arrays["head"]
        self._layers = [arrays[f"layer_{k}"] for k in range(len(self.choices_["layer_alphas"]))]
        self.classes_ = graph.label_values[np.unique(graph.label_codes[graph.split_slots("train")])]
