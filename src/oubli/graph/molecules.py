"""Molecules out of nothing: connected graphs of rings, chains and substituents whose label is a motif."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oubli.graph.collection import GraphCollection, LabelledGraph
from oubli.graph.generate import expect, generator_of

ATOMS = ("C", "N", "O", "F", "Cl")
VALENCES = (4, 3, 2, 1, 1)
CARBON, NITROGEN, OXYGEN = 0, 1, 2
SMALLEST = 9  # a ring of five, the motif, and room for one more atom
NITROGEN_IN_RING = 0.3  # chance that a ring has one
FOURTH = 0.05  # weight of a carbon with three neighbours when the next is bound, beside 1 for others
DECOY = 0.5  # chance that a graph without the motif has its atoms all the same, bound in another way


def generate_molecules(
    num_graphs: int = 200,
    seed: int = 0,
    *,
    min_nodes: int = 10,
    max_nodes: int = 24,
    num_types: int = 4,
    max_degree: int = 4,
    label_noise: float = 0.05,
) -> GraphCollection:
    """Make graphs that look like small organic molecules, to classify by a motif.

    Each grows from a ring of five or six atoms by rings (bound or fused), chains and single atoms. Bonds are all alike,
    and no atom has more than its valence of them. Half the graphs, up to rounding, have a nitro group, a nitrogen with
    two oxygens, and are of class 1; half of the others have the same atoms apart, so counting atoms does not tell the
    classes. Nodes are in random order: it tells nothing of the structure.

    Parameters
    ----------
    num_graphs : int, default 200
    seed : int, default 0
        Same seed, same graphs.
    min_nodes, max_nodes : int
        Sizes are drawn evenly from ``min_nodes .. max_nodes``; 9 at the least.
    num_types : int, default 4
        How many of carbon, nitrogen, oxygen, fluorine and chlorine there are, 3 to 5; features are one-hot.
    max_degree : {3, 4}, default 4
        Most neighbours of an atom.
    label_noise : float, default 0.05
        Chance that a label is the other one, in [0, 0.5]; no classifier is expected to be right more often than the
        rest.

    Returns
    -------
    GraphCollection
        Named ``"molecules"``, with the symbols of the atoms as feature names.

    Raises
    ------
    InputError
        For values out of range.

    Examples
    --------
    >>> from oubli.graph import generate_molecules
    >>> generate_molecules(50)
    GraphCollection('molecules', 50 graphs, 2 classes)
    """
    expect(num_graphs >= 1, "num_graphs >= 1")
    expect(SMALLEST <= min_nodes <= max_nodes, f"{SMALLEST} <= min_nodes <= max_nodes")
    expect(3 <= num_types <= len(ATOMS), f"num_types in 3 .. {len(ATOMS)}")
    expect(max_degree in (3, 4), "max_degree 3 or 4")
    expect(0 <= label_noise <= 0.5, "label_noise in [0, 0.5]")
    rng = generator_of(seed)
    classes = rng.permutation(num_graphs) % 2
    sizes = rng.integers(min_nodes, max_nodes + 1, num_graphs)
    flipped = rng.random(num_graphs) < label_noise
    graphs = [
        _grow(int(size), bool(motif), num_types, max_degree, rng).finish(int(motif ^ flip), num_types)
        for size, motif, flip in zip(sizes, classes, flipped, strict=True)
    ]
    return GraphCollection(tuple(graphs), "molecules", 2, ATOMS[:num_types])


def _grow(size: int, motif: bool, num_types: int, max_degree: int, rng: np.random.Generator) -> _Molecule:
    molecule = _Molecule(max_degree, rng)
    molecule.add_ring(5 if size < 10 else int(rng.integers(5, 7)))
    if motif:
        molecule.add_nitro()
    elif rng.random() < DECOY:
        molecule.add_decoy()
    while room := size - len(molecule.types):
        kind = rng.random()
        if kind < 0.2 and room >= 6:
            molecule.add_ring(int(rng.integers(5, 7)))
        elif kind < 0.4 and room >= 4:
            molecule.fuse_ring(int(rng.integers(5, 7)))
        elif kind < 0.7 or molecule.open().size < 2:
            # The last open place is never closed by an atom of valence one.
            molecule.add_atom(CARBON)
        else:
            molecule.add_atom(int(rng.integers(1, num_types)))
    return molecule


class _Molecule:
    """A connected graph that grows at carbons with a free place."""

    def __init__(self, max_degree: int, rng: np.random.Generator) -> None:
        self.types: list[int] = []
        self.bonds: list[tuple[int, int]] = []
        self._limits = np.minimum(VALENCES, max_degree)
        self._rng = rng

    def open(self) -> NDArray[np.int64]:
        """Return the carbons that may have another neighbour."""
        types = np.array(self.types, np.int64)
        return np.flatnonzero((types == CARBON) & (self._degrees() < self._limits[types]))

    def add_atom(self, kind: int, to: int | None = None) -> int:
        """Bind an atom of this type to an open carbon, or to the atom that is named."""
        bound = self._draw_open() if to is None else to
        self.types.append(kind)
        self.bonds.append((bound, len(self.types) - 1))
        return len(self.types) - 1

    def add_ring(self, length: int) -> None:
        """Add a ring, bound to an open carbon if there is any atom yet; at most one of its atoms is no carbon."""
        first = self.add_atom(CARBON) if self.types else self._start()
        self._close(first, first, length - 1)

    def fuse_ring(self, length: int) -> None:
        """Add a ring that shares a bond between two open carbons; where there is none, add a carbon."""
        free = set(self.open().tolist())
        shared = [bond for bond in self.bonds if free.issuperset(bond)]
        if not shared:
            self.add_atom(CARBON)
            return
        one, other = shared[int(self._rng.integers(len(shared)))]
        self._close(one, other, length - 2)

    def add_nitro(self) -> None:
        """Add a nitrogen with two oxygens."""
        nitrogen = self.add_atom(NITROGEN)
        self.add_atom(OXYGEN, nitrogen)
        self.add_atom(OXYGEN, nitrogen)

    def add_decoy(self) -> None:
        """Add a nitrogen with one oxygen, and another oxygen elsewhere."""
        self.add_atom(OXYGEN, self.add_atom(NITROGEN))
        self.add_atom(OXYGEN)

    def finish(self, label: int, num_types: int) -> LabelledGraph:
        """Return the graph with its nodes in random order."""
        graph = LabelledGraph(np.array(self.bonds), np.eye(num_types)[self.types], label)
        return graph.permuted(self._rng.permutation(len(self.types)))

    def _degrees(self) -> NDArray[np.int64]:
        return np.bincount(np.array(self.bonds, np.int64).ravel(), minlength=len(self.types))

    def _draw_open(self) -> int:
        free = self.open()
        weights = np.where(self._degrees()[free] < 3, 1.0, FOURTH)
        return int(self._rng.choice(free, p=weights / weights.sum()))

    def _start(self) -> int:
        self.types.append(CARBON)
        return 0

    def _close(self, start: int, end: int, length: int) -> None:
        """Join two atoms by a chain of `length` new ones, one of which may be a nitrogen, never the first."""
        place = int(self._rng.integers(1, length)) if self._rng.random() < NITROGEN_IN_RING else 0
        last = start
        for step in range(length):
            last = self.add_atom(NITROGEN if place and step == place else CARBON, last)
        self.bonds.append((last, end))
