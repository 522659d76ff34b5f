"""The attributed graph that models learn from and forget."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from oubli.errors import InputError
from oubli.graph.adjacency import MAX_NODES, Adjacency, unique_pairs
from oubli.graph.distinct import distinct
from oubli.graph.features import FeatureTable
from oubli.graph.foreign import as_numpy
from oubli.graph.ids import NodeIndex, as_id_array, as_narrow, as_pairs
from oubli.graph.labels import SPLITS, encode_labels, encode_splits
from oubli.graph.removal import Missing, Removal, RemovalPlan
from oubli.graph.resolve import resolve_removal


class Graph:
    """An undirected graph with stable node ids, features, labels and splits.

    Make one with `Graph.from_edges`, `oubli.load_dataset`, or a converter of `oubli.graph`. Rows of everything that the
    graph returns follow `node_ids`, which are in ascending order whatever the order they were given in.

    Attributes
    ----------
    index : NodeIndex
        External ids and slots.
    adjacency : Adjacency
        Edges, by slot.
    table : FeatureTable
        Features, by slot.
    label_codes : ndarray of int32
        Position in `label_values`, or -1, by slot.
    label_values : ndarray
        Classes, ascending.
    split_codes : ndarray of uint8
        0 none, 1 train, 2 val, 3 test, by slot.
    folder : Path or None
        The folder of a graph whose arrays are mapped from one (`oubli.graph.disk`), as long as nothing is removed.
    """

    folder: Path | None = None

    def __init__(
        self,
        index: NodeIndex,
        adjacency: Adjacency,
        table: FeatureTable,
        label_codes: NDArray[np.int32],
        label_values: NDArray[Any],
        split_codes: NDArray[np.uint8],
    ) -> None:
        self.index, self.adjacency, self.table = index, adjacency, table
        self.label_codes, self.label_values, self.split_codes = label_codes, label_values, split_codes

    @classmethod
    def from_edges(
        cls,
        edges: ArrayLike | Iterable[tuple[Any, Any]],
        *,
        features: ArrayLike | sp.spmatrix | sp.sparray | None = None,
        labels: ArrayLike | None = None,
        node_ids: ArrayLike | None = None,
        train: ArrayLike | None = None,
        val: ArrayLike | None = None,
        test: ArrayLike | None = None,
    ) -> Graph:
        """Build a graph from an edge list.

        Parameters
        ----------
        edges : array-like of shape (edges, 2)
            Pairs of node ids: a list, an array, a tensor, a data frame of two columns. Edges are undirected; repeated
            ones and both directions count once.
        features : array-like or sparse matrix of shape (nodes, features), optional
            One row a node, in the order of `node_ids`; kept as float32. Without it nodes have no feature columns. No
            entry of a sparse matrix may be given twice.
        labels : array-like of shape (nodes,), optional
            Integers or strings; None, NaN, NA, a negative integer or the empty string where missing.
        node_ids : array-like of shape (nodes,), optional
            Integers or strings (without NUL, of at most 1,024 characters), each once. Without it ids are ``0 .. n-1``,
            n being the number of feature rows or labels, or else one more than the largest id in `edges`.
        train, val, test : array-like, optional
            Disjoint splits: boolean masks in the order of `node_ids`, or lists of ids, each once.

        Returns
        -------
        Graph

        Raises
        ------
        InputError
            For self-loops, nodes given twice or listed twice in a split, non-finite features, shapes that do not match,
            overlapping splits.
        UnknownNodeError
            For an edge or split that names an id which is not among the nodes.

        Examples
        --------
        >>> from oubli import Graph
        >>> graph = Graph.from_edges([("a", "b"), ("b", "c")], node_ids=["c", "a", "b"])
        >>> graph.num_nodes, graph.num_edges, graph.node_ids.tolist()
        (3, 2, ['a', 'b', 'c'])
        """
        pairs, features, labels = as_pairs(edges), as_numpy(features), as_numpy(labels)
        ids = as_id_array(_default_ids(pairs, features, labels) if node_ids is None else node_ids)
        order = np.argsort(ids, kind="stable")
        index = NodeIndex(ids[order])
        ends = index.slots(pairs.ravel(), "edges").reshape(-1, 2)
        return _assembled(index, order, ends, features, labels, {"train": train, "val": val, "test": test})

    @property
    def num_nodes(self) -> int:
        """Number of nodes."""
        return self.index.num_alive

    @property
    def num_edges(self) -> int:
        """Number of undirected edges."""
        return self.adjacency.num_arcs // 2

    @property
    def size(self) -> tuple[int, int, int]:
        """Slots, nodes and edges: what a plan must share with the graph that it is applied to."""
        return self.index.ids.size, self.num_nodes, self.num_edges

    @property
    def num_features(self) -> int:
        """Number of feature columns."""
        return self.table.shape[1]

    @property
    def node_ids(self) -> NDArray[Any]:
        """External ids of the nodes, ascending, shape (nodes,)."""
        return self.index.living()

    @property
    def edges(self) -> NDArray[Any]:
        """Edges as pairs of external ids, shape (edges, 2), ascending."""
        pairs = self.adjacency.edges()
        if self.index.order is None:
            return self.index.ids[pairs]
        return self.index.living()[unique_pairs(self.index.ranks()[pairs])]

    @property
    def features(self) -> Any:
        """Feature rows in the order of `node_ids`: an ndarray of float32 or a SciPy CSR array."""
        rows = self.table.take(self.index.living_slots())
        return rows.to_scipy() if rows.is_sparse else rows.dense

    @property
    def labels(self) -> NDArray[Any]:
        """Labels in the order of `node_ids`; -1 (or the empty string) where missing."""
        codes = self.label_codes[self.index.living_slots()]
        if self.label_values.dtype.kind == "U":
            return np.append(self.label_values, "")[codes]
        return np.append(self.label_values, -1)[codes]

    @property
    def classes(self) -> NDArray[Any]:
        """Label values that occur, ascending."""
        return self.label_values[np.unique(self.label_codes[self.label_codes >= 0])]

    @property
    def train_nodes(self) -> NDArray[Any]:
        """Ids of the training nodes, ascending."""
        return self._ids_of("train")

    @property
    def val_nodes(self) -> NDArray[Any]:
        """Ids of the validation nodes, ascending."""
        return self._ids_of("val")

    @property
    def test_nodes(self) -> NDArray[Any]:
        """Ids of the test nodes, ascending."""
        return self._ids_of("test")

    def _ids_of(self, split: str) -> NDArray[Any]:
        ids: NDArray[Any] = self.index.ids[self.index.ascending(self.split_slots(split))]
        return ids

    def split_slots(self, name: str) -> NDArray[np.int64]:
        """Return the slots of a split, ascending."""
        return np.flatnonzero(self.split_codes == SPLITS.index(name) + 1)

    def slots(self, nodes: ArrayLike | None) -> NDArray[np.int64]:
        """Return the slots of `nodes` in the order given, or those of all nodes in the order of `node_ids`."""
        return self.index.living_slots() if nodes is None else self.index.slots(nodes)

    def has_node(self, node: int | str) -> bool:
        """Tell whether the node is there."""
        return bool(self.index.positions(as_id_array([node]))[1][0])

    def has_edge(self, u: int | str, v: int | str) -> bool:
        """Tell whether the edge is there, in either direction."""
        slots, there = self.index.positions(as_id_array([u, v]))
        return bool(there.all() and u != v and self.adjacency.has_edges(slots.reshape(1, 2))[0])

    def neighbors(self, node: int | str) -> NDArray[Any]:
        """Return the ids of a node's neighbours, ascending."""
        row = self.adjacency.row(int(self.index.slots([node])[0]))
        ids: NDArray[Any] = self.index.ids[self.index.ascending(row)]
        return ids

    def degree(self, node: int | str) -> int:
        """Return the number of a node's neighbours."""
        return int(self.adjacency.count[self.index.slots([node])[0]])

    def __repr__(self) -> str:
        splits = ", ".join(f"{name} {self.split_slots(name).size}" for name in SPLITS)
        return (
            f"Graph({self.num_nodes} nodes, {self.num_edges} edges, {self.num_features} features, "
            f"{self.classes.size} classes; {splits})"
        )

    def copy(self) -> Graph:
        """Return an independent copy."""
        return Graph(
            self.index.copy(),
            self.adjacency.copy(),
            self.table.copy(),
            self.label_codes.copy(),
            self.label_values.copy(),
            self.split_codes.copy(),
        )

    def compacted(self) -> Graph:
        """Return a copy that holds the living nodes and the labels in use, and nothing else."""
        if self._is_compact():
            return self.copy()
        slots = self.index.living_slots()
        codes = self.label_codes[slots]
        used, codes_in_use = np.unique(codes[codes >= 0], return_inverse=True)
        compact_codes = np.full(codes.size, -1, np.int32)
        compact_codes[codes >= 0] = codes_in_use
        return Graph(
            self.index.compacted(),
            Adjacency.from_pairs(slots.size, self.index.ranks()[self.adjacency.edges()]),
            self.table.take(slots),
            compact_codes,
            as_narrow(self.label_values[used]),
            self.split_codes[slots],
        )

    def _is_compact(self) -> bool:
        if self.index.order is not None or self.index.num_alive < self.index.ids.size:
            return False
        # Freed places of a row, and what is left of wiped sparse rows, are still there.
        if self.adjacency.num_arcs < self.adjacency.neighbours.size:
            return False
        if self.table.dense is None and not self.table.values.all():
            return False
        return bool((np.bincount(self.label_codes[self.label_codes >= 0], minlength=self.label_values.size) > 0).all())

    def with_splits(
        self, *, train: ArrayLike | None = None, val: ArrayLike | None = None, test: ArrayLike | None = None
    ) -> Graph:
        """Return the same graph with other splits, given as `from_edges` takes them.

        Raises
        ------
        InputError
            When splits overlap, a node is listed twice or has no label, or a mask has another size.
        UnknownNodeError
            For an id that is not among the nodes.
        """
        fresh = self.compacted()
        order, given = np.arange(fresh.num_nodes), {"train": train, "val": val, "test": test}
        fresh.split_codes = encode_splits(fresh.index, order, fresh.label_codes, given)
        return fresh

    def without(self, removal: Removal, *, missing: Missing = "error") -> Graph:
        """Return a new graph without what `removal` names; ids of what stays are unchanged.

        Raises
        ------
        UnknownNodeError
            When something named is not there and `missing` is ``"error"``.
        """
        smaller = self.copy()
        smaller.apply(smaller.resolve(removal, missing=missing))
        return smaller.compacted()

    def resolve(self, removal: Removal, *, missing: Missing = "error") -> RemovalPlan:
        """Validate a removal whole and return it in slots; the graph is not changed.

        Raises
        ------
        UnknownNodeError, AlreadyRemovedError, InputError
            When something named is not there and `missing` is ``"error"``.
        """
        return resolve_removal(self, removal, missing)

    def apply(self, plan: RemovalPlan) -> None:
        """Carry out a plan that `resolve` of this graph returned, in place; what goes is overwritten.

        Raises
        ------
        InputError
            When the plan is of a graph of another size, or this one has lost nodes or edges since.
        """
        if plan.size != self.size:
            raise InputError(
                f"plan: of a graph of {plan.size[1]} nodes and {plan.size[2]} edges, and this one has {self.num_nodes} "
                f"and {self.num_edges}; resolve the removal again, against this graph"
            )
        names, ledger = self.index.ids, self.index.ledger
        ledger.remember("edges", np.sort(names[plan.asked], axis=1))
        ledger.remember("features", names[plan.features])
        ledger.remember("labels", names[plan.labels])
        # No more what is in the folder.
        self.folder = None
        self.adjacency.remove(plan.edges)
        self.table.wipe(plan.wiped)
        gone = distinct(plan.nodes, plan.labels)
        self.label_codes[gone] = -1
        self.split_codes[gone] = 0
        self.index.remove(plan.nodes)


def graph_at_positions(
    pairs: NDArray[np.integer[Any]], ids: NDArray[Any], features: Any, labels: Any, splits: dict[str, Any]
) -> Graph:
    """Return the graph that `Graph.from_edges` makes, of edges that name positions in `ids`, all of them there."""
    ids = as_id_array(ids)
    order = np.argsort(ids, kind="stable")
    if (order[1:] < order[:-1]).any():
        ranks = np.empty_like(order)
        ranks[order] = np.arange(order.size)
        pairs = ranks[pairs]
    return _assembled(NodeIndex(ids[order]), order, pairs, features, labels, splits)


def _assembled(
    index: NodeIndex,
    order: NDArray[np.int64],
    ends: NDArray[np.integer[Any]],
    features: Any,
    labels: Any,
    splits: dict[str, Any],
) -> Graph:
    """Return the graph of edges as slots; the rest is in the order of the ids as given, which `order` sorts."""
    loops = np.flatnonzero(ends[:, 0] == ends[:, 1])
    if loops.size:
        name = index.ids[ends[loops[0], 0]].item()
        raise InputError(
            f"edges: entry {int(loops[0])}, ({name!r}, {name!r}), is a self-loop; "
            "drop self-loops first (the propagation adds its own)"
        )
    table = FeatureTable.from_input(np.zeros((order.size, 0)) if features is None else features, order)
    codes, values = encode_labels(labels, order.size)
    codes = codes[order]
    split_codes = encode_splits(index, order, codes, splits)
    return Graph(index, Adjacency.from_pairs(order.size, ends), table, codes, values, split_codes)


def _default_ids(pairs: NDArray[Any], features: Any, labels: Any) -> NDArray[Any]:
    if features is not None:
        shape = getattr(features, "shape", None)
        return np.arange(shape[0] if shape else len(features) if hasattr(features, "__len__") else 0)
    if hasattr(labels, "__len__") and getattr(labels, "ndim", 1) != 0:
        return np.arange(len(labels))
    if pairs.dtype.kind == "U":
        return np.unique(pairs)
    largest = int(pairs.max()) if pairs.size else -1
    if largest >= MAX_NODES:
        raise InputError(
            f"edges: the largest id is {largest}, and without node_ids every integer up to it would be a node; "
            "give node_ids (for instance numpy.unique(edges))"
        )
    return np.arange(largest + 1)
