"""What all classifiers share: fitting, forgetting, predicting, and being saved."""

from __future__ import annotations

import copy
import os
import time
from abc import abstractmethod
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from oubli.engines import Store
from oubli.errors import InputError, NotFittedError, OubliError, UnsweptError
from oubli.graph.disk import compare_checksums
from oubli.graph.disk.links import link_graph
from oubli.graph.graph import Graph
from oubli.graph.removal import Missing, Removal, RemovalPlan
from oubli.graph.state import beside_store, graph_from_arrays, graph_of_store, graph_to_arrays
from oubli.guarantees.digest import canonical_digest
from oubli.guarantees.folder import write_folder
from oubli.guarantees.levels import Exact, Guarantee, Level
from oubli.guarantees.position import StreamPosition
from oubli.guarantees.receipt import Receipt, installed_version
from oubli.models.predictor import NodePredictor


class NodeClassifier(NodePredictor):
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

    choices_: dict[str, Any]
    level_: Level
    stream_position: StreamPosition | None = None
    """How far the model is in a stream of requests, if one was begun: saved with it, and not in its digest."""

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
        self._check_classes(graph.label_codes[graph.split_slots("train")])
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
        self._saved_as: dict[Path, str] = {}
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

    def save(self, path: str | Path) -> None:
        """Save to a folder, all or nothing: a folder that holds a model is replaced.

        Raises
        ------
        CapacityError
            When the disk is full; what was there stays.
        UnsweptError
            When the new state is in force, but the former one could not be deleted.
        """
        self._check_fitted()
        target = Path(path).resolve()
        expected = self._saved_as.get(target) if target.exists() else None
        description, arrays = self.to_state()
        try:
            self._saved_as[target] = write_folder(target, description, arrays, expected, self._store())
        except UnsweptError as error:
            self._saved_as[target] = error.state
            raise

    def to_state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        """Return the model as plain values and arrays, holding nothing that was removed."""
        self._check_fitted()
        description = {
            "oubli": installed_version(),
            "model": self._kept_description(),
            "choices": self.choices_,
            "level": self.level_,
        }
        if self.stream_position is not None:
            description["stream"] = self.stream_position.to_dict()
        kept = graph_to_arrays(self.graph_) if self._store() is None else beside_store(self.graph_)
        return description, {f"graph.{name}": array for name, array in kept.items()} | self._state_arrays()

    def _forgot_nothing(self) -> bool:
        """Tell whether a removal that has just failed left the model as it was."""
        return self.forgets_aside

    def _store(self) -> Store | None:
        """Return the mapped files that hold the graph and the rows of the model, if it has any."""
        return None

    @classmethod
    def from_state(
        cls,
        description: dict[str, Any],
        arrays: dict[str, NDArray[Any]],
        store: Store | None = None,
        **parameters: Any,
    ) -> Self:
        """Return the model that `to_state` took apart, with the store it was saved with, and other `parameters`."""
        model = cls.from_description(description["model"]).set_params(**parameters)
        model.take_graph(arrays, store)
        return model.take_state(description, arrays, store)

    def take_graph(self, arrays: dict[str, NDArray[Any]], store: Store | None) -> None:
        """Take the graph out of what `to_state` took apart."""
        graph = {name.removeprefix("graph."): a for name, a in arrays.items() if name.startswith("graph.")}
        self.graph_ = graph_from_arrays(graph) if store is None else graph_of_store(store.arrays, graph)

    def take_state(self, description: dict[str, Any], arrays: dict[str, NDArray[Any]], store: Store | None) -> Self:
        """Become the model that `to_state` took apart, with the graph and the parameters that are there already."""
        self.choices_, self.level_ = description["choices"], description["level"]
        if store is None:
            self._restore(arrays)
        else:
            self._open(store, arrays)
        self._start_life()
        if "stream" in description:
            self.stream_position = StreamPosition(**description["stream"])
        return self

    def write_remains(self, folder: Path) -> dict[str, Any]:
        """Write the data that the model still holds, and nothing that it made of them; return its description."""
        store = self._store()
        description, arrays = self.to_state()
        # The ledger of removed ids is nothing to fit from.
        raw = {name: a for name, a in arrays.items() if name.startswith("graph.") and "ledger" not in name}
        write_folder(folder, description, raw | {name: arrays[name] for name in self.certified_arrays()})
        if store is not None:
            link_graph(store.folder, store.files, folder)
        return description

    def roomy_folder(self) -> Path | None:
        """Return a folder with room for files like the model's own; None where that of the system will do."""
        store = self._store()
        if store is None:
            return None
        beside = store.folder.parent if store.settled_as is None else store.folder.parent.parent
        return beside if os.access(beside, os.W_OK) else None

    def guarantee(self) -> Guarantee:
        """Return what the model as it is promises of the removals so far."""
        return Exact(self.level_)

    def certified_arrays(self) -> tuple[str, ...]:
        """Return the names of the state's arrays that a certificate is about; none for an exact model."""
        return ()

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

    def _kept_description(self) -> dict[str, Any]:
        """Return the description without what only removed data gave a meaning to."""
        return self.describe()

    @abstractmethod
    def _state_arrays(self) -> dict[str, NDArray[Any]]: ...

    @abstractmethod
    def _restore(self, arrays: dict[str, NDArray[Any]]) -> None: ...

    def _open(self, store: Store, arrays: dict[str, NDArray[Any]]) -> None:
        """Take over a state whose large arrays are in a store; models with such states do."""
        raise InputError(f"{type(self).__name__} is not kept in mapped files; restore the model from a backup")

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
        stays = trains.copy()
        stays[plan.nodes] = stays[plan.labels] = False
        self._check_classes(self.graph_.label_codes[stays], "; nothing was changed")

    def _check_classes(self, codes: NDArray[np.int32], outcome: str = "") -> None:
        if self.fewest_classes > 1 and np.count_nonzero(np.bincount(codes)) < self.fewest_classes:
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
