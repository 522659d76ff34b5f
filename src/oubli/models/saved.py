"""How a classifier is saved, and taken up again."""

from __future__ import annotations

import os
from abc import abstractmethod
from pathlib import Path
from typing import Any, Self

from numpy.typing import NDArray

from oubli.engines import Store
from oubli.errors import InputError, UnsweptError
from oubli.graph.disk.links import link_graph
from oubli.graph.state import beside_store, graph_from_arrays, graph_of_store, graph_to_arrays
from oubli.guarantees.folder import write_folder
from oubli.guarantees.levels import Level
from oubli.guarantees.position import StreamPosition
from oubli.guarantees.receipt import installed_version
from oubli.models.predictor import NodePredictor


class SavedClassifier(NodePredictor):
    """Base of classifiers that are taken apart into plain values and arrays, and put together again."""

    choices_: dict[str, Any]
    level_: Level
    stream_position: StreamPosition | None = None
    """How far the model is in a stream of requests, if one was begun: saved with it, and not in its digest."""

    _saved_as: dict[Path, str]
    """The state that this model left in each folder it was saved to."""

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

    def _store(self) -> Store | None:
        """Return the mapped files that hold the graph and the rows of the model, if it has any."""
        return None

    @classmethod
    def from_state(cls, description: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> Self:
        """Return the model in memory that `to_state` took apart."""
        model = cls.from_description(description["model"])
        model.take_graph(arrays, None)
        model.take_state(description, arrays, None)
        return model

    def take_graph(self, arrays: dict[str, NDArray[Any]], store: Store | None) -> None:
        """Take the graph out of what `to_state` took apart."""
        graph = {name.removeprefix("graph."): a for name, a in arrays.items() if name.startswith("graph.")}
        self.graph_ = graph_from_arrays(graph) if store is None else graph_of_store(store.arrays, graph)

    def take_state(self, description: dict[str, Any], arrays: dict[str, NDArray[Any]], store: Store | None) -> None:
        """Become the model that `to_state` took apart, with the graph and the parameters that are there already."""
        self.choices_, self.level_ = description["choices"], description["level"]
        if store is None:
            self._restore(arrays)
        else:
            self._open(store, arrays)
        self._start_life()
        if "stream" in description:
            self.stream_position = StreamPosition(**description["stream"])

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

    def certified_arrays(self) -> tuple[str, ...]:
        """Return the names of the state's arrays that a certificate is about; none for an exact model."""
        return ()

    @abstractmethod
    def _check_fitted(self) -> None: ...

    @abstractmethod
    def _start_life(self) -> None:
        """Begin anew as a fitted model that was not saved yet."""

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
