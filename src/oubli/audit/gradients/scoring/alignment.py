"""Which node of a guess stands for which node of the truth.

A guess has nodes in an order of its own, so what compares node by node depends on how nodes are matched. Features are
matched by features alone (Hungarian method). Edges are matched by FAQ, a local search that maximises the agreement of
the adjacencies, from nodes matched by the features that lie around them. It may miss the best alignment, so the right
graph can come out below 1; and chosen to suit what is scored, it lifts even *random* scores far above chance (AUC 0.9
on small molecules). A figure after such an alignment says nothing but beside a null that was aligned in the same way.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment, quadratic_assignment

WALKS = 4


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


def align_walks(
    scores: NDArray[np.float64],
    features: NDArray[np.float64],
    adjacency: NDArray[np.float64],
    true_features: NDArray[np.float64],
) -> NDArray[np.intp]:
    """Match nodes by their features and those at the ends of walks of up to `WALKS` steps: a beginning for the search.

    Parameters
    ----------
    scores, adjacency : ndarray, shape (n, n)
        The scores from zero on; weights of steps, scaled to as much in all as there are edges.
    features, true_features : ndarray, shape (n, d)

    Returns
    -------
    ndarray of int, shape (n,)
        As of `align_features`.
    """
    total = float(scores.sum())
    scaled = scores * (float(adjacency.sum()) / total) if total > 0 else scores
    return align_features(_around(scaled, features), _around(adjacency, true_features))


def _around(weights: NDArray[np.float64], features: NDArray[np.float64]) -> NDArray[np.float64]:
    # The column of ones counts walks, whatever is at their ends.
    ends = np.hstack([features, np.ones((len(features), 1))])
    found = [features]
    for _ in range(WALKS):
        ends = weights @ ends
        ends = ends / (float(np.abs(ends).max()) or 1.0)
        found.append(ends)
    return np.hstack(found)


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
        Such as `align_walks` gives.

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
