"""Estimators that unlearn."""

from __future__ import annotations

from pathlib import Path

from oubli.guarantees.folder import read_folder
from oubli.models.base import NodeClassifier, estimator_class
from oubli.models.correct_and_smooth import CorrectAndSmooth
from oubli.models.sgc import SGCRidge

__all__ = ["CorrectAndSmooth", "NodeClassifier", "SGCRidge", "load_model"]


def load_model(path: str | Path) -> NodeClassifier:
    """Load a model that `save` wrote, every file checked against its digest.

    Parameters
    ----------
    path : str or Path
        The model's folder.

    Raises
    ------
    InputError
        When there is no model, or it was truncated or tampered with.
    """
    state, description, arrays = read_folder(path)
    model = estimator_class(description["model"]["class"]).from_state(description, arrays)
    model._saved_as = (Path(path).resolve(), state)
    return model
