"""Checking a removal against a graph, whole, before anything changes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from oubli.errors import AlreadyRemovedError, InputError, OubliError
from oubli.graph.adjacency import unique_pairs
from oubli.graph.removal import Missing, Removal, RemovalPlan

if TYPE_CHECKING:
    from oubli.graph.graph import Graph

MEND = 'leave it out, or pass missing="ignore"'


def resolve_removal(graph: Graph, removal: Removal, missing: Missing) -> RemovalPlan:
    """Return `removal` in slots of `graph`.

    Raises
    ------
    UnknownNodeError, AlreadyRemovedError, InputError
        When something named is not there and `missing` is ``"error"``.
    """
    if not isinstance(removal, Removal):
        raise InputError(f"expected a Removal, got {type(removal).__name__}; write Removal(nodes=[...])")
    if missing not in ("error", "ignore"):
        raise InputError(f'missing: expected "error" or "ignore", got {missing!r}')
    look = _Lookup(graph, removal, missing)
    nodes = np.sort(look.nodes("nodes"))
    # The row and the label of a node that goes are covered by it, whether or not there are any.
    featured, labelled = (np.setdiff1d(look.nodes(kind), nodes) for kind in ("features", "labels"))
    featured = look.having("features", featured, ~graph.table.is_zero(featured))
    labelled = look.having("labels", labelled, graph.label_codes[labelled] >= 0)
    asked = look.edges()
    edges = unique_pairs(np.concatenate([asked, graph.adjacency.incident(nodes)])) if nodes.size else asked
    return RemovalPlan(
        nodes=nodes,
        edges=edges,
        features=featured,
        labels=labelled,
        asked=asked,
        size=graph.size,
        ignored=look.ignored,
    )


@dataclass
class _Lookup:
    """Finds what a removal names; what is not there raises, or is put on the list of the ignored."""

    graph: Graph
    removal: Removal
    missing: Missing
    ignored: dict[str, list[Any]] = field(default_factory=dict)

    def nodes(self, kind: str) -> NDArray[np.int64]:
        """Return the slots of the nodes named under `kind`."""
        ids = self.removal.arrays[kind]
        slots, there = self.graph.index.positions(ids)
        if not there.all():
            self._absent(kind, ids[~there], lambda: self.graph.index.unknown(ids[~there], kind))
        return slots[there]

    def having(self, kind: str, slots: NDArray[np.int64], has: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Keep the slots that still have the features or label to be removed."""
        if not has.all():
            ids = self.graph.index.ids[slots[~has]]
            self._absent(kind, ids, lambda: self._bare(kind, ids))
        return slots[has]

    def edges(self) -> NDArray[np.int64]:
        """Return the named edges as slot pairs, ascending."""
        pairs = self.removal.arrays["edges"]
        slots, there = self.graph.index.positions(pairs.ravel())
        ends, both = slots.reshape(-1, 2), there.reshape(-1, 2)
        if there.all():
            # In the order of their rows, the usual case where all are there is quicker.
            ordered = unique_pairs(ends)
            if self.graph.adjacency.has_edges(ordered).all():
                return ordered
        found = both[:, 0] & both[:, 1]
        found[found] = self.graph.adjacency.has_edges(ends[found])
        if not found.all():
            unknown = pairs.ravel()[~there]
            self._absent("edges", pairs[~found], lambda: self._no_edge(pairs[~found][:1], unknown))
        return unique_pairs(ends[found])

    def _absent(self, kind: str, names: NDArray[Any], error: Any) -> None:
        if self.missing == "error":
            raise error()
        self.ignored.setdefault(kind, []).extend(names.tolist())

    def _bare(self, kind: str, ids: NDArray[Any]) -> OubliError:
        before = bool(self.graph.index.ledger.knows(kind, ids[:1])[0])
        name, what = ids[0].item(), "the features" if kind == "features" else "the label"
        if before:
            verb = "were" if kind == "features" else "was"
            return AlreadyRemovedError(f"{kind}: {what} of node {name!r} {verb} removed before; {MEND}")
        return InputError(f"{kind}: node {name!r} has none, so there is nothing to remove; {MEND}")

    def _no_edge(self, pair: NDArray[Any], unknown: NDArray[Any]) -> OubliError:
        u, v = pair[0].tolist()
        if self.graph.index.ledger.knows("edges", pair)[0]:
            return AlreadyRemovedError(f"edges: ({u!r}, {v!r}) was removed before; {MEND}")
        if unknown.size:
            return self.graph.index.unknown(unknown, "edges")
        return InputError(f"edges: there is no edge ({u!r}, {v!r}) in the graph; {MEND}")
