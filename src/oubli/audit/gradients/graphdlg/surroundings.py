"""Which surroundings of nodes, out of a dictionary, make up the graph behind a gradient; shares by least squares.

The last linear map of the graph layers has the gradient ``dL/dW = sum_v k_v (g * s_v)^T / n``, with inputs ``k_v`` and
slopes ``s_v`` that depend only on the surroundings of node v, and ``g = dL/dh`` is known. So do the terms of
``h = sum_v act(z_v) / n``. Both are linear in the shares of surroundings: those of auxiliary graphs are the dictionary,
and shares are found by non-negative least squares, without any rounding to counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.optimize import nnls

from oubli.audit.gradients.backpropagation import linear_maps
from oubli.audit.gradients.computation import DenseGraphs, Tensors, operator_of
from oubli.audit.gradients.form import ModelForm
from oubli.audit.gradients.head import HeadInversion
from oubli.audit.gradients.transcript import Transcript
from oubli.graph.collection import LabelledGraph

Array = NDArray[np.float64]
CANDIDATES = 300
"""Surroundings that enter the least squares: those nearest to the span of the gradient's columns."""


@dataclass(frozen=True, eq=False)
class ProfileDictionary:
    """Surroundings of the nodes of some graphs, under the weights of a form; equal ones are one entry.

    Parameters
    ----------
    inputs, slopes, states : ndarray, shape (entries, width)
        ``k``, ``s`` and ``act(z)`` of each.
    levels : tuple of ndarray, shape (entries, keys)
        What an entry looks like, ever closer: its type; type and degree; type and neighbours' types. One-hot.
    degrees : ndarray, shape (entries,)
    features : ndarray, shape (entries, d)
        Of the node itself.
    owned : ndarray, shape (graphs, entries)
        How many nodes of each graph have these surroundings.
    """

    inputs: Array
    slopes: Array
    states: Array
    levels: tuple[Array, ...]
    degrees: Array
    features: Array
    owned: Array

    @classmethod
    def of(cls, form: ModelForm, weights: Tensors, graphs: Sequence[LabelledGraph]) -> ProfileDictionary:
        """Collect the surroundings of all nodes."""
        maps = [_last_map(form, weights, graph) for graph in graphs]
        inputs, slopes, states = (np.concatenate([each[part] for each in maps]) for part in range(3))
        signs = np.random.default_rng(0).standard_normal((max(inputs.shape[1], states.shape[1]), 2))
        features = np.concatenate([graph.features for graph in graphs])
        # Entries are told apart by two random projections; the node's own features by the operator's self-loop.
        tags = np.round(np.hstack([inputs @ signs[: inputs.shape[1]], states @ signs[: states.shape[1]]]), 7) + 0.0
        first, entry = np.unique(tags, axis=0, return_index=True, return_inverse=True)[1:]
        owner = np.repeat(np.arange(len(graphs)), [graph.num_nodes for graph in graphs])
        owned = np.zeros((len(graphs), len(first)))
        np.add.at(owned, (owner, entry.ravel()), 1)
        looks = [look for graph in graphs for look in _looks(graph)]
        levels = tuple(_one_hot([looks[node][level] for node in first]) for level in range(3))
        degrees = np.concatenate([graph.degrees for graph in graphs]).astype(np.float64)
        return cls(
            inputs[first],
            slopes[first],
            states[first],
            levels,
            degrees[first],
            features[first],
            owned,
        )

    def shares(self, transcript: Transcript, head: HeadInversion) -> tuple[Array, float]:
        """Return the share of each entry among the nodes behind a transcript, and what they summed to before scaling.

        That sum is the number of nodes for sum pooling, and 1 for mean pooling, as far as the dictionary has them all.
        """
        last = "U" if transcript.form.layer == "gin" else "W"
        gradient = transcript.gradient[f"{last}{transcript.form.num_layers}"].cpu().numpy()
        embedding, sensitivity = head.embedding.cpu().numpy(), head.sensitivity.cpu().numpy()
        if not gradient.any() or not embedding.any():
            return self.average(), 1.0
        kept = self._nearest(gradient, transcript.rounding)
        inputs, slopes, states = self.inputs[kept], self.slopes[kept] * sensitivity, self.states[kept]
        one, two = 1 / (gradient**2).sum(), 1 / (embedding**2).sum()
        # Normal equations: the entries' matrices k (g * s)^T are too many to write out.
        normal = one * (inputs @ inputs.T) * (slopes @ slopes.T) + two * states @ states.T
        right = one * ((inputs @ gradient) * slopes).sum(1) + two * states @ embedding
        sizes, vectors = np.linalg.eigh(normal)
        # Under noise above the signal the largest direction is kept all the same: least squares needs one.
        good = sizes > max(1e-14, min(transcript.rounding, 0.1) ** 2) * sizes[-1]
        roots = np.sqrt(sizes[good])
        found = nnls(roots[:, None] * vectors[:, good].T, vectors[:, good].T @ right / roots, maxiter=30 * len(kept))[0]
        if found.sum() <= 0:
            return self.average(), 1.0
        out = np.zeros(len(self.inputs))
        out[kept] = found / found.sum()
        return out, float(found.sum())

    def average(self) -> Array:
        """Return the shares over all graphs of the dictionary."""
        total = self.owned.sum(0)
        return np.asarray(total / total.sum())

    def overlap(self, shares: Array, sizes: Array) -> Array:
        """Return how much the histograms of some graphs have in common with those of the dictionary's, 0 to 1.

        Parameters
        ----------
        shares : ndarray, shape (questions, entries)
        sizes : ndarray, shape (questions,)

        Returns
        -------
        ndarray, shape (questions, graphs)
            The mean over levels and entries themselves of common nodes, by the nodes of the larger graph.
        """
        largest = np.maximum(sizes[:, None], self.owned.sum(1)[None])
        total = np.zeros_like(largest)
        for level in (*self.levels, None):
            own = self.owned if level is None else self.owned @ level
            asked = shares * sizes[:, None] if level is None else (shares * sizes[:, None]) @ level
            for place, row in enumerate(asked):
                seen = row > 0
                total[place] += np.minimum(own[:, seen], row[seen]).sum(1)
        return np.asarray(total / largest / (len(self.levels) + 1))

    def _nearest(self, gradient: Array, rounding: float) -> NDArray[np.int64]:
        left, sizes, _ = np.linalg.svd(gradient)
        span = left[:, : int((sizes > max(1e-12, 30 * rounding) * sizes[0]).sum())]
        apart = np.linalg.norm(self.inputs - (self.inputs @ span) @ span.T, axis=1)
        return np.argsort(apart / (np.linalg.norm(self.inputs, axis=1) + 1e-300), kind="stable")[:CANDIDATES]


def _last_map(form: ModelForm, weights: Tensors, graph: LabelledGraph) -> tuple[Array, Array, Array]:
    device = next(iter(weights.values())).device
    dense = DenseGraphs.of([graph], torch.float64, device)
    last = linear_maps(form, weights, operator_of(form, dense.adjacency), dense.features)[-1]
    return last.inputs[0].cpu().numpy(), last.slopes[0].cpu().numpy(), last.outputs[0].cpu().numpy()


def _looks(graph: LabelledGraph) -> list[tuple[object, ...]]:
    """Return for each node its type, with its degree, and with its neighbours' types; one type where none is public."""
    types = graph.types if graph.types is not None else np.zeros(graph.num_nodes, np.int64)
    adjacency = graph.adjacency() > 0
    out: list[tuple[object, ...]] = []
    for node, kind in enumerate(types.tolist()):
        around = tuple(sorted(types[adjacency[node]].tolist()))
        out.append((kind, (kind, len(around)), (kind, around)))
    return out


def _one_hot(keys: Sequence[object]) -> Array:
    places = {key: place for place, key in enumerate(dict.fromkeys(keys))}
    return np.asarray(np.eye(len(places))[[places[key] for key in keys]])
