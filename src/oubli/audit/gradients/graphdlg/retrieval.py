"""What auxiliary graphs of like surroundings have at each place: a kernel estimate, tuned on those graphs alone.

A graph's neighbours are the auxiliary graphs whose histograms of node surroundings overlap most with its own, a
Weisfeiler-Lehman kernel (Shervashidze et al., JMLR 2011); the estimate is their weighted mean adjacency and features.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import breadth_first_order
from scipy.stats import rankdata

from oubli.graph.collection import LabelledGraph

Array = NDArray[np.float64]
SHARPNESS = (0.0, 5.0, 20.0, 50.0)  # of the kernel over overlaps
NARROWNESS = (0.0, 0.1, 0.5, 2.0)  # of the kernel over sizes
EVERYONE = 0.02  # share of the weights that all graphs have alike: an edge that no neighbour has is not impossible
TUNED_ON = 150  # graphs, at most
INFORMATIVE = 0.6
"""AUC of the mean adjacency, on graphs left out, above which the order of nodes is taken to mean something."""


@dataclass(frozen=True, eq=False)
class Memory:
    """Auxiliary graphs, padded to a common size.

    Parameters
    ----------
    adjacency : ndarray, shape (graphs, n, n)
    features : ndarray, shape (graphs, n, d)
    mask : ndarray, shape (graphs, n)
    """

    adjacency: Array
    features: Array
    mask: Array

    @classmethod
    def of(cls, graphs: Sequence[LabelledGraph], largest: int) -> Memory:
        """Stack graphs of at most this size."""
        adjacency = np.zeros((len(graphs), largest, largest))
        features = np.zeros((len(graphs), largest, graphs[0].num_features))
        mask = np.zeros((len(graphs), largest))
        for place, graph in enumerate(graphs):
            n = graph.num_nodes
            adjacency[place, :n, :n], features[place, :n], mask[place, :n] = graph.adjacency(), graph.features, 1
        return cls(adjacency, features, mask)

    @property
    def sizes(self) -> Array:
        """How many nodes each graph has."""
        return np.asarray(self.mask.sum(1))

    def mean_edges(self, weights: Array) -> Array:
        """Return weighted mean adjacencies, shape (questions, n, n); a place that none has gets the mean density."""
        pairs = self.mask[:, :, None] * self.mask[:, None, :]
        density = self.adjacency.sum() / max(1.0, float(pairs.sum() - self.mask.sum()))
        total = np.tensordot(weights, self.adjacency, 1) + 1e-3 * density * weights.sum(1)[:, None, None]
        out = total / (np.tensordot(weights, pairs, 1) + 1e-3 * weights.sum(1)[:, None, None])
        out[:, np.arange(out.shape[1]), np.arange(out.shape[1])] = 0
        return np.asarray(out)

    def mean_features(self, weights: Array, average: Array) -> Array:
        """Return weighted mean features, shape (questions, n, d), drawn to the average where few graphs have a node."""
        size = weights.sum(1)[:, None, None]
        total = np.tensordot(weights, self.features, 1) + 0.05 * size * average[:, None]
        return np.asarray(total / (np.tensordot(weights, self.mask, 1)[:, :, None] + 0.05 * size))


def kernel(overlap: Array, sizes: Array, own: Array, sharpness: float, narrowness: float) -> Array:
    """Return weights, shape (questions, graphs), by overlap of surroundings and difference of size; rows sum to 1."""
    exponent = sharpness * overlap - narrowness * np.abs(sizes[:, None] - own[None])
    weights = np.exp(exponent - exponent.max(1, keepdims=True))
    return np.asarray((1 - EVERYONE) * weights / weights.sum(1, keepdims=True) + EVERYONE / weights.shape[1])


def tune_edges(memory: Memory, overlap: Array, sharpness: Sequence[float] = SHARPNESS) -> tuple[float, float]:
    """Return the sharpness and narrowness whose mean adjacencies score best on each graph left out in turn."""
    chosen = np.arange(min(TUNED_ON, len(overlap)))
    truth, mask = memory.adjacency[chosen], memory.mask[chosen]
    scores = {}
    for pair in itertools.product(sharpness, NARROWNESS):
        edges = memory.mean_edges(left_out(memory, overlap, *pair)[chosen])
        scores[pair] = float(np.mean(place_auc(edges, truth, mask)))
    return max(scores, key=lambda pair: scores[pair])


def left_out(memory: Memory, overlap: Array, sharpness: float, narrowness: float) -> Array:
    """Return the weights of all other graphs for each graph of the memory."""
    apart = overlap.copy()
    np.fill_diagonal(apart, -1e6 if sharpness else 0.0)
    weights = kernel(apart, memory.sizes, memory.sizes, sharpness, narrowness)
    np.fill_diagonal(weights, 0.0)
    return weights


def order_is_informative(graphs: Sequence[LabelledGraph]) -> bool:
    """Return whether the mean adjacency of some graphs predicts that of others, place by place."""
    memory = Memory.of(graphs, max(graph.num_nodes for graph in graphs))
    weights = np.ones((len(graphs), len(graphs))) - np.eye(len(graphs))
    chosen = slice(TUNED_ON)
    scores = place_auc(memory.mean_edges(weights[chosen]), memory.adjacency[chosen], memory.mask[chosen])
    return float(scores.mean()) > INFORMATIVE


def in_canonical_order(graph: LabelledGraph) -> LabelledGraph:
    """Return the graph breadth first from its node of least degree (ties by type), neighbours of large degree first."""
    types = graph.features.argmax(1)
    order = np.lexsort((types, -graph.degrees))
    sorted_graph = graph.permuted(order)
    left = set(range(graph.num_nodes))
    walk: list[int] = []
    while left:
        start = max(left)
        reached = breadth_first_order(sorted_graph.adjacency(), start, directed=False, return_predecessors=False)
        walk += [int(node) for node in reached]
        left -= set(walk)
    return sorted_graph.permuted(walk)


def place_auc(edges: Array, truth: Array, mask: Array) -> Array:
    """Return the AUC of edge scores of each graph, pair by pair; one half where it has no edge or all."""
    out = np.full(len(edges), 0.5)
    for place, n in enumerate(mask.sum(1).astype(int)):
        upper = np.triu_indices(n, 1)
        held, ranks = truth[place][upper] > 0, rankdata(edges[place][upper])
        ones = int(held.sum())
        if 0 < ones < len(held):
            out[place] = (ranks[held].sum() - ones * (ones + 1) / 2) / (ones * (len(held) - ones))
    return out
