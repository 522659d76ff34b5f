"""How sure a model is of the true class, in the scales that attacks use."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LEAST = float(np.finfo(np.float64).tiny)
"""Probabilities are taken to be this at the least: what was rounded to 0 has no logarithm."""


def losses(posteriors: NDArray[np.float64], classes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the cross entropy of each node's true class.

    Parameters
    ----------
    posteriors : ndarray of float64, shape (..., nodes, classes)
    classes : ndarray of int64, shape (nodes,)

    Returns
    -------
    ndarray of float64, shape (..., nodes)
    """
    return -np.log(np.maximum(_of_true(posteriors, classes), LEAST))


def logits(posteriors: NDArray[np.float64], classes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return ``log(p / (1 - p))`` of each true class, shapes as in `losses` (Carlini et al. 2022, section V.B).

    ``1 - p`` is the sum of the others, which keeps its digits where p is close to 1.
    """
    others = posteriors.copy()
    np.put_along_axis(others, _indices(posteriors, classes), 0.0, axis=-1)
    found: NDArray[np.float64] = -losses(posteriors, classes) - np.log(np.maximum(others.sum(axis=-1), LEAST))
    return found


def modified_entropies(posteriors: NDArray[np.float64], classes: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the entropy that is low only of an answer that is sure and right (Song and Mittal 2021, equation 9).

    ``-(1 - p_y) log p_y - sum over i != y of p_i log(1 - p_i)``, shapes as in `losses`.
    """
    true = _of_true(posteriors, classes)
    complements = np.log(np.maximum(1 - posteriors, LEAST)) * posteriors
    np.put_along_axis(complements, _indices(posteriors, classes), 0.0, axis=-1)
    found: NDArray[np.float64] = (1 - true) * losses(posteriors, classes) - complements.sum(axis=-1)
    return found


def _indices(posteriors: NDArray[np.float64], classes: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.broadcast_to(classes[:, None], (*posteriors.shape[:-1], 1))


def _of_true(posteriors: NDArray[np.float64], classes: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.take_along_axis(posteriors, _indices(posteriors, classes), axis=-1)[..., 0]
