"""The engine on real worker processes: the digests of the engine in memory, and clear words where it cannot work."""

from __future__ import annotations

import gc
import subprocess
import sys

import numpy as np
import pytest
from tests.engines.dask.in_process import InProcessEngine, on
from tests.exactness.raw import KINDS, draw_removal, random_raw

from oubli import Removal, load_model
from oubli.engines.dask import DaskEngine, cluster
from oubli.errors import CapacityError, InputError, OubliError
from oubli.graph import generate_graph
from oubli.graph.disk import open_graph, write_graph
from oubli.models import LCFNet, SGCRidge

MIXED = [
    (1, "range", {"hops": 2, "operator": 0.3}),
    (2, "range", {"hops": 2, "operator": "symmetric", "class_weight": "balanced"}),
    (2, "metis", {"hops": 2, "representation": "concat"}),
    (4, "range", {"hops": 2}),
    (4, "metis", {"hops": 3, "operator": "symmetric", "representation": "concat"}),
]


def removals(raw, seed):
    """Yield requests of all kinds, each of what is left."""
    generator = np.random.default_rng(seed)
    for kind in KINDS:
        removal = draw_removal(raw, kind, 6, generator)
        raw = raw.without(removal)
        yield removal


@pytest.mark.parametrize(("parts", "way", "parameters"), MIXED)
def test_the_digest_is_that_of_the_engine_in_memory(scheduler, parts, way, parameters):
    raw = random_raw(parts, 400, sparse=parts == 2)
    with DaskEngine(scheduler, parts, way) as engine:
        model = on(lambda: engine)(**parameters).fit(raw.build())
        reference = SGCRidge(**parameters).fit(raw.build())
        assert model.digest() == reference.digest()
        for removal in removals(raw, parts):
            receipt = model.unlearn(removal)
            reference.unlearn(removal)
            assert model.digest() == reference.digest()
            assert f"in {parts} partition" in receipt.path
        assert model.decision_function().tobytes() == reference.decision_function().tobytes()


def test_what_was_saved_is_taken_over_as_it_is(scheduler, tmp_path):
    raw = random_raw(8, 300)
    first = SGCRidge(hops=2).fit(raw.build())
    first.unlearn(Removal(nodes=raw.ids[:7]))
    first.save(tmp_path)
    model = load_model(tmp_path, engine="dask", workers=scheduler)
    with model.engine_ as engine:
        assert model.digest() == first.digest()
        assert engine.traffic_.rows == []
        more = Removal(nodes=raw.ids[20:30], features=raw.ids[40:42])
        for one in (model, first):
            one.unlearn(more, missing="ignore")
        assert model.digest() == first.digest()
        again, saved = model.to_state()
        assert {name: array.tolist() for name, array in saved.items()} == {
            name: array.tolist() for name, array in first.to_state()[1].items()
        }
        assert again["choices"] == first.choices_


@pytest.mark.parametrize("way", ["range", "metis"])
def test_a_graph_in_a_folder_is_read_by_the_workers_and_never_changed(scheduler, tmp_path, way):
    raw = random_raw(9, 300)
    write_graph(raw.build(), tmp_path / "graph")
    before = {path.name: path.read_bytes() for path in (tmp_path / "graph").iterdir()}
    reference = SGCRidge(hops=2).fit(raw.build())
    with DaskEngine(scheduler, 2, way) as engine:
        model = on(lambda: engine)(hops=2).fit(open_graph(tmp_path / "graph"))
        assert model.digest() == reference.digest()
        for removal in removals(raw, 0):
            model.unlearn(removal)
            reference.unlearn(removal)
        # All shards anew, from the folder and what was removed since.
        engine.reconnect()
        assert model.digest() == reference.digest()
    assert {path.name: path.read_bytes() for path in (tmp_path / "graph").iterdir()} == before


def test_workers_that_do_not_see_the_folder_are_sent_their_parts(tmp_path, monkeypatch):
    raw = random_raw(9, 100)
    write_graph(raw.build(), tmp_path / "graph")
    monkeypatch.setattr("oubli.engines.dask.source.shard_from_folder", None)
    monkeypatch.setattr("oubli.engines.dask.source.Source.settle_folder", lambda self, ask: self.forget_folder())
    model = on(lambda: InProcessEngine(2, 3))(hops=2).fit(open_graph(tmp_path / "graph"))
    assert model.digest() == SGCRidge(hops=2).fit(raw.build()).digest()


def test_fewer_rows_than_columns_are_kept_instead_of_sums():
    raw = random_raw(4, 300, num_features=600)
    engine = InProcessEngine(2, 3)
    model, reference = on(lambda: engine)(hops=1).fit(raw.build()), SGCRidge(hops=1).fit(raw.build())
    assert engine.gram is None
    for removal in removals(raw, 1):
        model.unlearn(removal)
        reference.unlearn(removal)
        assert model.digest() == reference.digest()


def test_a_model_that_comes_to_have_fewer_rows_than_columns_drops_its_sums():
    raw = random_raw(4, 1150, num_features=514)
    engine = InProcessEngine(2, 2)
    model, reference = on(lambda: engine)(hops=1).fit(raw.build()), SGCRidge(hops=1).fit(raw.build())
    assert engine.gram is not None
    for one in (model, reference):
        one.unlearn(Removal(labels=raw.train[:120]))
    assert engine.gram is None
    assert model.digest() == reference.digest()


def test_sums_out_of_range_are_refused_as_in_memory(scheduler):
    raw = random_raw(4, 100)
    raw.features[0, 0] = 1e6
    with DaskEngine(scheduler, 2) as engine:
        model = on(lambda: engine)(hops=2, normalize=None)
        with pytest.raises(CapacityError, match="fractional bits"):
            model.fit(raw.build())


@pytest.mark.parametrize("bits", [12, 16])
def test_types_are_those_of_the_engine_in_memory(bits):
    raw = random_raw(4, 100)
    engine = InProcessEngine(2, 3)
    on(lambda: engine)(hops=2, normalize=None, fraction_bits=bits).fit(raw.build())
    reference = SGCRidge(hops=2, normalize=None, fraction_bits=bits).fit(raw.build())
    ours, theirs = engine.stored(), reference._engine.stored()
    assert {name: (rows.shape, rows.dtype) for name, rows in ours.items()} == {
        name: (rows.shape, rows.dtype) for name, rows in theirs.items()
    }
    for name, rows in ours.items():
        assert rows[5:20].tolist() == theirs[name][5:20].tolist()
        assert rows[np.array([7, 3, 90])].tolist() == theirs[name][[7, 3, 90]].tolist()


def test_a_closed_engine_says_so_and_can_be_opened_again(scheduler):
    graph = generate_graph(num_nodes=200, seed=1)
    engine = DaskEngine(scheduler, 2)
    model = on(lambda: engine)(hops=1).fit(graph)
    before = model.digest()
    engine.close()
    engine.close()
    with pytest.raises(OubliError, match=r"closed.*reconnect"):
        model.predict()
    engine.reconnect()
    assert model.digest() == before
    memory = engine.memory()
    assert len(memory["shards"]) == 2
    assert all(resident > 0 for resident in memory["workers"].values())
    engine.close()


def test_shards_go_with_their_engine(scheduler):
    engine = DaskEngine(scheduler, 2)
    fit = on(lambda kept=engine: kept)(hops=1).fit
    fit(generate_graph(num_nodes=200, seed=1))
    other = cluster.Cluster(scheduler)
    try:
        places = other.workers()
        count = lambda: sum(other.results([other.submit(place, _shards) for place in places], places))  # noqa: E731
        assert count() == 2
        del engine, fit
        gc.collect()
        for _ in range(50):
            if count() == 0:
                break
        assert count() == 0
    finally:
        other.close()


def _shards():
    from oubli.engines.dask.registry import SHARDS

    return len(SHARDS)


SCRIPT = """
import oubli.engines.dask, sys
assert "dask" not in sys.modules and "distributed" not in sys.modules
from oubli.engines.dask import DaskEngine
from oubli.graph import generate_graph
from oubli.models import LCFNet, SGCRidge

class Elsewhere(SGCRidge):
    def _make_engine(self, graph):
        return DaskEngine(2)

if __name__ == "__main__":
    graph = generate_graph(num_nodes=200, seed=1)
    model = Elsewhere(hops=1).fit(graph)
    assert model.digest() == SGCRidge(hops=1).fit(graph).digest()
    print("done")
"""


def test_a_script_that_never_closes_ends_without_a_word(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run([sys.executable, "-W", "error", str(script)], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "done\n", "")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"workers": 0}, "how many to start"),
        ({"workers": ""}, "how many to start"),
        ({"workers": True}, "how many to start"),
        ({"partitions": 0}, "from 1 on"),
        ({"partitions": 2.0}, "from 1 on"),
        ({"partition": "hash"}, '"range" or "metis"'),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_starts(arguments, said):
    with pytest.raises(InputError, match=said):
        DaskEngine(**arguments)


def test_no_scheduler_and_no_workers_are_told(own_cluster, monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT", 1.0)
    graph = generate_graph(num_nodes=50, seed=1)
    with pytest.raises(InputError, match=r"has no workers; start some with `dask worker tcp://"):
        on(lambda: DaskEngine(own_cluster.address))().fit(graph)
    with pytest.raises(InputError, match=r"no Dask scheduler answers at tcp://127.0.0.1:9"):
        on(lambda: DaskEngine("tcp://127.0.0.1:9"))().fit(graph)
    for nonsense in ("nonsense", "-1", "1.5", "http://127.0.0.1:1"):
        with pytest.raises(
            InputError, match=r"expected how many to start \(1 to 1024\), or the address of a scheduler \(tcp://"
        ):
            on(lambda given=nonsense: DaskEngine(given))().fit(graph)


def test_a_model_is_not_called_damaged_for_what_it_is_asked_in_vain(tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT", 1.0)
    SGCRidge().fit(generate_graph(num_nodes=50, seed=1)).save(tmp_path)
    with pytest.raises(InputError, match=r"^workers: no Dask scheduler answers at tcp://127.0.0.1:9"):
        load_model(tmp_path, engine="dask", workers="tcp://127.0.0.1:9")
    with pytest.raises(InputError, match=r"^workers: expected how many to start"):
        load_model(tmp_path, engine="dask", workers="nonsense")
    with pytest.raises(InputError, match=r"^engine: expected one of"):
        load_model(tmp_path, engine="disk")
    with pytest.raises(InputError, match=r"^/proc/store-\w+: cannot be written"):
        load_model(tmp_path, engine="mmap", scratch="/proc")
    with pytest.raises(InputError, match=r"^scratch: expected the path of a folder, got 3"):
        load_model(tmp_path, engine="mmap", scratch=3)
    LCFNet().fit(generate_graph(num_nodes=50, seed=1)).save(tmp_path)
    with pytest.raises(InputError, match=r"^LCFNet is computed in memory alone; leave out engine, workers$"):
        load_model(tmp_path, engine="mmap", workers=2)


def test_without_dask_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ImportError, match=r"pip install 'oubli\[dask\]'"):
        on(lambda: DaskEngine(1))().fit(generate_graph(num_nodes=50, seed=1))
