"""What approximate unlearning methods share: a two-layer graph convolutional network, and how a removal goes."""

from __future__ import annotations

import copy
import importlib
import math
import time
from abc import ABC, abstractmethod
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from oubli.baselines.unlearning.reach import Reach, reached_by
from oubli.errors import InputError, NotFittedError, UnsupportedRemovalError
from oubli.graph import Graph, Removal
from oubli.graph.removal import Missing, RemovalPlan
from oubli.guarantees import Guarantee
from oubli.guarantees.digest import canonical_digest
from oubli.guarantees.receipt import Receipt, installed_version
from oubli.models.parameters import check_integer
from oubli.models.predictor import NodePredictor

if TYPE_CHECKING:
    import torch

    from oubli.baselines.unlearning.objective import Objective


class UnlearningGCN(NodePredictor, ABC):
    """Base of the graph convolutional networks that unlearn, approximately.

    Attributes
    ----------
    graph_ : Graph
        What the model still knows.
    classes_ : ndarray
        Classes that have a training node, ascending.
    weights_ : ndarray of float32
        All weights as one vector: both matrices, (hidden, features) and (classes, hidden), each with its offsets.
    seconds_ : float
        What `fit` took.
    """

    kinds: ClassVar[tuple[str, ...]] = ("nodes", "edges", "features", "labels")
    """What can be removed."""

    weights_: NDArray[np.float32]
    seconds_: float
    _objective: Objective
    _all_scores: NDArray[np.float64]
    _fitted_as: dict[str, Any]
    _has_unlearned: bool

    def __init__(
        self,
        *,
        hidden: int = 64,
        epochs: int = 100,
        learning_rate: float = 0.05,
        weight_decay: float = 1e-4,
        dropout: float = 0.5,
        seed: int = 0,
    ) -> None:
        self.hidden, self.epochs, self.learning_rate = hidden, epochs, learning_rate
        self.weight_decay, self.dropout, self.seed = weight_decay, dropout, seed

    def fit(self, graph: Graph) -> Self:
        """Train on the training nodes, for a fixed number of epochs.

        Parameters
        ----------
        graph : Graph
            With features and training nodes. It is copied, not changed.

        Raises
        ------
        ImportError
            Without torch.
        InputError
            When a parameter or the graph does not allow it.
        """
        self._check_parameters()
        _check_graph(graph)
        _require_torch(type(self).__name__)
        started = time.perf_counter()
        # Aside: what was fitted before stays if this fit fails.
        fresh = copy.copy(self)
        fresh.graph_ = graph.compacted()
        fresh._train()
        fresh._fitted_as, fresh._has_unlearned = self.describe(), False
        fresh.seconds_ = time.perf_counter() - started
        vars(self).update(vars(fresh))
        return self

    def resume(self, other: UnlearningGCN) -> Self:
        """Take over what another model learned, instead of learning the same.

        Parameters
        ----------
        other : UnlearningGCN
            Fitted, and without a removal since. It is not changed, nor by what this model unlearns.

        Raises
        ------
        InputError
            When it was trained in another way, or has unlearned.
        """
        self._check_parameters()
        if not isinstance(other, UnlearningGCN):
            raise InputError(f"resume: expected a fitted model that trains alike, got {type(other).__name__}")
        other._check_fitted()
        if other._has_unlearned:
            raise InputError("resume: that model has unlearned since its fit; fit this one, or give another")
        own, theirs = self._training(), other._training()
        differing = [name for name, value in own.items() if theirs[name] != value]
        if differing:
            raise InputError(f"resume: that model was trained with other {', '.join(differing)}; fit this one instead")
        # Nothing of a fitted state is ever changed in place, so both may hold it.
        names = ("graph_", "classes_", "weights_", "seconds_", "_objective", "_all_scores", "_has_unlearned")
        vars(self).update({name: getattr(other, name) for name in names})
        self._fitted_as = self.describe()
        return self

    def unlearn(self, removal: Removal, *, missing: Missing = "error") -> Receipt:
        """Forget what `removal` names, as far as the method does.

        Parameters
        ----------
        removal : Removal
        missing : {"error", "ignore"}
            What to do about something that is not there: raise and change nothing, or report it in the receipt.

        Returns
        -------
        Receipt

        Raises
        ------
        UnknownNodeError, AlreadyRemovedError
            When something is not there; the model is unchanged.
        InputError
            When no training node would remain, the method does not remove such things, or its step fails; the model is
            unchanged.
        """
        self._check_fitted()
        started = time.perf_counter()
        smaller = self.graph_.copy()
        plan = smaller.resolve(removal, missing=missing)
        self._check_removal(plan)
        reach = reached_by(self.graph_, plan)
        smaller.apply(plan)
        fresh = copy.copy(self)
        fresh.graph_, fresh._has_unlearned = smaller.compacted(), True
        path, choices = fresh._follow(self, reach)
        classes_lost = sorted(set(self.classes_.tolist()) - set(fresh.classes_.tolist()))
        vars(self).update(vars(fresh))
        return Receipt(
            guarantee=self.guarantee(),
            removed={"nodes": plan.nodes.size, "edges": len(plan.edges)}
            | {"features": plan.features.size, "labels": plan.labels.size},
            ignored=plan.ignored,
            remaining={
                "nodes": self.graph_.num_nodes,
                "edges": self.graph_.num_edges,
                "training_nodes": self._objective.slots.size,
            },
            rows_changed=int(np.count_nonzero(reach.left)),
            reached=reach.counts,
            path=path,
            choices=choices,
            classes_lost=classes_lost,
            weights_sha256=self.weights_digest(),
            seconds=time.perf_counter() - started,
            version=installed_version(),
            created=datetime.now(UTC).isoformat(timespec="seconds"),
        )

    def weights_digest(self) -> str:
        """Return the SHA-256 of classes and weights."""
        self._check_fitted()
        return canonical_digest([("classes", self.classes_), ("weights", self.weights_)])

    @abstractmethod
    def guarantee(self) -> Guarantee:
        """Return what the model promises of a removal."""

    @abstractmethod
    def _follow(self, former: UnlearningGCN, reach: Reach) -> tuple[str, dict[str, Any]]:
        """Bring the weights of `former` to this graph, a removal further; return how, and the choices made."""

    def _training(self) -> dict[str, Any]:
        """Return everything that the training of a graph depends on."""
        names = ("hidden", "epochs", "learning_rate", "weight_decay", "dropout", "seed")
        return {name: getattr(self, name) for name in names} | {"noise_std": 0.0}

    def _noise(self, size: int) -> torch.Tensor | None:
        """Return the linear term of the objective, if there is one."""
        return None

    def _train(self) -> None:
        from oubli.baselines.unlearning.objective import Objective, Shape
        from oubli.baselines.unlearning.training import train

        self.classes_ = taught_classes(self.graph_)
        shape = Shape(self.graph_.num_features, int(self.hidden), self.classes_.size)
        noise = self._noise(sum(shape.sizes))
        objective = Objective(self.graph_, self.classes_, shape, self.weight_decay, noise)
        self._keep(objective, train(objective, self.epochs, self.learning_rate, self.dropout, self.seed))

    def _keep(self, objective: Objective, weights: torch.Tensor) -> None:
        self._objective, self.weights_ = objective, weights.numpy()
        self._all_scores = objective.scores(weights).double().numpy()

    def _scores(self, slots: NDArray[np.int64]) -> NDArray[np.float64]:
        scores: NDArray[np.float64] = self._all_scores[slots]
        return scores

    def _check_fitted(self) -> None:
        if not hasattr(self, "_fitted_as"):
            raise NotFittedError(f"this {type(self).__name__} is not fitted yet; call fit(graph) first")
        if self._fitted_as != self.describe():
            raise InputError("parameters were changed after fit; call fit(graph) again, or set them back")

    def _check_removal(self, plan: RemovalPlan) -> None:
        asked = {"nodes": plan.nodes, "edges": plan.asked, "features": plan.features, "labels": plan.labels}
        for kind, found in asked.items():
            if len(found) and kind not in self.kinds:
                raise UnsupportedRemovalError(
                    f"{type(self).__name__} never removes {kind}, only {' and '.join(self.kinds)}; nothing was "
                    "changed. Use another method"
                )
        stays = self.graph_.split_codes == 1
        stays[plan.nodes] = stays[plan.labels] = False
        if not stays.any():
            raise InputError(
                "unlearn: no training node would remain, so there would be no model; nothing was changed. "
                "Leave some labels, or delete the model"
            )

    def _check_parameters(self) -> None:
        check_integer(self.hidden, "hidden", 1, 65_536)
        check_integer(self.epochs, "epochs", 1, 1_000_000)
        check_integer(self.seed, "seed", 0, 2**63 - 1)
        check_number(self.learning_rate, "learning_rate", 1e-12, math.inf)
        check_number(self.weight_decay, "weight_decay", 0.0, math.inf)
        check_number(self.dropout, "dropout", 0.0, 0.99)


def taught_classes(graph: Graph) -> NDArray[Any]:
    """Return the classes that have a training node, ascending."""
    classes: NDArray[Any] = graph.label_values[np.unique(graph.label_codes[graph.split_slots("train")])]
    return classes


def check_number(given: Any, name: str, least: float, most: float) -> None:
    """Check a parameter that is a finite number from `least` to `most`.

    Raises
    ------
    InputError
        When it is something else, or out of range.
    """
    if isinstance(given, bool) or not isinstance(given, int | float) or not least <= given <= most or given == math.inf:
        raise InputError(f"{name}: expected a number from {least} to {most}, got {given!r}")


def _check_graph(graph: Graph) -> None:
    if not isinstance(graph, Graph):
        raise InputError(f"fit: expected a Graph, got {type(graph).__name__}; see Graph.from_edges")
    if not graph.num_features:
        raise InputError("fit: the graph has no features, and a network needs some; give features=")
    if not graph.split_slots("train").size:
        raise InputError("fit: the graph has no training nodes; give train= a mask or a list of ids")


def _require_torch(name: str) -> None:
    try:
        importlib.import_module("torch")
    except ImportError:
        raise ImportError(f"{name} needs torch: pip install 'oubli[attacks]'") from None
