"""Graphs of other libraries: NetworkX and PyTorch Geometric, both ways."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oubli.errors import InputError
from oubli.graph.foreign import as_numpy
from oubli.graph.graph import Graph
from oubli.graph.ids import as_id_array
from oubli.graph.labels import SPLITS


def from_networkx(
    graph: Any,
    features: str | Sequence[str] | None = "x",
    label: str | None = "y",
    split: str | None = "split",
    *,
    drop_self_loops: bool = False,
) -> Graph:
    """Take over a NetworkX graph. Directions are forgotten, parallel edges count once, edge attributes are not used.

    Parameters
    ----------
    graph : networkx.Graph, DiGraph, MultiGraph or MultiDiGraph
        Its nodes are the ids: all integers or all strings.
    features : str, sequence of str or None, default "x"
        A node attribute that holds a row of numbers (or one number), or several that hold a number each. If no node has
        it, there are no features; either all nodes have it or none.
    label : str or None, default "y"
        The node attribute that holds the label; missing where a node has none.
    split : str or None, default "split"
        The node attribute that holds ``"train"``, ``"val"`` or ``"test"``; in no split where a node has none.
    drop_self_loops : bool, default False
        Drop self-loops rather than refuse them.

    Returns
    -------
    Graph

    Raises
    ------
    InputError
        For ids that are neither, a node without features where others have them, rows of different lengths, an unknown
        split, or a self-loop.

    Examples
    --------
    >>> import networkx
    >>> from oubli.graph import from_networkx
    >>> from_networkx(networkx.karate_club_graph(), label="club").num_edges
    78
    """
    names = list(graph.nodes)
    ids = as_id_array(names, "nodes of the NetworkX graph")
    attributes = [graph.nodes[name] for name in names]
    ends = as_id_array([end for pair in graph.edges() for end in pair[:2]], "edges").reshape(-1, 2)
    labels = None if label is None else np.array([given.get(label) for given in attributes], dtype=object)
    return Graph.from_edges(
        _without_loops(ends) if drop_self_loops else ends,
        features=None if features is None else _feature_rows(names, attributes, features),
        labels=labels,
        node_ids=ids,
        **({} if split is None else _split_masks(names, attributes, split)),
    )


def to_networkx(graph: Graph, features: str | None = "x", label: str | None = "y", split: str | None = "split") -> Any:
    """Return the graph as a `networkx.Graph`.

    Parameters
    ----------
    graph : Graph
    features, label, split : str or None
        Names of the node attributes that hold the feature row (a dense NumPy array), the label, and the name of the
        split; None leaves them out. Nodes without a label, or in no split, do not get that attribute.

    Returns
    -------
    networkx.Graph
        Nodes and edges in ascending order of the ids.

    Raises
    ------
    ImportError
        When NetworkX is not installed.
    """
    try:
        import networkx
    except ImportError:
        raise ImportError('to_networkx needs NetworkX: pip install "oubli[networkx]"') from None
    graph = graph.compacted()
    names = graph.node_ids.tolist()
    out = networkx.Graph()
    out.add_nodes_from(names)
    out.add_edges_from(graph.edges.tolist())
    if features is not None and graph.num_features:
        for name, row in zip(names, graph.table.to_dense(), strict=True):
            out.nodes[name][features] = row
    values = graph.label_values.tolist()
    for name, code, place in zip(names, graph.label_codes.tolist(), graph.split_codes.tolist(), strict=True):
        if label is not None and code >= 0:
            out.nodes[name][label] = values[code]
        if split is not None and place:
            out.nodes[name][split] = SPLITS[place - 1]
    return out


def from_pyg(data: Any, split: int = 0, *, node_ids: Any = None, drop_self_loops: bool = False) -> Graph:
    """Take over a `torch_geometric.data.Data`, or any object with its attributes.

    Directions are forgotten and parallel edges count once; edge attributes are not used.

    Parameters
    ----------
    data : torch_geometric.data.Data
        With `edge_index` of shape (2, edges), and if present `x`, `y` (negative or NaN where missing), `train_mask`,
        `val_mask`, `test_mask`, and `n_id`, the ids of the nodes.
    split : int, default 0
        Which column of the masks to use when they are of shape (nodes, splits).
    node_ids : array-like of shape (nodes,), optional
        Ids of the nodes, in their order; by default those in `n_id`, else ``0 .. n-1``.
    drop_self_loops : bool, default False
        Drop self-loops rather than refuse them.

    Returns
    -------
    Graph

    Raises
    ------
    InputError
        When there is no `edge_index`, a shape does not fit, the split is not there, or for a self-loop.
    """
    edge_index = _array(data, "edge_index")
    if edge_index is None:
        raise InputError("data: no edge_index; expected a homogeneous Data (make one with HeteroData.to_homogeneous())")
    if edge_index.ndim != 2 or edge_index.shape[0] != 2 or edge_index.dtype.kind not in "iu":
        raise InputError(f"data.edge_index: expected integers of shape (2, edges), got shape {edge_index.shape}")
    features, labels = _array(data, "x"), _pyg_labels(data)
    num_nodes = _pyg_num_nodes(data, edge_index, features, labels)
    if edge_index.size and not 0 <= int(edge_index.min()) <= int(edge_index.max()) < num_nodes:
        raise InputError(f"data.edge_index: names a node outside 0 .. {num_nodes - 1}")
    given = getattr(data, "n_id", None) if node_ids is None else node_ids
    ids = as_id_array(np.arange(num_nodes) if given is None else as_numpy(given), "node ids")
    if ids.size != num_nodes:
        raise InputError(f"node ids: {ids.size} for {num_nodes} nodes; give one a node, in their order")
    pairs = ids[edge_index.T]
    return Graph.from_edges(
        _without_loops(pairs) if drop_self_loops else pairs,
        features=features if features is None or features.ndim != 1 else features[:, None],
        labels=labels,
        node_ids=ids,
        **_pyg_masks(data, num_nodes, split),
    )


def to_pyg(graph: Graph) -> Any:
    """Return the graph as a `torch_geometric.data.Data`.

    Parameters
    ----------
    graph : Graph

    Returns
    -------
    torch_geometric.data.Data
        With `edge_index` (both directions), dense `x`, `y` (positions in `classes`, -1 where missing), `classes` (a
        list), the three masks, and `n_id`: the ids, a tensor of integers or a list of strings. Nodes are in ascending
        order of the ids.

    Raises
    ------
    ImportError
        When PyTorch Geometric is not installed.
    """
    try:
        import torch
        from torch_geometric.data import Data
    except ImportError:
        raise ImportError('to_pyg needs PyTorch Geometric: pip install "oubli[pyg]"') from None
    graph = graph.compacted()
    pairs = graph.adjacency.edges()
    both = np.concatenate([pairs, pairs[:, ::-1]])
    both = both[np.lexsort((both[:, 1], both[:, 0]))]
    ids = graph.node_ids
    masks = {f"{name}_mask": graph.split_codes == code for code, name in enumerate(SPLITS, start=1)}
    return Data(
        edge_index=torch.from_numpy(np.ascontiguousarray(both.T)),
        x=torch.from_numpy(graph.table.to_dense()),
        y=torch.from_numpy(graph.label_codes.astype(np.int64)),
        classes=graph.label_values.tolist(),
        n_id=ids.tolist() if ids.dtype.kind == "U" else torch.from_numpy(ids.copy()),
        num_nodes=graph.num_nodes,
        **{name: torch.from_numpy(mask) for name, mask in masks.items()},
    )


def _without_loops(pairs: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(pairs[pairs[:, 0] != pairs[:, 1]])


def _feature_rows(names: list[Any], attributes: list[Any], features: str | Sequence[str]) -> NDArray[Any] | None:
    wanted = [features] if isinstance(features, str) else list(features)
    if not any(name in given for given in attributes for name in wanted):
        return None
    rows = []
    for node, given in zip(names, attributes, strict=True):
        missing = [name for name in wanted if given.get(name) is None]
        if missing:
            raise InputError(f"node {node!r}: no attribute {missing[0]!r}, which others have; give it to all or none")
        try:
            rows.append(np.concatenate([np.atleast_1d(np.asarray(given[name], dtype=np.float64)) for name in wanted]))
        except (TypeError, ValueError):
            raise InputError(f"node {node!r}: attribute {wanted} holds no numbers; features are numbers") from None
        if rows[-1].shape != rows[0].shape:
            raise InputError(
                f"node {node!r}: {rows[-1].shape[0]} features, and node {names[0]!r} has {rows[0].shape[0]}; "
                "rows must be of one length"
            )
    return np.array(rows)


def _split_masks(names: list[Any], attributes: Iterable[Any], split: str) -> dict[str, NDArray[np.bool_]]:
    given = [attribute.get(split) for attribute in attributes]
    for node, name in zip(names, given, strict=True):
        if name is not None and name not in SPLITS:
            raise InputError(f"node {node!r}: split {name!r} is none of {', '.join(SPLITS)}; or pass split=None")
    return {name: np.array([place == name for place in given], dtype=bool) for name in SPLITS}


def _array(data: Any, name: str) -> NDArray[Any] | None:
    value = getattr(data, name, None)
    return None if value is None else np.asarray(as_numpy(value))


def _pyg_labels(data: Any) -> NDArray[Any] | None:
    labels = _array(data, "y")
    if labels is not None and labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels is not None and labels.ndim != 1:
        raise InputError(f"data.y: expected one label a node, got shape {labels.shape}; multi-label is not supported")
    return labels


def _pyg_num_nodes(data: Any, edge_index: NDArray[Any], *given: NDArray[Any] | None) -> int:
    for array in given:
        if array is not None:
            return len(array)
    known = getattr(data, "num_nodes", None)
    return int(known) if known is not None else int(edge_index.max(initial=-1)) + 1


def _pyg_masks(data: Any, num_nodes: int, split: int) -> dict[str, NDArray[np.bool_]]:
    masks = {}
    for name in SPLITS:
        mask = _array(data, f"{name}_mask")
        if mask is None:
            continue
        if mask.ndim == 2 and mask.shape[0] == num_nodes:
            if not 0 <= split < mask.shape[1]:
                raise InputError(f"data.{name}_mask: no split {split}; it has 0 to {mask.shape[1] - 1}")
            mask = mask[:, split]
        if mask.shape != (num_nodes,):
            shapes = f"({num_nodes},) or ({num_nodes}, splits)"
            raise InputError(f"data.{name}_mask: expected shape {shapes}, got {mask.shape}")
        masks[name] = mask.astype(bool)
    return masks
