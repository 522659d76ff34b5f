"""Estimators that unlearn."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from oubli.errors import InputError
from oubli.guarantees.folder import read_folder
from oubli.guarantees.stores import open_store
from oubli.models.base import NodeClassifier
from oubli.models.certified import CertifiedClassifier
from oubli.models.correct_and_smooth import CorrectAndSmooth
from oubli.models.lcf import LCFNet
from oubli.models.parameters import estimator_class
from oubli.models.random_feature import RandomFeatureNet
from oubli.models.routed import RoutedClassifier
from oubli.models.sgc import SGCRidge

__all__ = [
    "CertifiedClassifier",
    "CorrectAndSmooth",
    "LCFNet",
    "NodeClassifier",
    "RandomFeatureNet",
    "RoutedClassifier",
    "SGCRidge",
    "load_model",
]


def load_model(
    path: str | Path,
    *,
    engine: str | None = None,
    scratch: str | Path | None = None,
    workers: int | str | None = None,
) -> NodeClassifier:
    """Load a model that `save` wrote, every file checked against its digest.

    Parameters
    ----------
    path : str or Path
        The model's folder.
    engine : {"auto", "memory", "mmap", "dask"}, optional
        Where it is computed from now on; without it, where the model was saved from: memory or mapped files.
    scratch : str or Path, optional
        Folder for mapped files.
    workers : int or str, optional
        How many Dask workers to start, or the address of a scheduler.

    Raises
    ------
    InputError
        When there is no model, it is damaged or was changed, or cannot be computed where it is asked to be: no
        scheduler answers, the folder cannot be written to, or the estimator has no engines.
    """
    state, description, arrays = read_folder(path)
    # Resolved, as `save` has it: the store goes by its place.
    store = open_store(Path(path).resolve(), state)
    with _fitting_together(path, InputError):
        kind = estimator_class(description["model"]["class"])
        model: NodeClassifier = kind.from_description(description["model"])
    with _fitting_together(path):
        model._check_parameters()
    _place(model, engine=engine, scratch=scratch, workers=workers)
    with _fitting_together(path):
        model.take_graph(arrays, store)
    with _fitting_together(path, InputError):
        model.take_state(description, arrays, store)
    model._saved_as[Path(path).resolve()] = state
    return model


def _place(model: NodeClassifier, **asked: Any) -> None:
    asked = {name: value for name, value in asked.items() if value is not None}
    if asked and "engine" not in model.get_params(deep=False):
        raise InputError(f"{type(model).__name__} is computed in memory alone; leave out {', '.join(asked)}")
    if "scratch" in asked:
        if not isinstance(asked["scratch"], str | Path):
            raise InputError(f"scratch: expected the path of a folder, got {asked['scratch']!r}")
        asked["scratch"] = str(asked["scratch"])
    model.set_params(**asked)._check_parameters()


@contextmanager
def _fitting_together(path: str | Path, *told: type[Exception]) -> Iterator[None]:
    """Call what fails within damage to what was saved, but for errors that tell of something else."""
    try:
        yield
    except told:
        raise
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path}: the parts of the model do not fit together ({error}): damaged, changed, or written by another "
            "version of oubli; restore the model from a backup or fit again"
        ) from None
