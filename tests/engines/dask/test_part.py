"""Parts of a graph against plain NumPy: who owns what, and who is next to whom."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.exactness.raw import random_raw

from oubli.engines.dask.part import Part
from oubli.engines.dask.partition import MAKERS
from oubli.engines.dask.undo import Undo
from oubli.engines.memory import training_codes


def lists_of(part):
    """Return the neighbours of each known slot, in slots."""
    slots = np.concatenate([part.own, part.halo])
    return {int(slots[row]): slots[part.adjacency.row(row)].tolist() for row in range(slots.size)}


def check(graph, partition, parts):
    owner = np.concatenate([np.full(part.size, at) for at, part in enumerate(parts)])
    owner = owner[np.argsort(np.concatenate([part.own for part in parts]))]
    assert owner.tolist() == partition.owner(np.arange(graph.num_nodes)).tolist()
    for at, part in enumerate(parts):
        found = lists_of(part)
        for slot in part.own.tolist():
            near = graph.adjacency.row(slot)
            assert sorted(found[slot]) == near.tolist()
            assert part.inner[part.number(np.array([slot]))[0]] == np.count_nonzero(owner[near] == at)
        for slot, holder in zip(part.halo.tolist(), part.halo_owners.tolist(), strict=True):
            near = graph.adjacency.row(slot)
            assert found[slot] == near[owner[near] == at].tolist()
            assert owner[slot] == holder


def sends(parts):
    """Return for each pair of parts the slots that the first sends to the second."""
    return {
        (at, other): part.own[part.beside(np.arange(part.size), other)].tolist()
        for at, part in enumerate(parts)
        for other in part.peers
    }


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    nodes=st.integers(1, 60),
    degree=st.sampled_from([0.0, 1.0, 4.0, 12.0]),
    parts=st.integers(1, 6),
    way=st.sampled_from(["range", "metis"]),
    sparse=st.booleans(),
)
def test_parts_hold_the_graph_and_forget_and_take_back_as_it_does(seed, nodes, degree, parts, way, sparse):
    graph = random_raw(seed, nodes, degree=degree, sparse=sparse).build()
    partition = MAKERS[way](graph.adjacency, parts, 7)
    codes = training_codes(graph)
    cut = [Part.cut(graph.copy(), partition, p, codes[partition.own(p)]) for p in range(parts)]
    check(graph, partition, cut)
    for (at, other), slots in sends(cut).items():
        assert slots == cut[other].halo[cut[other].halo_owners == at].tolist()
    edges = np.random.default_rng(seed).permutation(graph.adjacency.edges())[: graph.num_edges // 2]
    undos, before = [Undo() for _ in cut], [lists_of(part) for part in cut]
    rows = [part.table.to_dense() for part in cut]
    for part, undo in zip(cut, undos, strict=True):
        part.remove(part.number(edges[np.isin(edges, part.own).any(axis=1)]), undo)
        part.wipe(np.arange(part.size // 2), undo)
        part.drop_codes(np.arange(part.size // 2), undo)
        assert not part.table.to_dense()[: part.size // 2].any()
    smaller = graph.copy()
    smaller.adjacency.remove(edges)
    check(smaller, partition, cut)
    fresh = [Part.cut(smaller, partition, p, codes[partition.own(p)]) for p in range(parts)]
    assert {pair: slots for pair, slots in sends(cut).items() if slots} == sends(fresh)
    for part, undo in zip(cut, undos, strict=True):
        undo.roll_back()
        assert part.codes.tolist() == codes[part.own].tolist()
    assert [lists_of(part) for part in cut] == before
    check(graph, partition, cut)
    assert all(np.array_equal(part.table.to_dense(), former) for part, former in zip(cut, rows, strict=True))


def test_ranges_weigh_about_the_same():
    graph = random_raw(1, 4000, degree=8.0).build()
    for weight in (1, 50):
        partition = MAKERS["range"](graph.adjacency, 4, weight)
        loads = [graph.adjacency.count[partition.own(p)].sum() + weight * partition.own(p).size for p in range(4)]
        assert max(loads) < 1.1 * min(loads) + graph.adjacency.count.max()


def test_metis_cuts_fewer_edges_than_ranges_do():
    ring = np.random.default_rng(0).permutation(400)
    raw = random_raw(1, 400)
    graph = type(raw)(
        np.arange(400), np.column_stack([ring, np.roll(ring, 1)]), raw.features, raw.labels, *[np.empty(0, int)] * 3
    ).build()
    ends = graph.adjacency.edges()
    cut = {}
    for way, make in MAKERS.items():
        partition = make(graph.adjacency, 4, 1)
        owners = partition.owner(ends)
        cut[way] = np.count_nonzero(owners[:, 0] != owners[:, 1])
        assert max(partition.own(p).size for p in range(4)) <= 110
    assert 10 * cut["metis"] < cut["range"]


def test_metis_without_its_library_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pymetis", None)
    with pytest.raises(ImportError, match=r"pip install 'oubli\[dask\]'"):
        MAKERS["metis"](random_raw(1, 50).build().adjacency, 2, 1)
