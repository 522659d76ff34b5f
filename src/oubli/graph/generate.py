"""Graphs out of nothing: labelled, with a chosen homophily, and features drawn from labels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from oubli.errors import InputError
from oubli.graph.distinct import distinct
from oubli.graph.graph import Graph

MOST_FILLED = 0.9  # share of the possible pairs that may become edges, where drawing the last few would take for ever
FEW_PAIRS = 10_000  # here it does not
WEIGHTED_ROUNDS = 30  # after so many draws by popularity, the pairs that are left are drawn evenly
ROWS = 1 << 16  # feature rows drawn at a time


def generate_graph(
    num_nodes: int = 1000,
    num_classes: int = 4,
    num_features: int = 32,
    homophily: float = 0.8,
    average_degree: float = 8,
    feature_noise: float = 1.0,
    train: float = 0.5,
    val: float = 0.25,
    seed: int = 0,
    *,
    degree_exponent: float = 2.5,
) -> Graph:
    """Make a labelled graph: a planted partition with heavy-tailed degrees.

    Labels are drawn evenly. Each node gets a popularity from a power law; edges join nodes in proportion to it, and
    exactly the share `homophily` of them, up to rounding, joins nodes with the same label. Some nodes may have no edge.

    Parameters
    ----------
    num_nodes, num_classes, num_features : int
        Sizes. Node ids are ``0 .. num_nodes-1``, labels ``0 .. num_classes-1``.
    homophily : float, default 0.8
        Share of the edges whose ends have the same label, in [0, 1].
    average_degree : float, default 8
        Twice the number of edges over the number of nodes.
    feature_noise : float, default 1.0
        Standard deviation of the noise in `label_features`.
    train, val : float
        Shares of the nodes in these splits, drawn at random; the rest is the test split.
    seed : int, default 0
        Same seed, same graph.
    degree_exponent : float, default 2.5
        Exponent of the power law of the popularities, above 2; smaller means larger hubs.

    Returns
    -------
    Graph

    Raises
    ------
    InputError
        For values out of range, or when the graph would be so dense that the homophily cannot be had.

    Examples
    --------
    >>> from oubli.graph import generate_graph
    >>> graph = generate_graph(num_nodes=100, average_degree=6)
    >>> graph.num_nodes, graph.num_edges
    (100, 300)
    """
    expect(num_nodes >= 2 and num_classes >= 1, "num_nodes >= 2 and num_classes >= 1")
    expect(num_features >= 0, "num_features >= 0")
    expect(0 <= homophily <= 1, "homophily in [0, 1]")
    expect(average_degree >= 0 and feature_noise >= 0, "average_degree >= 0 and feature_noise >= 0")
    expect(degree_exponent > 2, "degree_exponent > 2")
    expect(train >= 0 and val >= 0 and train + val <= 1, "train >= 0, val >= 0, train + val <= 1")
    rng = generator_of(seed)
    labels = rng.permutation(num_nodes) % num_classes
    popularity = rng.random(num_nodes) ** (-1 / (degree_exponent - 1))
    # No node is expected to have more than about sqrt(n) times the usual number of ties.
    popularity = np.minimum(popularity, np.sqrt(num_nodes))
    num_edges = round(num_nodes * average_degree / 2)
    num_same = round(homophily * num_edges)
    edges = np.concatenate(
        [
            _draw_pairs(labels, popularity, num_same, True, rng),
            _draw_pairs(labels, popularity, num_edges - num_same, False, rng),
        ]
    )
    feature_seed = int(rng.integers(2**63))
    place = rng.permutation(num_nodes)
    ends = np.rint(np.cumsum([train, val]) * num_nodes).astype(np.int64)
    return Graph.from_edges(
        edges,
        features=label_features(labels, num_features, feature_noise, feature_seed),
        labels=labels,
        train=place[: ends[0]],
        val=place[ends[0] : ends[1]],
        test=place[ends[1] :],
    )


def label_features(
    labels: ArrayLike, num_features: int = 128, noise: float = 1.0, seed: int = 0
) -> NDArray[np.float32]:
    """Draw a feature row a node from its label: the mean of its class, plus Gaussian noise.

    The means are random directions of length 1. At ``noise=1`` and above a single row says little about its label, and
    the average over like neighbours a lot.

    Parameters
    ----------
    labels : array-like of int, shape (nodes,)
        Classes ``0 .. C-1``; a negative one stands for a missing label, whose mean is zero.
    num_features : int, default 128
    noise : float, default 1.0
        Standard deviation of the noise, in every column.
    seed : int, default 0
        Same seed, same rows.

    Returns
    -------
    ndarray of float32, shape (nodes, num_features)

    Raises
    ------
    InputError
        When the labels are not integers in one dimension.
    """
    codes = np.asarray(labels)
    if codes.ndim != 1 or codes.dtype.kind not in "iu":
        raise InputError(f"labels: expected integers of shape (nodes,), got {codes.dtype} of shape {codes.shape}")
    rows = np.empty((codes.size, num_features), np.float32)
    at = 0
    for block in feature_blocks(codes, num_features, noise, seed):
        rows[at : at + len(block)] = block
        at += len(block)
    return rows


def feature_blocks(
    labels: NDArray[np.integer], num_features: int, noise: float, seed: int
) -> Iterator[NDArray[np.float32]]:
    """Yield the rows of `label_features` some at a time, for more of them than memory holds."""
    rng = generator_of(seed)
    means = rng.standard_normal((int(labels.max(initial=-1)) + 1, num_features))
    means /= np.maximum(np.linalg.norm(means, axis=1, keepdims=True), 1e-12)
    means = np.concatenate([means, np.zeros((1, num_features))]).astype(np.float32)
    for first in range(0, labels.size, ROWS):
        codes = labels[first : first + ROWS]
        rows = rng.standard_normal((codes.size, num_features), dtype=np.float32)
        rows *= np.float32(noise)
        rows += means[np.where(codes < 0, len(means) - 1, codes)]
        yield rows


def _draw_pairs(
    labels: NDArray[np.int64], popularity: NDArray[np.float64], wanted: int, same: bool, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Draw `wanted` different pairs of nodes with the same label, or with different ones, by popularity."""
    num_nodes = labels.size
    sizes = np.bincount(labels).astype(np.int64)
    num_same = int((sizes * (sizes - 1) // 2).sum())
    possible = num_same if same else num_nodes * (num_nodes - 1) // 2 - num_same
    if wanted > (possible if possible <= FEW_PAIRS else MOST_FILLED * possible):
        raise InputError(
            f"generate_graph: {wanted} edges between nodes of {'the same' if same else 'different'} label, but only "
            f"{possible} such pairs; lower average_degree, or change homophily or num_classes"
        )
    keys = np.empty(0, np.int64)
    for attempt in range(10_000):
        if keys.size >= wanted:
            break
        weights = popularity if attempt < WEIGHTED_ROUNDS else np.ones(num_nodes)
        u, v = _draw_ends(labels, weights, wanted - keys.size, same, rng)
        fresh = distinct(pair_keys(u, v, num_nodes))
        fresh = fresh[~np.isin(fresh, keys, assume_unique=True)]
        # In random order, or the last round would favour nodes with small numbers.
        keys = np.concatenate([keys, rng.permutation(fresh)[: wanted - keys.size]])
    return pairs_of_keys(keys, num_nodes)


def _draw_ends(
    labels: NDArray[np.int64], weights: NDArray[np.float64], wanted: int, same: bool, rng: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    size = 2 * wanted + 1024
    order = np.argsort(labels, kind="stable")
    # Nodes as stretches of a line, ordered by label: a point on it is a node, and a class is one stretch.
    ends = np.cumsum(weights[order])
    bounds = np.concatenate([[0.0], ends[np.cumsum(np.bincount(labels)) - 1]])
    if same:
        squares = np.diff(bounds) ** 2
        kind = rng.choice(squares.size, size=size, p=squares / squares.sum())
        points = bounds[kind] + rng.random((2, size)) * np.diff(bounds)[kind]
    else:
        points = rng.random((2, size)) * bounds[-1]
    places = np.minimum(np.searchsorted(ends, points, side="right"), labels.size - 1)
    u, v = order[places]
    keep = (labels[u] == labels[v]) == same
    return u[keep], v[keep]


def pair_keys(u: NDArray[np.int64], v: NDArray[np.int64], num_nodes: int) -> NDArray[np.int64]:
    """Return one integer a pair, the same in both directions; self-loops are left out."""
    loops = u == v
    return np.asarray((np.minimum(u, v) * num_nodes + np.maximum(u, v))[~loops])


def pairs_of_keys(keys: NDArray[np.int64], num_nodes: int) -> NDArray[np.int64]:
    """Return the pairs ``u < v`` of `pair_keys`."""
    return np.column_stack([keys // num_nodes, keys % num_nodes])


def generator_of(seed: int) -> np.random.Generator:
    """Return the generator that a seed stands for; the same on every machine."""
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise InputError(f"seed: expected an integer, not negative, got {seed!r}")
    return np.random.Generator(np.random.PCG64(int(seed)))


def expect(holds: bool, expected: str) -> None:
    """Raise `InputError` saying what was expected, unless it holds."""
    if not holds:
        raise InputError(f"expected {expected}")
