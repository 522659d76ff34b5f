"""Which node of a guess stands for which node of the truth.

A guess has nodes in an order of its own, so what compares node by node depends on how nodes are matched. Features are
matched by features alone (Hungarian method). Edges are matched by FAQ, a local search that maximises the agreement of
the adjacencies: chosen to suit what is scored, it lifts even *random* scores far above chance (AUC 0.91 on small
molecules). A figure after such an alignment says nothing but beside a null that was aligned in the same way.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment, quadratic_assignment


def padded(matrix: NDArray[np.float64], *shape: int) -> NDArray[np.float64]:
    """Return the matrix with zeros added behind, up to `shape`: nodes that are not there have no edge, no feature."""
    widths = [(0, wanted - given) for wanted, given in zip(shape, matrix.shape, strict=True)]
    return np.pad(matrix, widths)


def align_features(guess: NDArray[np.float64], truth: NDArray[np.float64]) -> NDArray[np.intp]:
    """Match nodes so that the squared distance of features is least.

    Parameters
    ----------
    guess, truth : ndarray, shape (n, d)

    Returns
    -------
    ndarray of int, shape (n,)
        ``guess[order]`` lies beside ``truth``.
    """
    cost = (truth**2).sum(1)[:, None] + (guess**2).sum(1)[None, :] - 2 * truth @ guess.T
    return np.asarray(linear_sum_assignment(cost)[1], dtype=np.intp)


def align_edges(
    scores: NDArray[np.float64], adjacency: NDArray[np.float64], start: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Match nodes so that high scores lie on edges, by FAQ (Vogelstein et al. 2015), from an alignment to begin with.

    The search starts half way between `start` and the matrix that prefers nothing.

    **Beware**: it is chosen on what is scored afterwards, and lifts random scores to an AUC of 0.91 on molecules.
    Publish it beside a null only.

    Parameters
    ----------
    scores, adjacency : ndarray, shape (n, n)
        Symmetric.
    start : ndarray of int, shape (n,)
        Such as `align_features` gives.

    Returns
    -------
    ndarray of int, shape (n,)
        ``scores[order][:, order]`` lies beside ``adjacency``.
    """
    size = len(scores)
    begin = np.full((size, size), 0.5 / size)
    begin[np.arange(size), start] += 0.5
    scale = float(np.abs(scores).max()) or 1.0
    # No draw is made from a beginning that is given; the generator only keeps SciPy off the global one.
    options = {"maximize": True, "P0": begin, "rng": np.random.default_rng(0)}
    found = quadratic_assignment(adjacency, scores / scale, method="faq", options=options)
    return np.asarray(found.col_ind, dtype=np.intp)
