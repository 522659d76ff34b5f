"""Many small graphs with a label each: what graph classifiers learn from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from oubli.errors import InputError
from oubli.graph.adjacency import unique_pairs
from oubli.graph.foreign import as_numpy


@dataclass(frozen=True, eq=False)
class LabelledGraph:
    """One undirected graph with node features and a label of its own; nodes are ``0 .. n-1``.

    Parameters
    ----------
    edges : array-like of int, shape (edges, 2)
        In any order and either direction; each counts once.
    features : array-like, shape (nodes, features)
        Numbers; kept as float64.
    label : int
        Class of the graph, 0 or more.

    Raises
    ------
    InputError
        For no nodes, an edge that names another node, a self-loop, features that are no finite numbers, or a label that
        is no class.
    """

    edges: NDArray[np.int64]
    features: NDArray[np.float64]
    label: int

    def __post_init__(self) -> None:
        features = np.asarray(as_numpy(self.features))
        if features.ndim != 2 or not features.size or features.dtype.kind not in "fiub":
            raise InputError(f"features: expected numbers of shape (nodes, features), got {features.shape}")
        if not np.isfinite(features).all():
            raise InputError("features: not finite everywhere; fill in or drop what is missing")
        given = np.asarray(as_numpy(self.edges))
        if given.size and (given.ndim != 2 or given.shape[1] != 2 or given.dtype.kind not in "iu"):
            raise InputError(f"edges: expected integers of shape (edges, 2), got {given.dtype} of shape {given.shape}")
        pairs = given.astype(np.int64).reshape(-1, 2)
        if pairs.size and not 0 <= pairs.min() <= pairs.max() < len(features):
            raise InputError(f"edges: name nodes from {pairs.min()} to {pairs.max()}, and there are {len(features)}")
        if (pairs[:, 0] == pairs[:, 1]).any():
            raise InputError("edges: a self-loop; graph layers add their own, drop it")
        if not isinstance(self.label, (int, np.integer)) or self.label < 0:
            raise InputError(f"label: expected a class, an integer of 0 or more, got {self.label!r}")
        object.__setattr__(self, "features", np.array(features, dtype=np.float64))
        object.__setattr__(self, "edges", unique_pairs(pairs))
        object.__setattr__(self, "label", int(self.label))

    def __repr__(self) -> str:
        return f"LabelledGraph(nodes={self.num_nodes}, edges={self.num_edges}, label={self.label})"

    @property
    def num_nodes(self) -> int:
        """How many nodes."""
        return len(self.features)

    @property
    def num_edges(self) -> int:
        """How many undirected edges."""
        return len(self.edges)

    @property
    def num_features(self) -> int:
        """Width of a feature row."""
        return int(self.features.shape[1])

    @property
    def degrees(self) -> NDArray[np.int64]:
        """Neighbours of each node, shape (nodes,)."""
        return np.bincount(self.edges.ravel(), minlength=self.num_nodes)

    @property
    def types(self) -> NDArray[np.int64] | None:
        """Position of the one in each row, shape (nodes,), where all rows are one-hot; else None."""
        one_hot = ((self.features == 0) | (self.features == 1)).all() and (self.features.sum(axis=1) == 1).all()
        return self.features.argmax(axis=1) if one_hot else None

    def adjacency(self) -> NDArray[np.float64]:
        """Return the dense symmetric matrix of zeros and ones, shape (nodes, nodes)."""
        matrix = np.zeros((self.num_nodes, self.num_nodes))
        matrix[self.edges[:, 0], self.edges[:, 1]] = matrix[self.edges[:, 1], self.edges[:, 0]] = 1.0
        return matrix

    def permuted(self, order: ArrayLike) -> LabelledGraph:
        """Return the same graph with its nodes in another order: new node ``i`` is ``order[i]``."""
        chosen = np.asarray(order)
        place = np.argsort(chosen)
        return LabelledGraph(place[self.edges], self.features[chosen], self.label)

    def to_networkx(self) -> Any:
        """Return a `networkx.Graph` whose nodes carry ``x``, the feature row as a tuple."""
        try:
            import networkx
        except ImportError:
            raise ImportError('to_networkx needs NetworkX: pip install "oubli[networkx]"') from None
        out = networkx.Graph(y=self.label)
        out.add_nodes_from((node, {"x": tuple(row)}) for node, row in enumerate(self.features.tolist()))
        out.add_edges_from(self.edges.tolist())
        return out

    @classmethod
    def from_networkx(cls, graph: Any, features: str = "x", label: int | None = None) -> LabelledGraph:
        """Take over a NetworkX graph; directions are forgotten, parallel edges count once, self-loops are dropped.

        Parameters
        ----------
        graph : networkx.Graph or its kin
        features : str, default "x"
            Node attribute with the feature row (or one number).
        label : int, optional
            Class; by default the graph's attribute ``y``.
        """
        place = {name: position for position, name in enumerate(graph.nodes)}
        rows = [graph.nodes[name].get(features) for name in place]
        for name, row in zip(place, rows, strict=True):
            if row is None:
                raise InputError(f"node {name!r}: no attribute {features!r}; name the one with the features")
        chosen = graph.graph.get("y") if label is None else label
        if chosen is None:
            raise InputError("label: the graph has no attribute 'y'; pass label=")
        pairs = [(place[u], place[v]) for u, v in graph.edges() if u != v]
        return cls(
            np.array(pairs, np.int64).reshape(-1, 2),
            np.array([np.atleast_1d(as_numpy(row)) for row in rows]),
            int(chosen),
        )

    @classmethod
    def from_pyg(cls, data: Any) -> LabelledGraph:
        """Take over a `torch_geometric.data.Data` of one graph, with `edge_index`, `x` and one `y`."""
        parts = {name: getattr(data, name, None) for name in ("edge_index", "x", "y")}
        missing = [name for name, value in parts.items() if value is None]
        if missing:
            raise InputError(f"data.{missing[0]}: missing; a graph to classify has edge_index, x and y")
        edge_index, rows, label = (np.asarray(as_numpy(value)) for value in parts.values())
        if label.size != 1:
            raise InputError(f"data.y: expected one label of the whole graph, got {label.size}")
        pairs = edge_index.T.astype(np.int64).reshape(-1, 2)
        return cls(pairs[pairs[:, 0] != pairs[:, 1]], rows, int(label.reshape(())))


@dataclass(frozen=True, eq=False)
class GraphCollection(Sequence[LabelledGraph]):
    """Graphs of one task: the same feature columns, classes ``0 .. num_classes-1``.

    Parameters
    ----------
    graphs : sequence of LabelledGraph
    name : str, default "graphs"
    num_classes : int, optional
        By default what the labels need, two at the least.
    feature_names : sequence of str, optional
        One a feature column, for instance the symbols of atoms.

    Raises
    ------
    InputError
        When there is no graph, or they do not fit together.
    """

    graphs: tuple[LabelledGraph, ...]
    name: str = "graphs"
    num_classes: int = 0
    feature_names: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        object.__setattr__(self, "graphs", tuple(self.graphs))
        if not self.graphs:
            raise InputError(f"{self.name}: no graph in it")
        width = self.graphs[0].num_features
        for position, graph in enumerate(self.graphs):
            if graph.num_features != width:
                raise InputError(
                    f"{self.name}: graph {position} has {graph.num_features} feature columns, and graph 0 {width}"
                )
        needed = max(2, *(graph.label + 1 for graph in self.graphs))
        if self.num_classes and self.num_classes < needed:
            raise InputError(f"{self.name}: num_classes={self.num_classes}, and a label needs {needed}")
        object.__setattr__(self, "num_classes", self.num_classes or needed)
        names = tuple(self.feature_names) or tuple(str(column) for column in range(width))
        if len(names) != width:
            raise InputError(f"{self.name}: {len(names)} feature names for {width} columns")
        object.__setattr__(self, "feature_names", names)

    def __len__(self) -> int:
        return len(self.graphs)

    def __getitem__(self, index: Any) -> Any:
        return self.graphs[index]

    def __iter__(self) -> Iterator[LabelledGraph]:
        return iter(self.graphs)

    def __repr__(self) -> str:
        return f"GraphCollection({self.name!r}, {len(self)} graphs, {self.num_classes} classes)"

    @property
    def num_features(self) -> int:
        """Width of a feature row."""
        return self.graphs[0].num_features

    @property
    def one_hot(self) -> bool:
        """Whether every node is of one type: all feature rows are one-hot."""
        return all(graph.types is not None for graph in self.graphs)

    def select(self, positions: Sequence[int] | NDArray[np.int64]) -> GraphCollection:
        """Return the graphs at these positions, in this order, with the same classes and columns."""
        chosen = tuple(self.graphs[int(position)] for position in positions)
        return GraphCollection(chosen, self.name, self.num_classes, self.feature_names)


def collection_from_arrays(arrays: Mapping[str, NDArray[Any]], name: str) -> GraphCollection:
    """Return the graphs of a graph classification file.

    Parameters
    ----------
    arrays : mapping of str to ndarray
        ``graph_ptr`` (graphs + 1), ``edge_index`` (2, edges) in positions of all nodes together, ``graph_labels``
        (graphs,), and ``node_labels`` (nodes,), taken one-hot, or else ``node_attributes`` (nodes, columns).
    name : str
        For messages, and of what is returned.

    Raises
    ------
    InputError
        When an array is missing, or they do not fit together.
    """
    missing = [part for part in ("graph_ptr", "edge_index", "graph_labels") if part not in arrays]
    if missing:
        raise InputError(f"{name}: array {missing[0]} is missing; expected a file of many graphs with labels")
    starts = _collection_starts(arrays, name)
    num_nodes = int(starts[-1])
    if arrays["edge_index"].ndim != 2 or len(arrays["edge_index"]) != 2 or arrays["edge_index"].dtype.kind not in "iu":
        raise InputError(f"{name}: edge_index must be integers of shape (2, edges), got {arrays['edge_index'].shape}")
    pairs = np.asarray(arrays["edge_index"], np.int64).T.reshape(-1, 2)
    if pairs.size and not 0 <= pairs.min() <= pairs.max() < num_nodes:
        raise InputError(f"{name}: edge_index names a node outside 0 .. {num_nodes - 1}")
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    owner = np.searchsorted(starts, pairs, side="right") - 1
    if (owner[:, 0] != owner[:, 1]).any():
        raise InputError(f"{name}: an edge leaves its graph")
    order = np.argsort(owner[:, 0], kind="stable")
    ends = np.searchsorted(owner[order, 0], np.arange(len(starts)))
    features = _collection_features(arrays, num_nodes, name)
    classes, labels = np.unique(arrays["graph_labels"], return_inverse=True)
    graphs = tuple(
        LabelledGraph(
            pairs[order[ends[i] : ends[i + 1]]] - starts[i], features[starts[i] : starts[i + 1]], int(labels[i])
        )
        for i in range(len(starts) - 1)
    )
    return GraphCollection(graphs, name, max(2, classes.size))


def _collection_starts(arrays: Mapping[str, NDArray[Any]], name: str) -> NDArray[np.int64]:
    starts = np.asarray(arrays["graph_ptr"])
    if starts.ndim != 1 or starts.size < 2 or starts.dtype.kind not in "iu" or starts[0] != 0:
        raise InputError(f"{name}: graph_ptr must be integers of shape (graphs + 1,), the first of them 0")
    starts = starts.astype(np.int64)
    if (np.diff(starts) < 1).any():
        raise InputError(f"{name}: graph_ptr must ascend, as every graph has a node")
    if arrays["graph_labels"].shape != (len(starts) - 1,):
        raise InputError(f"{name}: graph_labels of shape {arrays['graph_labels'].shape} for {len(starts) - 1} graphs")
    return starts


def _collection_features(arrays: Mapping[str, NDArray[Any]], num_nodes: int, name: str) -> NDArray[np.float64]:
    for part in ("node_labels", "node_attributes"):
        if part in arrays and arrays[part].shape[:1] != (num_nodes,):
            raise InputError(f"{name}: {part} of shape {arrays[part].shape} for {num_nodes} nodes")
    if "node_labels" in arrays:
        values = np.asarray(arrays["node_labels"], np.int64)
        values = values - values.min()
        return np.asarray(np.eye(int(values.max()) + 1)[values])
    if "node_attributes" in arrays:
        return np.asarray(arrays["node_attributes"], np.float64)
    # Graphs without features: the constant one, as graph classifiers are fed.
    return np.ones((num_nodes, 1))
