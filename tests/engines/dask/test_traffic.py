"""What travels between shards, and what each of them holds: integers, not timings."""

from __future__ import annotations

import numpy as np
import pytest
from tests.engines.dask.in_process import InProcessEngine, on

from oubli import Graph, Removal
from oubli.graph import generate_graph

WIDTH = 8


def ladder(rungs):
    """Return two rails, each on one of two parts, and rungs between them: an edge of every other rung can go."""
    low, high = np.arange(rungs), rungs + np.arange(rungs)
    edges = np.concatenate([np.column_stack([low, high]), *(np.column_stack([r[:-1], r[1:]]) for r in (low, high))])
    generator = np.random.default_rng(0)
    return Graph.from_edges(
        edges,
        features=generator.standard_normal((2 * rungs, WIDTH)),
        labels=generator.integers(0, 3, 2 * rungs),
        train=np.arange(0, 2 * rungs, 2),
    )


def removed(rungs, count, across=True):
    """Return the traffic of removing `count` edges that are far from one another: rungs, or parts of a rail."""
    engine = InProcessEngine(2, 2)
    model = on(lambda: engine)(hops=2).fit(ladder(rungs))
    gone = 10 + 20 * np.arange(count)
    model.unlearn(Removal(edges=np.column_stack([gone, rungs + gone if across else gone + 1])))
    return engine.traffic_


@pytest.mark.parametrize("count", [1, 5, 20])
def test_traffic_grows_with_the_change(count):
    rungs, rail = removed(2000, count), removed(2000, count, across=False)
    # Former messages of both ends, before each hop; nothing else ties them to the other rail.
    assert rungs.rows == [2 * count, 2 * count]
    # Both ends change at the first hop, and are told to the other rail before the second.
    assert rail.rows == [0, 2 * count]
    for traffic in (rungs, rail):
        assert sum(traffic.bytes) == sum(traffic.rows) * (4 + 4 * WIDTH)


def test_traffic_does_not_grow_with_the_graph():
    assert removed(500, 3) == removed(4000, 3)


def test_a_fit_sends_the_halo_once_a_hop_and_nothing_else():
    rungs = 300
    engine = InProcessEngine(2, 2)
    on(lambda: engine)(hops=2).fit(ladder(rungs))
    assert engine.traffic_.rows == [2 * rungs, 2 * rungs]
    assert engine.traffic_.bytes == [2 * rungs * (4 + 2 * WIDTH)] * 2


def test_a_change_within_one_part_stays_there():
    engine = InProcessEngine(2, 4)
    rungs = 400
    model = on(lambda: engine)(hops=2).fit(ladder(rungs))
    bare = np.arange(20, 60)
    model.unlearn(Removal(edges=np.column_stack([bare, rungs + bare])))
    model.unlearn(Removal(edges=[(40, 41)]))
    assert engine.traffic_.rows == [0, 0]


def test_what_a_shard_holds_falls_with_the_number_of_shards():
    graph = generate_graph(num_nodes=4000, average_degree=4, seed=0)
    largest = {}
    for parts in (1, 2, 4, 8):
        engine = InProcessEngine(2, parts, "metis")
        on(lambda engine=engine: engine)(hops=2).fit(graph)
        shards = engine.memory()["shards"]
        assert len(shards) == parts
        largest[parts] = max(sum(shard.values()) for shard in shards)
        rows = [sum(shard[name] for name in ("features", "messages", "totals_1", "totals_2")) for shard in shards]
        assert sum(rows) == 4000 * 32 * (4 + 2 + 4 + 4)
        assert all(shard["undo"] == 0 for shard in shards)
    for parts in (2, 4, 8):
        assert largest[parts] < 1.35 * largest[1] / parts
