"""What all classifiers share: fitting and forgetting."""

from __future__ import annotations

import copy
import time
from abc import abstractmethod
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from oubli.errors import InputError, NotFittedError, OubliError
from oubli.graph.disk import compare_checksums
from oubli.graph.graph import Graph
from oubli.graph.removal import Missing, Removal, RemovalPlan
from oubli.guarantees.digest import canonical_digest
from oubli.guarantees.levels import Exact, Guarantee, Level
from oubli.guarantees.receipt import Receipt, installed_version
from oubli.models.saved import SavedClassifier


class NodeClassifier(SavedClassifier):
    """Base of the node classifiers that unlearn.

    Constructor arguments are kept as given and validated by `fit`; what is learned ends in an underscore. The model
    keeps a copy of the graph it was fitted on, which shrinks with every removal.

    Attributes
    ----------
    graph_ : Graph
        What the model still knows.
    choices_ : dict
        Choices made on the data, such as alpha; part of the digest.
    level_ : {"frozen", "reselected"}
        Whether the choices were made on the present data.
    classes_ : ndarray
        Classes that have a training node, ascending.
    """

    fewest_classes = 1
    """Classes there must be among the training nodes."""

    exact = True
    """Whether a removal leaves the bytes of a fit on what remains."""

    forgets_aside = False
    """Whether a removal that fails leaves the model as it was."""

    def fit(self, graph: Graph) -> Self:
        """Fit on the training nodes of a graph, in closed form.

        Parameters
        ----------
        graph : Graph
            With training nodes, and validation nodes where there is a choice to make. It is copied, not changed.

        Raises
        ------
        InputError
            When a parameter or the graph does not allow it.
        CapacityError
            When numbers leave the range of exact sums.
        """
        return self.fit_with(graph, None)

    def fit_with(self, graph: Graph, choices: dict[str, Any] | None) -> Self:
        """Fit with the choices given instead of making them; None makes them."""
        if not isinstance(graph, Graph):
            raise InputError(f"fit: expected a Graph, got {type(graph).__name__}; see Graph.from_edges")
        self._check_parameters()
        if graph.split_slots("train").size == 0:
            raise InputError("fit: the graph has no training nodes; give train= a mask or a list of ids")
        self._check_classes(lambda: graph.label_codes[graph.split_slots("train")])
        # Fitted aside: what was fitted before stays if this fit fails.
        fresh = copy.copy(self)
        fresh.graph_ = fresh._own(graph)
        fresh._fit(choices)
        fresh.level_ = "frozen" if choices is not None and fresh._has_choices() else "reselected"
        fresh._start_life()
        vars(self).update(vars(fresh))
        return self

    def _own(self, graph: Graph) -> Graph:
        """Return the copy of a graph that the model keeps."""
        compare_checksums(graph)
        return graph.compacted()

    def _start_life(self) -> None:
        self._fitted_as = self.describe()
        self._saved_as = {}
        self._broken: str | None = None
        self.stream_position = None

    def unlearn(self, removal: Removal, *, missing: Missing = "error", level: Level = "reselected") -> Receipt:
        """Forget what `removal` names, exactly, at the cost of the change.

        Parameters
        ----------
        removal : Removal
        missing : {"error", "ignore"}
            What to do about something that is not there: raise and change nothing, or report it in the receipt.
        level : {"reselected", "frozen"}
            Whether choices made on the data, such as alpha, are made again on what remains.

        Returns
        -------
        Receipt

        Raises
        ------
        UnknownNodeError, AlreadyRemovedError
            When something is not there; the model is unchanged.
        InputError
            When no training node would remain; the model is unchanged.
        """
        self._check_fitted()
        if level not in ("frozen", "reselected"):
            raise InputError(f'level: expected "frozen" or "reselected", got {level!r}')
        started = time.perf_counter()
        plan = self.graph_.resolve(removal, missing=missing)
        self._check_remainder(plan)
        if level == "reselected":
            self._check_choosable(plan)
        classes, choices = self.classes_.tolist(), dict(self.choices_)
        counts = {"nodes": plan.nodes.size, "edges": len(plan.edges)}
        counts |= {"features": plan.features.size, "labels": plan.labels.size}
        if (store := self._store()) is not None:
            store.begin()
        # If what follows does not come to its end, the model says so from then on instead of answering wrongly.
        self._broken = "interrupted"
        try:
            account = self._forget(plan, level)
        except Exception as error:
            self._broken = None if self._forgot_nothing() else f"interrupted by {type(error).__name__}: {error}"
            raise
        self.level_ = "frozen" if level == "frozen" and self._has_choices() else "reselected"
        self._broken = None
        return Receipt(
            guarantee=self.guarantee(),
            removed=counts,
            ignored=plan.ignored,
            remaining={
                "nodes": self.graph_.num_nodes,
                "edges": self.graph_.num_edges,
                "training_nodes": int(np.count_nonzero(self.graph_.split_codes == 1)),
            },
            choices=self.choices_,
            changed_choices={k: v for k, v in choices.items() if v != self.choices_[k]},
            classes_lost=sorted(set(classes) - set(self.classes_.tolist())),
            weights_sha256=self.weights_digest(),
            seconds=time.perf_counter() - started,
            version=installed_version(),
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            **account,
        )

    def digest(self) -> str:
        """Return the SHA-256 over the canonical bytes of configuration, statistics, weights and scores' inputs."""
        self._check_fitted()
        return canonical_digest(self._digest_parts())

    def _forgot_nothing(self) -> bool:
        """Tell whether a removal that has just failed left the model as it was."""
        return self.forgets_aside

    def guarantee(self) -> Guarantee:
        """Return what the model as it is promises of the removals so far."""
        return Exact(self.level_)

    @abstractmethod
    def weights_digest(self) -> str:
        """Return the SHA-256 of the weights alone, which is quick."""

    @abstractmethod
    def _check_parameters(self) -> None: ...

    @abstractmethod
    def _fit(self, choices: dict[str, Any] | None) -> None: ...

    @abstractmethod
    def _forget(self, plan: RemovalPlan, level: Level) -> dict[str, Any]: ...

    @abstractmethod
    def _digest_parts(self) -> list[tuple[str, Any]]: ...

    @abstractmethod
    def _has_choices(self) -> bool: ...

    @abstractmethod
    def _selection_metrics(self) -> set[str]:
        """Return the metrics by which choices are made on the validation nodes."""

    def _check_fitted(self) -> None:
        if not hasattr(self, "_fitted_as"):
            raise NotFittedError(f"this {type(self).__name__} is not fitted yet; call fit(graph) first")
        if self._broken is not None:
            raise OubliError(
                f"this model did not come to the end of a removal ({self._broken}), so it is neither the old nor the "
                "new one; load it again from where it was saved, or fit again"
            )
        if self._fitted_as != self.describe():
            raise InputError("parameters were changed after fit; call fit(graph) again, or set them back")

    def _check_remainder(self, plan: RemovalPlan) -> None:
        if not plan.nodes.size and not plan.labels.size:
            # No label goes: what could be trained on before still can, and nothing need be counted.
            return
        trains = self.graph_.split_codes == 1
        if np.count_nonzero(trains[plan.nodes]) + np.count_nonzero(trains[plan.labels]) == np.count_nonzero(trains):
            raise InputError(
                "unlearn: no training node would remain, so there would be no model; nothing was changed. "
                "Leave some labels, or delete the model"
            )

        def remaining() -> NDArray[np.int32]:
            trains[plan.nodes] = trains[plan.labels] = False
            codes: NDArray[np.int32] = self.graph_.label_codes[trains]
            return codes

        self._check_classes(remaining, "; nothing was changed")

    def _check_classes(self, codes: Callable[[], NDArray[np.int32]], outcome: str = "") -> None:
        # Gathered only by models that need several classes: it takes longer than the rest of a small removal.
        if self.fewest_classes > 1 and np.count_nonzero(np.bincount(codes())) < self.fewest_classes:
            raise InputError(
                f"{type(self).__name__} needs training nodes of {self.fewest_classes} classes or more to tell apart, "
                f"and there would be fewer{outcome}; label some nodes of another class"
            )

    def _check_choosable(self, plan: RemovalPlan) -> None:
        metrics = self._selection_metrics()
        if metrics:
            self._check_validation(plan, metrics)

    def _check_validation(self, plan: RemovalPlan, metrics: set[str]) -> None:
        splits = self.graph_.split_codes.copy()
        splits[plan.nodes] = splits[plan.labels] = 0
        left = self.graph_.label_codes[splits == 2]
        classes = np.unique(self.graph_.label_codes[splits == 1])
        enough = left.size > 0
        if "roc_auc" in metrics:
            enough = classes.size == 2 and 0 < np.count_nonzero(left == classes[1]) < left.size
        if not enough:
            raise InputError(
                "unlearn: too few validation nodes would remain to make the choices again; nothing was changed. "
                'Keep the choices with level="frozen", or leave some labels'
            )
