"""What a removal could leave at worst, before anything is evaluated: analysis, not the guarantee.

A certificate charges the residual that is evaluated. These bounds say how large it could have been: `worst_case` from
degrees and settings alone, `data_dependent` from the rows and one Newton step (docs/proofs/residual-bounds).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SLOPE = 0.25
"""Largest slope of the sigmoid."""

BEND = 1.0 / (6.0 * 3.0**0.5)
"""Largest second derivative of the sigmoid."""


def feature_shift(degree: int, weights: NDArray[np.float64], convolution: float, length: float = 1.0) -> float:
    """Return a bound on ``sum of |z_i - z'_i|`` over all nodes when a node's features go.

    Parameters
    ----------
    degree : int
        Of the node, its self-loop counted.
    weights : ndarray of float64
        Of the hops.
    convolution : float
        The coefficient `r` in [0, 1]: 1/2 for the symmetric operator, 1 for the random walk.
    length : float, default 1.0
        Of the node's feature row.
    """
    return float(np.abs(weights).sum() * float(degree) ** convolution * length)


def edge_shift(
    degrees: NDArray[np.int64],
    lost: NDArray[np.int64],
    weights: NDArray[np.float64],
    convolution: float,
    length: float = 1.0,
) -> float:
    """Return a bound on ``sum of |z_i - z'_i|`` over all nodes when edges go.

    Parameters
    ----------
    degrees : ndarray of int64, shape (ends,)
        Of the ends of these edges before, self-loops counted.
    lost : ndarray of int64, shape (ends,)
        How many of their edges go.
    weights, convolution
        As in `feature_shift`.
    length : float, default 1.0
        Of the longest feature row.
    """
    before, after = degrees.astype(np.float64), (degrees - lost).astype(np.float64)
    power = before**convolution
    scales = np.abs(power - after**convolution)
    outputs = np.abs(after**-convolution - before**-convolution)
    total = 0.0
    for hop, weight in enumerate(np.abs(weights).tolist()):
        # What arrives at a node is at most its degree; at hop 0 it is its own scaled row.
        columns = 2 * lost / before * (power + max(hop - 1, 0) * before) if hop else 0.0
        arriving = before if hop else power
        total += weight * float((columns + scales + outputs * arriving).sum())
    return total * length


def node_shift(
    degree: int,
    neighbours: NDArray[np.int64],
    weights: NDArray[np.float64],
    convolution: float,
    length: float = 1.0,
) -> float:
    """Return a bound on ``sum of |z_i - z'_i|`` when a node goes: its features first, then all its edges.

    Parameters
    ----------
    degree : int
        Of the node, its self-loop counted.
    neighbours : ndarray of int64
        Degrees of its neighbours, self-loops counted.
    weights, convolution, length
        As in `edge_shift`.
    """
    degrees = np.concatenate([[degree], neighbours])
    lost = np.concatenate([[neighbours.size], np.ones(neighbours.size, np.int64)])
    edges = edge_shift(degrees, lost, weights, convolution, length)
    return feature_shift(degree, weights, convolution, length) + edges


def gradient_shift(shift: float, longest: float, weight_length: float, dropped: int = 0, alpha: float = 0.0) -> float:
    """Return a bound on how much the gradient of one class changes at fixed weights.

    Parameters
    ----------
    shift : float
        Bound on ``sum of |z_i - z'_i|``.
    longest : float
        Length of the longest embedded row, before and after.
    weight_length : float
        Of the weights of the class.
    dropped : int, default 0
        Training nodes that go.
    alpha : float, default 0.0
        Ridge strength of each training row.
    """
    return (1 + SLOPE * longest * weight_length) * shift + dropped * (longest + alpha * weight_length)


def worst_case(gradient: float, longest: float, alpha: float, count: int) -> float:
    """Return a bound on the residual of one class after one exact Newton step, without looking at the rows.

    Parameters
    ----------
    gradient : float
        Length of the gradient before the step, as `gradient_shift` bounds it.
    longest : float
        Length of the longest embedded row.
    alpha : float
    count : int
        Training nodes that remain.
    """
    return BEND / 2 * longest**3 * gradient**2 / (alpha**2 * count)


def data_dependent(rows: NDArray[np.float64], step: NDArray[np.float64], spectral: float | None = None) -> float:
    """Return a bound on the residual of one class after one exact Newton step.

    Parameters
    ----------
    rows : ndarray of float64, shape (n, columns)
        That remain.
    step : ndarray of float64, shape (columns,)
    spectral : float, optional
        The largest singular value of the rows, where it is known already: all classes share it.
    """
    moved = rows @ step
    if spectral is None:
        spectral = float(np.linalg.norm(rows, 2)) if rows.size else 0.0
    return BEND / 2 * spectral * float(np.abs(moved).max(initial=0.0)) * float(np.linalg.norm(moved))
