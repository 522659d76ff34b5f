"""Sizes of graphs: how they are named, where the files of one are, and what room these take."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

ARCS_A_NODE = 20
LADDER = ("1M", "2M", "10M", "50M", "200M", "1000M")
WIDE_UP_TO = 200 * 10**6
"""Arcs up to which wide features are measured, unless they are asked for."""

LOST = 0.15, 0.26
"""Share of a million drawn pairs that are no new edge, and how it falls with their number; fitted up to 10M."""

UNITS = {"K": 10**3, "M": 10**6, "G": 10**9}
HOPS = 2


@dataclass(frozen=True)
class Size:
    """A graph to be measured.

    Parameters
    ----------
    arcs : int
        Directed edges wanted, give or take a hundredth.
    features : int
    """

    arcs: int
    features: int

    @property
    def name(self) -> str:
        """Return the arcs as they are written on the command line."""
        for unit, worth in (("M", 10**6), ("K", 10**3)):
            if self.arcs % worth == 0:
                return f"{self.arcs // worth}{unit}"
        return str(self.arcs)

    @property
    def nodes(self) -> int:
        """Return how many nodes there are."""
        return max(self.arcs // ARCS_A_NODE, 100)

    @property
    def pairs(self) -> int:
        """Return how many pairs are drawn: more than edges are wanted, as some are drawn twice."""
        return round(self.arcs / 2 / (1 - LOST[0] * (self.arcs / 10**6) ** -LOST[1]))

    def source_bytes(self) -> int:
        """Return the room of edges, features, labels and splits as they are generated."""
        return 8 * self.pairs + self.nodes * (4 * self.features + 4)

    def graph_bytes(self) -> int:
        """Return the room of the graph folder."""
        return 4 * self.arcs + self.nodes * (4 * self.features + 8 + 8 + 4 + 4 + 1)

    def model_bytes(self) -> int:
        """Return the room of a model: the graph, messages of two bytes a column and totals of four a hop."""
        return self.graph_bytes() + self.nodes * self.features * (2 + 4 * HOPS)

    def room(self, engines: int, keep: bool) -> int:
        """Return the bytes on the disk that are in use at the worst moment.

        The importer sorts both directions of every pair, eight bytes each. A re-solve writes messages and totals beside
        those it replaces, and so does an import its graph beside its sources.
        """
        graph = self.graph_bytes()
        importing = self.source_bytes() + 16 * self.pairs + graph
        rows = self.model_bytes() - graph
        kept = self.source_bytes() if keep else 0
        return max(importing, kept + graph + (engines if keep else 1) * self.model_bytes() + rows)


def parse_size(text: str) -> int:
    """Return the number of arcs that "200M" and the like stand for.

    Raises
    ------
    ValueError
        When it is no such text.
    """
    unit = UNITS.get(text[-1:].upper())
    arcs = int(text[:-1]) * unit if unit else int(text)
    if not 1000 <= arcs <= 4 * 10**9:
        raise ValueError(f"sizes: expected between 1K and 4G arcs, got {text}")
    return arcs


def check_room(size: Size, scratch: Path, engines: int, keep: bool) -> None:
    """Stop, before hours are spent, where the disk would not do."""
    scratch.mkdir(parents=True, exist_ok=True)
    found = os.statvfs(scratch)
    free, needed = found.f_bavail * found.f_frsize, size.room(engines, keep)
    if needed > free:
        raise SystemExit(
            f"{scratch}: {size.name} arcs with {size.features} features take {needed / 2**30:.1f} GiB, and "
            f"{free / 2**30:.1f} GiB are free; name another folder with --scratch, or leave --keep out"
        )
