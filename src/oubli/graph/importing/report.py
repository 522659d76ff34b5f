"""What an import brought in, and what it left out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class ImportReport:
    """What an import brought in.

    Attributes
    ----------
    nodes, edges, arcs, features : int
        Of the graph; arcs are twice the edges.
    entries : int
        Edges in the sources, as they stand there.
    self_loops : int
        Entries that were dropped since both ends are one node.
    duplicates : int
        Entries that were dropped since another one, in either direction, is the same edge.
    ids : {"dense", "sparse", "texts"}
        ``0 .. n-1``, other integers, or strings.
    reorder : str or None
        The order of the slots.
    bytes_read : int
        Size of the sources.
    seconds : float
        What this run took; less than all when it went on with one that was interrupted.
    """

    nodes: int
    edges: int
    arcs: int
    features: int
    entries: int
    self_loops: int
    duplicates: int
    ids: str
    reorder: str | None
    bytes_read: int
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Return plain values by name."""
        return asdict(self)
