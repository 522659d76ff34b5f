"""Estimators that unlearn."""

from __future__ import annotations

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


def load_model(path: str | Path, **parameters: Any) -> NodeClassifier:
    """Load a model that `save` wrote, every file checked against its digest.

    Parameters
    ----------
    path : str or Path
        The model's folder.
    **parameters
        Of the estimator, such as ``engine="memory"``, to be other than they were saved.

    Raises
    ------
    InputError
        When there is no model, it is damaged or was changed, or a parameter cannot be had, such as workers that do not
        answer.
    """
    state, description, arrays = read_folder(path)
    # Resolved, as `save` has it: the store goes by its place.
    store = open_store(Path(path).resolve(), state)
    try:
        kind = estimator_class(description["model"]["class"])
        model: NodeClassifier = kind.from_state(description, arrays, store, **parameters)
    except InputError:
        # It says itself what is wrong, be it with what was saved or with the parameters given here.
        raise
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path}: the parts of the model do not fit together ({error}): damaged, changed, or written by another "
            "version of oubli; restore the model from a backup or fit again"
        ) from None
    model._saved_as[Path(path).resolve()] = state
    return model
