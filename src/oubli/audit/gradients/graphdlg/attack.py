"""GraphDLG: embedding from the head, structure by a decoder that learnt from auxiliary graphs, features in closed form.

The attack of arXiv 2601.19745, whose decoder and rule for features are not public in detail. Here the decoder reads,
beside the embedding, the shares of node surroundings that the gradient gives away (`profiles`), starts from auxiliary
graphs of like surroundings (`retrieval`), and is corrected by a network with adversarial adaptation (`decoder`).
Features follow by recursion where it is determined; elsewhere they are the estimate that has the composition that the
gradient tells (`composition`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from oubli.audit.gradients.graphdlg.composition import blend, composition_of, estimate, present_types, tune_features
from oubli.audit.gradients.graphdlg.decoder import EPOCHS, Examples, StructureDecoder
from oubli.audit.gradients.graphdlg.random_graphs import random_graphs
from oubli.audit.gradients.graphdlg.refinement import committed, gradient_residual, recurse_where_determined
from oubli.audit.gradients.graphdlg.retrieval import (
    Memory,
    in_canonical_order,
    kernel,
    left_out,
    order_is_informative,
    place_auc,
    tune_edges,
)
from oubli.audit.gradients.graphdlg.surroundings import ProfileDictionary
from oubli.audit.gradients.head import HeadInversion, invert_head
from oubli.audit.gradients.reconstruction import Attack, Reconstruction
from oubli.audit.gradients.sizes import sizes_of
from oubli.audit.gradients.transcript import Transcript
from oubli.errors import InputError
from oubli.graph.collection import LabelledGraph

Array = NDArray[np.float64]
MAX_NODES = 64
COMPONENTS = 16  # of the evidence that the network reads
UNSEEN = 5  # one graph in so many decides whether the network is heard
SHARES = (0.0, 0.25, 0.5, 1.0)
FARTHEST = 3.0  # deviations: what lies beyond is of no auxiliary graph, and the network has not learnt it


@dataclass(frozen=True, eq=False)
class Evidence:
    """What is known of each of some graphs before decoding.

    Parameters
    ----------
    shares : ndarray, shape (graphs, entries)
        Of surroundings.
    embeddings : ndarray, shape (graphs, width)
    sizes : ndarray, shape (graphs,)
    """

    shares: Array
    embeddings: Array
    sizes: Array


class GraphDLG(Attack):
    """Label, embedding, structure and features of one graph, for mean or sum pooling.

    Parameters
    ----------
    max_nodes : int, default 64
        Largest graph that the decoder may take; it is as large as the auxiliary graphs and sizes at `prepare` need.
        Larger auxiliary graphs are left out.
    adversarial : float, default 0.1
        Weight of the adaptation between auxiliary and target codes; 0 is none.
    epochs : int
        Of the decoder's training; 0 leaves the retrieval uncorrected.
    num_random : int, default 300
        How many graphs are drawn to learn from where there are no auxiliary ones.
    """

    name = "graphdlg"
    batch_size = 50

    def __init__(
        self, max_nodes: int = MAX_NODES, adversarial: float = 0.1, epochs: int = EPOCHS, num_random: int = 300
    ) -> None:
        self.max_nodes = max_nodes
        self.adversarial = adversarial
        self.epochs = epochs
        self.num_random = num_random
        self.prepared = False

    def check(self, transcript: Transcript) -> None:
        """Raise `InputError` for several graphs, max pooling, or graphs larger than the decoder takes."""
        if transcript.num_graphs != 1:
            raise InputError(f"{self.name}: supported for one graph, got the gradient of {transcript.num_graphs}")
        if transcript.form.pooling == "max":
            raise InputError(f"{self.name}: supported for mean and sum pooling, not max")
        largest = max(sizes_of(transcript))
        limit = self.memory.mask.shape[1] if self.prepared else self.max_nodes
        if largest > limit:
            raise InputError(
                f"{self.name}: a graph of {largest} nodes, and the decoder takes {limit}; prepare one with "
                f"{type(self).__name__}(max_nodes={largest}) or more, with this graph among the transcripts"
            )

    def prepare(self, transcripts: Sequence[Transcript], seed: int = 0) -> None:
        """Collect the surroundings of auxiliary graphs, tune the retrieval on them and train the decoder."""
        self.prepared = False
        for transcript in transcripts:
            self.check(transcript)
        first = transcripts[0]
        sizes = [sizes_of(transcript)[0] for transcript in transcripts]
        graphs = self._graphs(transcripts, sizes, seed)
        self.note = (
            "" if first.auxiliary else f"learnt from {len(graphs)} random graphs, as there were no auxiliary ones"
        )
        self.by_place = order_is_informative(graphs)
        graphs = graphs if self.by_place else tuple(in_canonical_order(graph) for graph in graphs)
        largest = max(*sizes, *(graph.num_nodes for graph in graphs))
        self.memory = Memory.of(graphs, largest)
        self.dictionary = ProfileDictionary.of(first.form, first.weights, graphs)
        known = self._known(first, seed)
        self.axes = _principal_axes(self._signals(known))
        self.overlap = self.dictionary.overlap(known.shares, known.sizes)
        self.edge_kernel = tune_edges(self.memory, self.overlap)
        compositions = self._known_compositions(known)
        self.feature_kernel = tune_features(self.memory, self.overlap, compositions, first.one_hot)
        edges = self.memory.mean_edges(left_out(self.memory, self.overlap, *self.edge_kernel))
        examples = self._examples(known, self.memory.mask, edges)
        truth = torch.from_numpy(self.memory.adjacency).float()
        questions = self._questions(self._asked(transcripts, seed))[0]
        new = partial(StructureDecoder, adversarial=self.adversarial, epochs=self.epochs, seed=seed)
        self.network_share = _earned_share(new, examples, truth, questions) if self.epochs else 0.0
        self.decoder = new().fit(examples, truth, questions) if self.network_share else None
        self.prepared = True

    def reconstruct(self, transcripts: Sequence[Transcript], seed: int = 0) -> list[Reconstruction]:
        """Decode each transcript; prepares itself on these where that was not done before."""
        if not self.prepared:
            self.prepare(transcripts, seed)
        for transcript in transcripts:
            self.check(transcript)
        asked = self._asked(transcripts, seed)
        questions, overlap = self._questions(asked)
        edges = questions.edges
        if self.decoder is not None:
            edges = self.network_share * self.decoder.decode(questions) + (1 - self.network_share) * edges
        scores = edges.double().numpy()
        mask = questions.mask.double().numpy()
        compositions = np.stack(
            [self._composition(*each) for each in zip(transcripts, asked.shares, asked.sizes, strict=True)]
        )
        sharpness, narrowness, trust = self.feature_kernel
        weights = kernel(overlap, asked.sizes, self.memory.sizes, sharpness, narrowness)
        placed = estimate(self.memory, weights, mask, compositions, transcripts[0].one_hot)
        # In a canonical order a place says nothing about the node that the client has there.
        features = blend(placed, mask, compositions, trust if self.by_place else 0.0)
        degrees = asked.shares @ self.dictionary.degrees
        return [
            self._guess(transcript, scores[place, :n, :n], features[place, :n], float(degrees[place]))
            for place, (transcript, n) in enumerate(zip(transcripts, asked.sizes.astype(int), strict=True))
        ]

    def _graphs(self, transcripts: Sequence[Transcript], sizes: list[int], seed: int) -> tuple[LabelledGraph, ...]:
        first = transcripts[0]
        if not first.auxiliary:
            known = tuple(sizes)
            return random_graphs(first.form, known, self.num_random, first.one_hot, first.max_degree, seed)
        graphs = tuple(graph for graph in first.auxiliary if graph.num_nodes <= self.max_nodes)
        if len(graphs) < 2:
            raise InputError(
                f"{self.name}: needs two auxiliary graphs of at most {self.max_nodes} nodes, got {len(graphs)}; "
                "give more, or raise max_nodes"
            )
        return graphs

    def _known(self, transcript: Transcript, seed: int) -> Evidence:
        """Return the evidence of the auxiliary graphs, which the attacker computes itself."""
        sizes = self.memory.sizes
        shares = self.dictionary.owned / sizes[:, None]
        embeddings = shares @ self.dictionary.states
        return Evidence(shares, embeddings * (sizes[:, None] if transcript.form.pooling == "sum" else 1), sizes)

    def _asked(self, transcripts: Sequence[Transcript], seed: int) -> Evidence:
        """Return the evidence that gradients give."""
        shares, embeddings, sizes = [], [], []
        for transcript in transcripts:
            head = invert_head(transcript)
            found, total = self.dictionary.shares(transcript, head)
            shares.append(found)
            embeddings.append(head.embedding.cpu().numpy())
            sizes.append(self._size(transcript, found, total))
        return Evidence(np.stack(shares), np.stack(embeddings), np.array(sizes, np.float64))

    def _size(self, transcript: Transcript, shares: Array, total: float) -> int:
        """Return the number of nodes: known, or the sum of counts, or that of graphs with like surroundings."""
        if transcript.num_nodes is not None:
            return transcript.num_nodes[0]
        limit = self.memory.mask.shape[1]
        if transcript.form.pooling == "sum":
            return int(np.clip(round(total), 1, limit))
        guesses = self.memory.sizes
        each = np.unique(guesses)
        overlap = self.dictionary.overlap(np.repeat(shares[None], len(each), 0), each)
        return int(guesses[int(overlap[np.searchsorted(each, guesses), np.arange(len(guesses))].argmax())])

    def _signals(self, evidence: Evidence) -> Array:
        """Return what the network reads of each graph, before projection."""
        histograms = [evidence.shares @ level for level in self.dictionary.levels]
        scale = np.abs(evidence.embeddings).mean() + 1e-12
        return np.hstack([*histograms, evidence.embeddings / scale / 10, evidence.sizes[:, None] / 10])

    def _examples(self, evidence: Evidence, mask: Array, edges: Array) -> Examples:
        centre, axes = self.axes
        signals = np.clip((self._signals(evidence) - centre) @ axes, -FARTHEST, FARTHEST)
        return Examples(
            torch.from_numpy(signals).float(), torch.from_numpy(mask).float(), torch.from_numpy(edges).float()
        )

    def _questions(self, asked: Evidence) -> tuple[Examples, Array]:
        overlap = self.dictionary.overlap(asked.shares, asked.sizes)
        edges = self.memory.mean_edges(kernel(overlap, asked.sizes, self.memory.sizes, *self.edge_kernel))
        mask = (np.arange(self.memory.mask.shape[1]) < asked.sizes[:, None]).astype(np.float64)
        return self._examples(asked, mask, edges), overlap

    def _known_compositions(self, known: Evidence) -> Array:
        return np.asarray(known.shares @ self.dictionary.features)

    def _composition(self, transcript: Transcript, shares: Array, size: float) -> Array:
        if not transcript.one_hot:
            return np.asarray(shares @ self.dictionary.features)
        return composition_of(self.dictionary, shares, present_types(transcript), int(size))

    def _guess(self, transcript: Transcript, edges: Array, features: Array, degree: float) -> Reconstruction:
        head: HeadInversion = invert_head(transcript)
        adjacency = committed(edges, degree)
        recursion = recurse_where_determined(transcript, head, adjacency, features)
        rows = features if recursion.features is None else recursion.features
        return Reconstruction(
            labels=(head.label,),
            embedding=head.embedding.cpu().numpy(),
            edge_scores=edges,
            features=rows,
            adjacency=adjacency,
            determined=recursion.features is not None,
            ranks=recursion.ranks,
            residual=gradient_residual(transcript, adjacency, rows, head.label),
            note="; ".join(part for part in (self.note, recursion.reason) if part),
            details={"by_place": self.by_place},
        )


def _earned_share(new: Callable[[], StructureDecoder], examples: Examples, truth: Tensor, questions: Examples) -> float:
    """Return how much of the network's word to take: the share that ranks edges best on examples it has not seen."""
    unseen = torch.arange(len(examples.mask)) % UNSEEN == 0
    if len(examples.mask) < 2 * UNSEEN:
        return 0.0
    seen, kept = examples.select(~unseen), examples.select(unseen)
    corrected = new().fit(seen, truth[~unseen], questions).decode(kept)
    scores = []
    for share in SHARES:
        edges = (share * corrected + (1 - share) * kept.edges).numpy()
        scores.append(float(np.mean(place_auc(edges, truth[unseen].numpy(), kept.mask.numpy()))))
    return SHARES[int(np.argmax(scores))]


def _principal_axes(signals: Array) -> tuple[Array, Array]:
    """Return the centre, and the directions of most variance, scaled to unit variance."""
    centre = signals.mean(0)
    _, sizes, axes = np.linalg.svd(signals - centre, full_matrices=False)
    kept = np.flatnonzero(sizes > 0.03 * max(float(sizes[0]), 1e-12))[:COMPONENTS]
    return centre, axes[kept].T / (sizes[kept] + 1e-12) * len(signals) ** 0.5
