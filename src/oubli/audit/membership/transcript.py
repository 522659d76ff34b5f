"""What an attacker on memberships gets, and nothing else: answers, public facts, and models of its own."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Shadows:
    """Models of the victim's kind that the attacker trained, each on a random half of the candidates.

    Parameters
    ----------
    posteriors : ndarray of float64, shape (models, candidates, classes)
        What they answer.
    members : ndarray of bool, shape (models, candidates)
        Whose labels each was trained on. Every candidate is in as many as it is out of.
    """

    posteriors: NDArray[np.float64]
    members: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Transcript:
    """All that an attacker has. Nodes are numbered from 0, classes too.

    Parameters
    ----------
    features : ndarray or SciPy CSR array of float32, shape (nodes, features)
        Public.
    edges : ndarray of int64, shape (edges, 2)
        Public, each once as ``u < v``.
    posteriors : ndarray of float64, shape (nodes, classes)
        What the victim answers after the removal; 0 in the column of a class that it does not know.
    candidates : ndarray of int64, shape (candidates,)
        Nodes to judge, ascending, which says nothing.
    classes : ndarray of int64, shape (candidates,)
        Their true classes.
    shadows : Shadows
    before : ndarray of float64, shape (nodes, classes), optional
        What the victim answered before the removal, for attackers who kept that.
    """

    features: object
    edges: NDArray[np.int64]
    posteriors: NDArray[np.float64]
    candidates: NDArray[np.int64]
    classes: NDArray[np.int64]
    shadows: Shadows = field(repr=False)
    before: NDArray[np.float64] | None = None


@dataclass(frozen=True, eq=False)
class Secret:
    """What the candidates are; attacks never get it.

    Parameters
    ----------
    groups : dict of str to ndarray of bool, shape (candidates,)
        ``unlearned``: the victim learned the label and unlearned it. ``never``: a label of the data that the victim
        never had, drawn as those were. ``retained``: the victim has it still.
    """

    groups: dict[str, NDArray[np.bool_]]
