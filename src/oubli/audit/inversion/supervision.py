"""The pairs of the shadow that an attack learns from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oubli.audit.inversion.transcript import Shadow
from oubli.errors import InputError


def teaching_pairs(shadow: Shadow, removed: bool) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return pairs and whether they are, or were, edges.

    Parameters
    ----------
    shadow : Shadow
    removed : bool
        Whether unlearned edges are among the positive pairs, beside retained ones; they are what is attacked.

    Raises
    ------
    InputError
        When there is nothing to tell apart.
    """
    edges = np.concatenate([shadow.removed, shadow.retained]) if removed else shadow.retained
    if not len(edges) or not len(shadow.absent):
        raise InputError(
            f"shadow: {len(edges)} edges and {len(shadow.absent)} pairs without one to learn from, and it takes some "
            "of both; give a graph with more edges, or a higher ratio"
        )
    return np.concatenate([edges, shadow.absent]), np.arange(len(edges) + len(shadow.absent)) < len(edges)


def matched_pairs(shadow: Shadow) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return edges that the shadow's model unlearned or never had, and which it unlearned.

    Raises
    ------
    InputError
        When there is nothing to tell apart.
    """
    if not len(shadow.removed) or not len(shadow.never):
        raise InputError(
            f"shadow: {len(shadow.removed)} edges were unlearned and {len(shadow.never)} never there, and it takes "
            "some of both; give a graph with more edges, or a higher ratio"
        )
    size = len(shadow.removed) + len(shadow.never)
    return np.concatenate([shadow.removed, shadow.never]), np.arange(size) < len(shadow.removed)
