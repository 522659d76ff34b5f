"""Workers and schedulers that are killed: the digest stays that of the engine in memory, or a clear word is said."""

from __future__ import annotations

import os
import signal

import pytest
from tests.engines.dask.in_process import on
from tests.exactness.raw import random_raw

from oubli import Removal
from oubli.engines.dask import DaskEngine
from oubli.engines.dask.shards import Shards
from oubli.errors import OubliError
from oubli.graph.disk import open_graph, write_graph
from oubli.models import SGCRidge


def kill_a_worker(engine, part=0):
    """Kill the process that has a shard."""
    place = engine._shards.places[part]
    pid = engine._open.results([engine._open.submit(place, os.getpid)], [place])[0]
    os.kill(pid, signal.SIGKILL)


@pytest.fixture
def at_hop(monkeypatch):
    """Return a function that has something done once, before a hop of a removal."""

    def schedule(wanted, act):
        push = Shards.push
        waiting = [act]

        def interrupted(self, attempt, hop, reports):
            if hop == wanted and waiting:
                waiting.pop()()
            return push(self, attempt, hop, reports)

        monkeypatch.setattr(Shards, "push", interrupted)
        return waiting

    return schedule


@pytest.mark.parametrize("where", ["memory", "folder"])
def test_a_killed_worker_is_replaced_and_its_shard_built_again(tmp_path, at_hop, capfd, where):
    raw = random_raw(3, 400)
    graph = raw.build()
    if where == "folder":
        write_graph(graph, tmp_path / "graph")
        graph = open_graph(tmp_path / "graph")
    with DaskEngine(2, 3) as engine:
        model, reference = on(lambda: engine)(hops=2).fit(graph), SGCRidge(hops=2).fit(graph)
        first, second = Removal(nodes=raw.ids[60:66], features=raw.ids[50:53]), Removal(edges=raw.edges[-3:])
        for one in (model, reference):
            one.unlearn(first)
        kill_a_worker(engine)
        assert model.digest() == reference.digest()
        waiting = at_hop(2, lambda: kill_a_worker(engine, 1))
        for one in (model, reference):
            one.unlearn(second, missing="ignore")
        assert not waiting
        assert model.digest() == reference.digest()
        assert None not in engine._shards.places
    assert capfd.readouterr().err == ""


def test_a_worker_that_does_not_come_back_leaves_its_shards_to_the_others(own_cluster, at_hop, monkeypatch):
    monkeypatch.setattr("oubli.engines.dask.shards.REPLACEMENT", 0.2)
    workers = [own_cluster.add_worker() for _ in range(2)]
    raw = random_raw(3, 300)
    with DaskEngine(own_cluster.address, 4) as engine:
        model, reference = on(lambda: engine)(hops=2).fit(raw.build()), SGCRidge(hops=2).fit(raw.build())
        waiting = at_hop(1, workers[0].kill)
        for one in (model, reference):
            one.unlearn(Removal(nodes=raw.ids[60:63]))
        assert not waiting
        assert model.digest() == reference.digest()


def test_a_scheduler_that_goes_away_leaves_the_model_as_it_was(own_cluster, at_hop, capfd, scheduler):
    own_cluster.add_worker()
    raw = random_raw(3, 300)
    removal = Removal(nodes=raw.ids[60:63])
    engine = DaskEngine(own_cluster.address, 2)
    model = on(lambda: engine)(hops=2)
    model.forgets_aside = True
    model.fit(raw.build())
    before = model.digest()
    at_hop(2, own_cluster.stop)
    with pytest.raises(OubliError, match=r"went away; the model is as it was before this removal\. Start one .*reconn"):
        model.unlearn(removal)
    with pytest.raises(OubliError, match=r"went away; the model is as it was\. Start one"):
        model.predict()
    assert model.graph_.num_nodes == 300
    engine.reconnect(scheduler)
    assert model.digest() == before == SGCRidge(hops=2).fit(raw.build()).digest()
    model.unlearn(removal)
    assert model.digest() == SGCRidge(hops=2).fit(raw.without(removal).build()).digest()
    engine.close()
    assert capfd.readouterr().err == ""
