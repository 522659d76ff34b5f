"""Graph neural networks behind the interface of the estimators that unlearn."""

from __future__ import annotations

import copy
import importlib
import math
import time
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from oubli.errors import InputError, NotFittedError
from oubli.graph import Graph
from oubli.models.parameters import check_choice, check_integer
from oubli.models.predictor import NodePredictor
from oubli.models.scoring import METRICS


class GNNClassifier(NodePredictor):
    """A graph neural network, trained full batch on cross entropy by Adam; it cannot unlearn.

    With two layers and neither normalization nor residual: the networks of Kipf and Welling (GCN), Hamilton et al.
    (GraphSAGE, mean) and Velickovic et al. (GAT). With either: the deep recipe of Luo et al. (2024), in which every
    layer is convolution plus linear residual, normalization, ReLU and dropout, and a linear layer gives the classes.
    Needs ``pip install 'oubli[attacks,pyg]'``.

    Parameters
    ----------
    kind : {"gcn", "sage", "gat"}
    layers : int, default 2
    hidden : int, default 64
        Width of the hidden layers; of GAT, that of all heads together.
    heads : int, default 8
        For GAT. The last layer has one head, unless the network is deep.
    dropout : float, default 0.5
        Share of what a hidden layer puts out, and of GAT's attention; to a 256th.
    input_dropout : float, default 0.0
        Share of the inputs' entries.
    learning_rate, weight_decay : float
        Of Adam.
    normalization : {None, "layer", "batch"}
    residual : bool, default False
    row_normalize : bool, default False
        Scale the inputs' rows to length 1.
    epochs : int, default 500
    patience : int, default 60
        Training ends this many epochs after the best one.
    evaluate_every : int, default 2
        Epochs between looks at the validation nodes.
    scoring : {"accuracy", "balanced_accuracy", "roc_auc"}
        What the best epoch is chosen by; of equals, the one with the lower loss.
    seed : int, default 0
        On one thread, same seed, same network.

    Attributes
    ----------
    graph_ : Graph
        What the network was trained on.
    classes_ : ndarray
        Classes that have a training node, ascending.
    network_ : torch.nn.Module
        With the weights of the best epoch.
    best_epoch_, epochs_ : int
        The epoch that was best, and how many were trained.
    seconds_, cpu_seconds_ : float
        What `fit` took.

    Examples
    --------
    >>> from oubli.baselines import GNNClassifier
    >>> from oubli.graph import generate_graph
    >>> model = GNNClassifier(kind="sage", hidden=16, epochs=20).fit(generate_graph(200, seed=1))
    >>> model.predict([7, 3]).shape
    (2,)
    """

    network_: Any
    _all_scores: NDArray[np.float64]
    _fitted_as: dict[str, Any]
    best_epoch_: int
    epochs_: int
    seconds_: float
    cpu_seconds_: float

    def __init__(
        self,
        *,
        kind: str = "gcn",
        layers: int = 2,
        hidden: int = 64,
        heads: int = 8,
        dropout: float = 0.5,
        input_dropout: float = 0.0,
        learning_rate: float = 0.01,
        weight_decay: float = 5e-4,
        normalization: str | None = None,
        residual: bool = False,
        row_normalize: bool = False,
        epochs: int = 500,
        patience: int = 60,
        evaluate_every: int = 2,
        scoring: str = "accuracy",
        seed: int = 0,
    ) -> None:
        self.kind, self.layers, self.hidden, self.heads = kind, layers, hidden, heads
        self.dropout, self.input_dropout = dropout, input_dropout
        self.learning_rate, self.weight_decay = learning_rate, weight_decay
        self.normalization, self.residual, self.row_normalize = normalization, residual, row_normalize
        self.epochs, self.patience, self.evaluate_every = epochs, patience, evaluate_every
        self.scoring, self.seed = scoring, seed

    def fit(self, graph: Graph) -> Self:
        """Train on the training nodes, and keep the weights of the epoch that is best on the validation nodes.

        Parameters
        ----------
        graph : Graph
            With features, training and validation nodes. It is copied, not changed.

        Raises
        ------
        ImportError
            Without torch or torch_geometric.
        InputError
            When a parameter or the graph does not allow it.
        """
        self._check_parameters()
        _check_graph(graph, self.scoring)
        _require_libraries()
        from oubli.baselines.networks import Shape
        from oubli.baselines.training import Schedule, train

        started, started_cpu = time.perf_counter(), time.process_time()
        kept = graph.compacted()
        # Aside: what was fitted before stays if this fit fails.
        fresh = copy.copy(self)
        fresh.graph_ = kept
        fresh.classes_ = kept.label_values[np.unique(kept.label_codes[kept.split_slots("train")])]
        targets = fresh._targets(kept.label_codes)
        given = self.get_params()
        shape = Shape(**{name: given[name] for name in Shape.__dataclass_fields__})
        schedule = Schedule(**{name: given[name] for name in Schedule.__dataclass_fields__})
        trained = train(kept, targets, fresh.classes_.size, shape, schedule, self.row_normalize)
        fresh.network_, fresh._all_scores = trained.network, trained.scores
        fresh.best_epoch_, fresh.epochs_ = trained.best_epoch, trained.epochs
        fresh.seconds_, fresh.cpu_seconds_ = time.perf_counter() - started, time.process_time() - started_cpu
        fresh._fitted_as = self.describe()
        vars(self).update(vars(fresh))
        return self

    def _scores(self, slots: NDArray[np.int64]) -> NDArray[np.float64]:
        scores: NDArray[np.float64] = self._all_scores[slots]
        return scores

    def _check_fitted(self) -> None:
        if not hasattr(self, "_fitted_as"):
            raise NotFittedError("this GNNClassifier is not fitted yet; call fit(graph) first")
        if self._fitted_as != self.describe():
            raise InputError("parameters were changed after fit; call fit(graph) again, or set them back")

    def _check_parameters(self) -> None:
        check_choice(self.kind, "kind", ("gcn", "sage", "gat"))
        check_choice(self.normalization, "normalization", (None, "layer", "batch"))
        check_choice(self.scoring, "scoring", METRICS)
        for name in ("residual", "row_normalize"):
            check_choice(getattr(self, name), name, (False, True))
        for name in ("layers", "hidden", "heads", "epochs", "patience", "evaluate_every"):
            check_integer(getattr(self, name), name, 1, 1_000_000)
        check_integer(self.seed, "seed", 0, 2**63 - 1)
        for name, most in (("dropout", 0.99), ("input_dropout", 0.99), ("weight_decay", math.inf)):
            _check_number(name, getattr(self, name), 0.0, most)
        _check_number("learning_rate", self.learning_rate, 1e-12, math.inf)
        if self.kind == "gat" and self.hidden % self.heads:
            raise InputError(f"hidden: {self.hidden} does not divide by {self.heads} heads; it is their total width")


def _check_graph(graph: Graph, scoring: str) -> None:
    if not isinstance(graph, Graph):
        raise InputError(f"fit: expected a Graph, got {type(graph).__name__}; see Graph.from_edges")
    if not graph.num_features:
        raise InputError("fit: the graph has no features, and a network needs some; give features=")
    for name, place in (("training", "train"), ("validation", "val")):
        if not graph.split_slots(place).size:
            raise InputError(f"fit: the graph has no {name} nodes; give {place}= a mask or a list of ids")
    taught, checked = (set(graph.label_codes[graph.split_slots(name)].tolist()) for name in ("train", "val"))
    if scoring == "roc_auc" and not (len(taught) == 2 and checked == taught):
        raise InputError("scoring: roc_auc needs two classes, both among training and validation nodes; use accuracy")
    if not taught & checked:
        raise InputError("fit: no validation node has the class of a training node; give others as val=")


def _check_number(name: str, given: Any, least: float, most: float) -> None:
    if isinstance(given, bool) or not isinstance(given, int | float) or not least <= given <= most or given == math.inf:
        raise InputError(f"{name}: expected a number from {least} to {most}, got {given!r}")


def _require_libraries() -> None:
    for name in ("torch", "torch_geometric"):
        try:
            importlib.import_module(name)
        except ImportError:
            raise ImportError(f"GNNClassifier needs {name}: pip install 'oubli[attacks,pyg]'") from None
