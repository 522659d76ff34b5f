"""What is to be forgotten: a request in external ids, and the same request resolved against a graph."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from oubli.errors import InputError
from oubli.graph.distinct import distinct, distinct_slots
from oubli.graph.foreign import as_numpy
from oubli.graph.ids import as_id_array, as_pairs

NodeId = int | str
Missing = Literal["error", "ignore"]


@dataclass(frozen=True)
class Removal:
    """A request to forget, in external ids. One request may mix all kinds; it is honoured whole or not at all.

    Parameters
    ----------
    nodes : iterable of int or str
        Nodes that go with their edges, features, label and place in every split.
    edges : iterable of (u, v) pairs
        Edges that go, both ways; the order of the two ends does not matter.
    features : iterable of int or str
        Nodes whose feature row becomes zero.
    labels : iterable of int or str
        Nodes whose label goes: they leave the splits, and can still be predicted.

    Raises
    ------
    InputError
        When an id is neither an integer nor a string, or an edge is not a pair of two different nodes.

    Examples
    --------
    >>> from oubli import Removal
    >>> Removal(nodes=[7], edges=[(2, 1)])
    Removal(nodes=(7,), edges=((1, 2),))
    """

    nodes: tuple[NodeId, ...] = ()
    edges: tuple[tuple[NodeId, NodeId], ...] = ()
    features: tuple[NodeId, ...] = ()
    labels: tuple[NodeId, ...] = ()

    arrays: ClassVar[dict[str, NDArray[Any]]]
    """The same ids as arrays, by kind; made once, since large requests are looked up as arrays."""

    def __init__(
        self,
        nodes: Iterable[NodeId] = (),
        edges: Iterable[tuple[NodeId, NodeId]] = (),
        features: Iterable[NodeId] = (),
        labels: Iterable[NodeId] = (),
    ) -> None:
        arrays = {
            "nodes": _unique_ids(nodes, "nodes"),
            "edges": _unique_edges(edges),
            "features": _unique_ids(features, "features"),
            "labels": _unique_ids(labels, "labels"),
        }
        object.__setattr__(self, "arrays", arrays)
        for name, array in arrays.items():
            listed = array.tolist()
            object.__setattr__(self, name, tuple(map(tuple, listed)) if name == "edges" else tuple(listed))

    @classmethod
    def subgraph(cls, nodes: Iterable[NodeId]) -> Removal:
        """Return the removal of the subgraph that `nodes` induce: the nodes with all their edges, in one batch."""
        return cls(nodes=nodes)

    def __or__(self, other: Removal) -> Removal:
        """Return one request for everything in both."""
        if not isinstance(other, Removal):
            return NotImplemented
        return Removal(*([*getattr(self, f.name), *getattr(other, f.name)] for f in fields(Removal)))

    def __bool__(self) -> bool:
        """Whether anything is requested."""
        return any(getattr(self, f.name) for f in fields(self))

    def __repr__(self) -> str:
        given = ", ".join(f"{f.name}={getattr(self, f.name)!r}" for f in fields(self) if getattr(self, f.name))
        return f"Removal({given})"

    def to_json(self) -> str:
        """Return the request as JSON text, which `from_json` reads."""
        return json.dumps({f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name)})

    @classmethod
    def from_json(cls, text: str) -> Removal:
        """Read a request from JSON: an object with any of the keys nodes, edges, features, labels, each once."""
        return cls(**parse_request(text))


def parse_request(text: str) -> dict[str, list[Any]]:
    """Return the lists of a request in JSON as they stand there, by kind.

    Raises
    ------
    InputError
        When the text is not JSON, not an object of lists, or has a key twice, one list of which would be lost.
    """
    if not isinstance(text, str):
        raise InputError(f"request: expected JSON text, got {type(text).__name__}; read it first, as path.read_text()")
    try:
        given = json.loads(text, object_pairs_hook=_each_key_once)
    except json.JSONDecodeError as error:
        raise InputError(f"request: not JSON, line {error.lineno}: {error.msg}") from None
    except InputError:
        raise
    except RecursionError:
        raise InputError("request: nested too deep; give an object of lists of ids") from None
    except ValueError:
        raise InputError("request: an integer has more digits than Python reads; ids must fit 64 bits") from None
    names = [f.name for f in fields(Removal)]
    if not isinstance(given, Mapping) or any(k not in names for k in given):
        raise InputError(f"request: expected an object with any of the keys {', '.join(names)}")
    for name, value in given.items():
        if not isinstance(value, list):
            raise InputError(f"request: {name} must be a list, got {type(value).__name__}")
    return dict(given)


def _each_key_once(items: list[tuple[str, Any]]) -> dict[str, Any]:
    given = dict(items)
    if len(given) < len(items):
        keys = [key for key, _ in items]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise InputError(f"request: key {twice!r} is given more than once, and one would be lost; merge the lists")
    return given


@dataclass(frozen=True)
class RemovalPlan:
    """A removal resolved to slots of one graph, complete and disjoint, ready to be applied.

    Attributes
    ----------
    nodes, features, labels : ndarrays of int64
        Slots, ascending. Rows of removed nodes are in `nodes` alone.
    edges : ndarray of int64, shape (m, 2)
        All edges that go, those of removed nodes among them, as ``u < v``, ascending.
    asked : ndarray of int64, shape (k, 2)
        Those of `edges` that were asked for by name.
    ignored : dict
        What ``missing="ignore"`` passed over, by kind.
    size : tuple of int
        Slots, nodes and edges of the graph that it was resolved against.
    """

    nodes: NDArray[np.int64]
    edges: NDArray[np.int64]
    features: NDArray[np.int64]
    labels: NDArray[np.int64]
    asked: NDArray[np.int64]
    size: tuple[int, int, int]
    ignored: dict[str, list[Any]] = field(default_factory=dict)

    @property
    def endpoints(self) -> NDArray[np.int64]:
        """Slots whose degree changes, ascending."""
        return distinct_slots(self.edges)

    @property
    def wiped(self) -> NDArray[np.int64]:
        """Slots whose feature row becomes zero, ascending."""
        return distinct(self.nodes, self.features)


def _unique_ids(ids: Iterable[NodeId], what: str) -> NDArray[Any]:
    ids = as_numpy(ids)
    if isinstance(ids, str | bytes | bytearray) or not isinstance(ids, Iterable):
        raise InputError(f"removal: {what} must be a list of ids, got {ids!r} alone; write [{ids!r}]")
    array = as_id_array(ids if isinstance(ids, np.ndarray) else list(ids), f"removal: {what}")
    return array[np.sort(np.unique(array, return_index=True)[1])]


def _unique_edges(edges: Iterable[tuple[NodeId, NodeId]]) -> NDArray[Any]:
    pairs = np.sort(as_pairs(edges, "removal: edges"), axis=1)
    loops = np.flatnonzero(pairs[:, 0] == pairs[:, 1])
    if loops.size:
        u = pairs[loops[0], 0].item()
        raise InputError(f"removal: edge ({u!r}, {u!r}) is a self-loop; graphs here have none, so none can go")
    order = np.lexsort((pairs[:, 1], pairs[:, 0]))
    ordered = pairs[order]
    first = np.ones(len(pairs), bool)
    first[1:] = (ordered[1:, 0] != ordered[:-1, 0]) | (ordered[1:, 1] != ordered[:-1, 1])
    return pairs[np.sort(order[first])]
