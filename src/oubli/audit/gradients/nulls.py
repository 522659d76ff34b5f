"""What can be guessed without the gradient: whatever an attack scores, it should score more than these.

A null reads of a transcript only what is public beside the gradient: the form, sizes, and the auxiliary graphs. Without
auxiliary graphs it supposes uniform features, and edges of all the same probability, and says so in its note.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import block_diag

from oubli.audit.gradients.graphdlg import MAX_NODES, Evidence, GraphDLG
from oubli.audit.gradients.graphdlg.composition import blend, estimate, tune_features
from oubli.audit.gradients.graphdlg.retrieval import (
    Memory,
    in_canonical_order,
    kernel,
    order_is_informative,
    tune_edges,
)
from oubli.audit.gradients.reconstruction import Attack, Reconstruction
from oubli.audit.gradients.scoring.isomorphism import refine_colours
from oubli.audit.gradients.sizes import sizes_of
from oubli.audit.gradients.transcript import Transcript
from oubli.errors import InputError
from oubli.graph.collection import LabelledGraph

Array = NDArray[np.float64]
UNINFORMED = "no auxiliary graphs: uniform features, and every edge as likely as the next"


class _Null(Attack):
    """A guess for each graph on its own, put together."""

    kind = "null"
    batch_size = 50

    def check(self, transcript: Transcript) -> None:
        """Raise `InputError` when nothing tells the sizes of graphs."""
        sizes_of(transcript)

    def reconstruct(self, transcripts: Sequence[Transcript], seed: int = 0) -> list[Reconstruction]:
        """Guess from what is public; the same for the same sizes and seed."""
        return [self._guess(transcript, seed) for transcript in transcripts]

    def _guess(self, transcript: Transcript, seed: int) -> Reconstruction:
        sizes = sizes_of(transcript)
        draws = np.random.default_rng([seed, *sizes])
        parts = [self._one(transcript, size, draws) for size in sizes]
        scores = np.asarray(block_diag(*[edges for edges, _ in parts]))
        return Reconstruction(
            labels=self._labels(transcript, draws),
            edge_scores=scores,
            adjacency=self._adjacency(scores),
            features=np.concatenate([rows for _, rows in parts]),
            note="" if transcript.auxiliary else UNINFORMED,
        )

    def _labels(self, transcript: Transcript, draws: np.random.Generator) -> tuple[int, ...]:
        return (majority(transcript),) * transcript.num_graphs

    def _adjacency(self, scores: Array) -> Array | None:
        return None

    @abstractmethod
    def _one(self, transcript: Transcript, size: int, draws: np.random.Generator) -> tuple[Array, Array]:
        """Return edge scores and features of a graph of some size."""


class RandomGuess(_Null):
    """Uniform edge scores, features and labels; one-hot features where nodes are known to be of one type.

    It commits itself to the likeliest edges by its scores, as many as there are nodes.
    """

    name = "random"

    def _adjacency(self, scores: Array) -> Array:
        least = np.sort(scores[np.triu_indices(len(scores), 1)])[-len(scores) :].min(initial=np.inf)
        return np.asarray((scores >= least) & (scores > 0), dtype=np.float64)

    def _labels(self, transcript: Transcript, draws: np.random.Generator) -> tuple[int, ...]:
        return tuple(sorted(draws.integers(transcript.form.num_classes, size=transcript.num_graphs).tolist()))

    def _one(self, transcript: Transcript, size: int, draws: np.random.Generator) -> tuple[Array, Array]:
        width = transcript.form.num_features
        features = (
            np.eye(width)[draws.integers(width, size=size)] if transcript.one_hot else draws.random((size, width))
        )
        return _random_edges(size, draws), features


class MeanFeature(_Null):
    """The mean feature row of auxiliary graphs at every node; random edge scores, and the commonest label."""

    name = "mean-feature"

    def _one(self, transcript: Transcript, size: int, draws: np.random.Generator) -> tuple[Array, Array]:
        return _random_edges(size, draws), np.repeat(mean_row(transcript)[None], size, 0)


class PriorAdjacency(_Null):
    """The mean adjacency and features of auxiliary graphs of like size, place by place, and the commonest label.

    How near in size is tuned on the auxiliary graphs, as GraphDLG's retrieval is: this is that retrieval without the
    gradient. Where the order of nodes means nothing, auxiliary graphs are put into a canonical one.
    """

    name = "prior"

    def __init__(self) -> None:
        self.graphs: object = None

    def prepare(self, transcripts: Sequence[Transcript], seed: int = 0) -> None:
        """Tune on the auxiliary graphs."""
        first = transcripts[0]
        largest = max(n for each in transcripts for n in sizes_of(each))
        graphs = [graph for graph in first.auxiliary if graph.num_nodes <= max(largest, MAX_NODES)]
        if len(graphs) < 2:
            return
        self.by_place = order_is_informative(graphs)
        used = graphs if self.by_place else [in_canonical_order(graph) for graph in graphs]
        largest = max(largest, *(graph.num_nodes for graph in graphs))
        self.memory, self.graphs = Memory.of(used, largest), first.auxiliary
        nothing = np.zeros((len(used), len(used)))
        self.narrowness = tune_edges(self.memory, nothing, sharpness=(0.0,))[1]
        means = np.repeat(mean_row(first)[None], len(used), 0)
        self.feature_kernel = tune_features(self.memory, nothing, means, first.one_hot, levels=(0.0,))

    def reconstruct(self, transcripts: Sequence[Transcript], seed: int = 0) -> list[Reconstruction]:
        """Look up each size; prepares itself where that was not done for these auxiliary graphs and sizes."""
        largest = max(n for transcript in transcripts for n in sizes_of(transcript))
        if self.graphs is not transcripts[0].auxiliary or self.memory.mask.shape[1] < largest:
            self.prepare(transcripts, seed)
        return super().reconstruct(transcripts, seed)

    def _one(self, transcript: Transcript, size: int, draws: np.random.Generator) -> tuple[Array, Array]:
        row = mean_row(transcript)
        if self.graphs is not transcript.auxiliary:
            return _random_edges(size, draws), np.repeat(row[None], size, 0)
        memory = self.memory
        overlap, own = np.zeros((1, len(memory.mask))), np.array([float(size)])
        edges = memory.mean_edges(kernel(overlap, own, memory.sizes, 0.0, self.narrowness))[0]
        _, narrowness, trust = self.feature_kernel
        mask = (np.arange(memory.mask.shape[1]) < size).astype(np.float64)[None]
        weights = kernel(overlap, own, memory.sizes, 0.0, narrowness)
        placed = estimate(memory, weights, mask, row[None], transcript.one_hot)
        features = blend(placed, mask, row[None], trust if self.by_place else 0.0)[0]
        return edges[:size, :size], features[:size]


class LikeliestGraph(_Null):
    """A whole graph: the one that is most frequent among the auxiliary graphs of this size, or of the nearest.

    The null of `isomorphic` and of profiles: how often the victim's graph is simply a common one. Equal are graphs that
    refinement of colours does not tell apart. Features have to be one-hot; otherwise the first of that size is taken.
    """

    name = "likeliest"

    def check(self, transcript: Transcript) -> None:
        """Raise `InputError` when there is no graph to take, or nothing tells the sizes of graphs."""
        super().check(transcript)
        if not transcript.auxiliary:
            raise InputError("likeliest: takes one of the auxiliary graphs, and there are none")

    def _labels(self, transcript: Transcript, draws: np.random.Generator) -> tuple[int, ...]:
        return tuple(sorted(_most_frequent(transcript.auxiliary, size).label for size in sizes_of(transcript)))

    def _adjacency(self, scores: Array) -> Array:
        return scores

    def _one(self, transcript: Transcript, size: int, draws: np.random.Generator) -> tuple[Array, Array]:
        chosen = _most_frequent(transcript.auxiliary, size)
        return chosen.adjacency(), chosen.features


class NoiseDecoder(GraphDLG):
    """GraphDLG's own decoder, trained and asked with the evidence of some other auxiliary graph, drawn at random.

    Parameters
    ----------
    max_nodes, adversarial, epochs, num_random
        As of `GraphDLG`.
    """

    name = "noise-decoder"
    kind = "null"

    def _known(self, transcript: Transcript, seed: int) -> Evidence:
        known = super()._known(transcript, seed)
        drawn = np.random.default_rng([seed, 1]).integers(len(known.sizes), size=len(known.sizes))
        return Evidence(known.shares[drawn], known.embeddings[drawn], known.sizes)

    def _asked(self, transcripts: Sequence[Transcript], seed: int) -> Evidence:
        known = super()._known(transcripts[0], seed)
        sizes = np.array([sizes_of(transcript)[0] for transcript in transcripts], np.float64)
        drawn = [int(np.random.default_rng([seed, int(size)]).integers(len(known.sizes))) for size in sizes]
        return Evidence(known.shares[drawn], known.embeddings[drawn], sizes)

    def _known_compositions(self, known: Evidence) -> Array:
        mean = self.dictionary.average() @ self.dictionary.features
        return np.repeat(mean[None], len(known.sizes), 0)

    def _composition(self, transcript: Transcript, shares: Array, size: float) -> Array:
        return np.asarray(self.dictionary.average() @ self.dictionary.features)

    def _guess(self, transcript: Transcript, edges: Array, features: Array, degree: float) -> Reconstruction:
        return Reconstruction(labels=(majority(transcript),), edge_scores=edges, features=features, note=self.note)


def majority(transcript: Transcript) -> int:
    """Return the commonest label of auxiliary graphs, 0 where there are none."""
    labels = [graph.label for graph in transcript.auxiliary]
    return int(np.bincount(labels).argmax()) if labels else 0


def _most_frequent(graphs: Sequence[LabelledGraph], size: int) -> LabelledGraph:
    """Return the most frequent graph of the nearest size, the first of equals."""
    apart = min(abs(graph.num_nodes - size) for graph in graphs)
    near = [graph for graph in graphs if abs(graph.num_nodes - size) == apart]
    types = [graph.types for graph in near]
    known = [kinds for kinds in types if kinds is not None]
    if len(known) < len(near):
        return near[0]
    colours = refine_colours([graph.adjacency() for graph in near], known)[-1]
    keys = [tuple(np.sort(each).tolist()) for each in colours]
    return near[keys.index(Counter(keys).most_common(1)[0][0])]


def mean_row(transcript: Transcript) -> Array:
    """Return the mean feature row of auxiliary nodes; without any, one over the number of types, or one half."""
    if transcript.auxiliary:
        return np.asarray(np.concatenate([graph.features for graph in transcript.auxiliary]).mean(0))
    width = transcript.form.num_features
    return np.full(width, 1 / width if transcript.one_hot else 0.5)


def _random_edges(size: int, draws: np.random.Generator) -> Array:
    upper = np.triu(draws.random((size, size)), 1)
    return np.asarray(upper + upper.T)
