"""Graphs as plain arrays, forgotten from by plain array operations: what oubli is checked against."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp

from oubli import Graph, Removal

KINDS = ("label", "feature", "edge", "node", "subgraph")


@dataclass(frozen=True)
class RawGraph:
    """Ids, edges in ids, features, labels (-1 where missing) and the ids of the three splits."""

    ids: np.ndarray
    edges: np.ndarray
    features: Any
    labels: np.ndarray
    train: np.ndarray
    val: np.ndarray
    test: np.ndarray

    def build(self, generator: np.random.Generator | None = None) -> Graph:
        """Return the graph; with a generator, nodes and edges come in another order and edges are turned round."""
        order, edges = np.arange(self.ids.size), self.edges
        if generator is not None:
            order = generator.permutation(order)
            edges = generator.permutation(edges)
            turned = generator.random(len(edges)) < 0.5
            edges[turned] = edges[turned, ::-1]
        return Graph.from_edges(
            edges,
            features=self.features[order],
            labels=self.labels[order],
            node_ids=self.ids[order],
            train=self.train,
            val=self.val,
            test=self.test,
        )

    def without(self, removal: Removal) -> RawGraph:
        """Return what remains, by plain membership tests."""
        stays = ~np.isin(self.ids, removal.nodes)
        unlabelled = [*removal.nodes, *removal.labels]
        gone = set(removal.edges)
        lost = np.array([(u, v) in gone or (v, u) in gone for u, v in self.edges.tolist()], bool)
        lost |= np.isin(self.edges, removal.nodes).any(axis=1)
        weight = np.where(np.isin(self.ids, removal.features), np.float32(0), np.float32(1))
        if sp.issparse(self.features):
            features = sp.csr_array(sp.diags_array(weight) @ self.features)[np.flatnonzero(stays)].astype(np.float32)
        else:
            features = np.where(weight[:, None] > 0, self.features, np.float32(0))[stays]
        return replace(
            self,
            ids=self.ids[stays],
            edges=self.edges[~lost],
            features=features,
            labels=np.where(np.isin(self.ids, removal.labels), -1, self.labels)[stays],
            train=self.train[~np.isin(self.train, unlabelled)],
            val=self.val[~np.isin(self.val, unlabelled)],
            test=self.test[~np.isin(self.test, unlabelled)],
        )

    def save(self, path: Path) -> None:
        """Write the arrays, and nothing else."""
        arrays = {name: getattr(self, name) for name in ("ids", "edges", "labels", "train", "val", "test")}
        if sp.issparse(self.features):
            matrix = sp.csr_array(self.features)
            arrays |= {"indptr": matrix.indptr, "indices": matrix.indices, "data": matrix.data}
            arrays["shape"] = np.array(matrix.shape)
        else:
            arrays["features"] = self.features
        np.savez(path, **arrays)

    @classmethod
    def load(cls, path: Path) -> RawGraph:
        """Read what `save` wrote."""
        with np.load(path, allow_pickle=False) as stored:
            arrays = dict(stored)
        if "features" not in arrays:
            parts = (arrays.pop("data"), arrays.pop("indices"), arrays.pop("indptr"))
            arrays["features"] = sp.csr_array(parts, shape=tuple(arrays.pop("shape").tolist()))
        return cls(**arrays)


def random_raw(
    seed: int,
    num_nodes: int = 40,
    num_features: int = 6,
    num_classes: int = 3,
    degree: float = 4.0,
    strings: bool = False,
    sparse: bool = False,
) -> RawGraph:
    """Return a small graph with a hub, isolated nodes, zero feature rows and unlabelled nodes."""
    generator = np.random.default_rng(seed)
    numbers = np.sort(generator.choice(10 * num_nodes, num_nodes, replace=False))
    ids = np.array([f"n{i:05}" for i in numbers]) if strings else numbers
    ends = generator.integers(0, num_nodes, (int(num_nodes * degree / 2), 2))
    ends[: num_nodes // 4, 0] = 0
    ends = np.sort(ends[ends[:, 0] != ends[:, 1]], axis=1)
    ends = np.unique(ends, axis=0).reshape(-1, 2)
    labels = generator.integers(0, num_classes, num_nodes)
    features = generator.standard_normal((num_nodes, num_features)).astype(np.float32)
    features[:, 0] += labels
    features[generator.random(num_nodes) < 0.1] = 0
    if sparse:
        features = sp.csr_array(np.where(generator.random(features.shape) < 0.5, features, 0).astype(np.float32))
    place = generator.random(num_nodes)
    labels = np.where(place > 0.95, -1, labels)
    splits = [ids[(place >= low) & (place < high)] for low, high in ((0, 0.5), (0.5, 0.75), (0.75, 0.95))]
    return RawGraph(ids, ids[ends], features, labels, *splits)


def read_raw(root: Path, name: str) -> RawGraph:
    """Read a data set as it is shared; without a split of its own it gets 60/20/20 by a fixed seed."""
    with np.load(root / f"{name}.npz", allow_pickle=False) as stored:
        arrays = dict(stored)
    num_nodes = int(arrays["num_nodes"])
    if "features" in arrays:
        features = arrays["features"]
    else:
        parts = arrays["feat_data"].astype(np.float32), arrays["feat_indices"].astype(np.int32), arrays["feat_indptr"]
        features = sp.csr_array(parts, shape=tuple(arrays["feat_shape"].tolist()))
    labels = arrays["labels"].astype(np.int64)
    labels[arrays.get("unlabelled_nodes", [])] = -1
    if "train_masks" in arrays:
        splits = [np.flatnonzero(arrays[f"{split}_masks"][0]) for split in ("train", "val", "test")]
    else:
        order = np.random.default_rng(0).permutation(num_nodes)
        splits = np.split(order, [int(0.6 * num_nodes), int(0.8 * num_nodes)])
    return RawGraph(np.arange(num_nodes), arrays["edge_index"].T.astype(np.int64), features, labels, *splits)


def draw_removal(raw: RawGraph, kind: str, size: int, generator: np.random.Generator) -> Removal:
    """Draw a request of one kind from what the graph holds, of `size` pieces or as many as there are."""
    if kind == "label":
        labelled = np.concatenate([raw.train, raw.train, raw.val, raw.test])
        return Removal(labels=_some(np.unique(labelled), size, generator))
    if kind == "feature":
        sizes = abs(raw.features).sum(axis=1)
        return Removal(features=_some(raw.ids[np.asarray(sizes).ravel() > 0], size, generator))
    if kind == "edge":
        picked = generator.permutation(len(raw.edges))[:size]
        return Removal(edges=raw.edges[picked])
    if kind == "node":
        return Removal(nodes=_some(raw.ids, size, generator))
    return Removal.subgraph(_ball(raw, size, generator))


def _some(ids: np.ndarray, size: int, generator: np.random.Generator) -> np.ndarray:
    return generator.permutation(ids)[:size]


def _ball(raw: RawGraph, size: int, generator: np.random.Generator) -> np.ndarray:
    """Return `size` nodes around a random one, nearest first."""
    if raw.ids.size == 0:
        return raw.ids
    ball = _some(raw.ids, 1, generator)
    while ball.size < size:
        touching = raw.edges[np.isin(raw.edges, ball).any(axis=1)]
        further = np.setdiff1d(touching, ball)
        if further.size == 0:
            break
        ball = np.concatenate([ball, _some(further, size - ball.size, generator)])
    return ball
