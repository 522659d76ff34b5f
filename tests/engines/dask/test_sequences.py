"""Interleaved removals over parts, workers lost at any step: the integers of the engine in memory, after each."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.engines.dask.in_process import InProcessEngine, on
from tests.exactness.raw import KINDS, draw_removal, random_raw

from oubli import Removal
from oubli.engines.dask.carry import Carry
from oubli.engines.dask.forgetting import Forgetting
from oubli.engines.dask.part import Part
from oubli.engines.dask.shard import Shard
from oubli.engines.dask.shards import Shards
from oubli.engines.dask.source import Source
from oubli.engines.dask.undo import Undo
from oubli.errors import InputError, OubliError
from oubli.models import SGCRidge

ESTIMATORS = {
    "random walk": {"hops": 2},
    "symmetric": {"hops": 3, "operator": "symmetric"},
    "convolution": {"hops": 2, "operator": 0.3, "class_weight": "balanced"},
    "concatenated": {"hops": 2, "representation": "concat", "class_weight": "balanced"},
    "concatenated symmetric": {"hops": 3, "operator": "symmetric", "representation": "concat", "normalize": None},
    "one hop": {"hops": 1, "operator": 0.0, "projection": 3},
}
SWITCHES = {
    "as it is": None,
    "never": lambda self, *arcs: False,
    "always": lambda self, *arcs: True,
    "late": lambda self, *arcs: self.shards.latest % 2 == 0 and bool(self._outcome.reached),
}
QUIETLY = {"deadline": None, "database": None, "suppress_health_check": list(HealthCheck), "phases": [Phase.generate]}

cases = given(
    seed=st.integers(0, 2**32 - 1),
    nodes=st.integers(8, 70),
    degree=st.sampled_from([0.0, 2.0, 4.0, 10.0]),
    name=st.sampled_from(sorted(ESTIMATORS)),
    parts=st.sampled_from([1, 2, 3, 4, 7]),
    way=st.sampled_from(["range", "metis"]),
    switch=st.sampled_from(["as it is", "never", "never", "always", "late"]),
    sparse=st.booleans(),
    fuses=st.lists(st.none() | st.integers(0, 60), min_size=4, max_size=4),
)


def check_a_sequence(seed, nodes, degree, name, parts, way, switch, sparse, fuses):
    """Fit on parts and in memory, remove the same from both, and compare all there is to compare."""
    generator = np.random.default_rng(seed)
    raw = random_raw(seed, nodes, degree=degree, sparse=sparse)
    if not raw.train.size:
        return
    engine = InProcessEngine(2, parts, way)
    engine.seed = seed
    model = on(lambda: engine)(**ESTIMATORS[name]).fit(raw.build())
    reference = SGCRidge(**ESTIMATORS[name]).fit(raw.build())
    assert model.digest() == reference.digest()
    with pytest.MonkeyPatch.context() as patch:
        if SWITCHES[switch] is not None:
            patch.setattr(Forgetting, "_prefers_whole", SWITCHES[switch])
        for at, fuse in enumerate(fuses):
            removal = Removal()
            for kind in generator.choice(KINDS, generator.integers(1, 3), replace=False):
                removal |= draw_removal(raw, kind, int(generator.choice([1, 1, 2, 5])), generator)
            if not raw.without(removal).train.size:
                return
            raw = raw.without(removal)
            engine._open.fuse = fuse
            receipt, expected = model.unlearn(removal), reference.unlearn(removal)
            assert model.digest() == reference.digest(), at
            engine._open.fuse = None
            assert model.decision_function().tobytes() == reference.decision_function().tobytes()
            if switch == "as it is" and expected.path == "local":
                assert (receipt.reached, receipt.rows_changed) == (expected.reached, expected.rows_changed)


@settings(max_examples=70, **QUIETLY)
@cases
def test_every_sequence_over_parts_leaves_the_integers_of_one_process(**case):
    check_a_sequence(**case)


@pytest.mark.slow
@settings(max_examples=1500, **QUIETLY)
@cases
def test_many_sequences_over_parts(**case):
    check_a_sequence(**case)


def forget_the_halo(patch):
    patch.setattr(Shards, "routes", lambda self, reports: {})


def forget_what_endpoints_were(patch):
    patch.setattr(Carry, "_ends_toward", lambda self, other: np.empty(0, np.int64))


def keep_what_a_failed_attempt_did(patch):
    patch.setattr(Undo, "roll_back", lambda self: None)


def build_from_what_was(patch):
    first = Source.copy_of.__func__

    def copy_of(cls, graph):
        source = first(cls, graph)
        source.before = source.graph.copy()
        return source

    def build(self, partition, part, recipe, codes):
        return Shard, Part.cut(self.before, partition, part, codes), recipe

    patch.setattr(Source, "copy_of", classmethod(copy_of))
    patch.setattr(Source, "build", build)


@pytest.mark.parametrize(
    "breaks",
    [forget_the_halo, forget_what_endpoints_were, keep_what_a_failed_attempt_did, build_from_what_was],
    ids=lambda breaks: breaks.__name__.replace("_", " "),
)
def test_shards_that_forget_wrongly_are_caught(breaks, monkeypatch):
    @settings(max_examples=150, derandomize=True, **QUIETLY)
    @cases
    def every_sequence(**case):
        check_a_sequence(**case)

    breaks(monkeypatch)
    with pytest.raises((AssertionError, ValueError, IndexError, OubliError)):
        every_sequence()


def test_a_removal_that_fails_leaves_the_model_as_it_was(monkeypatch):
    raw = random_raw(3, 60)
    engine = InProcessEngine(2, 3)
    model = on(lambda: engine)(hops=2)
    model.forgets_aside = True
    model.fit(raw.build())
    before = model.digest()

    def refuse(self, plan):
        raise InputError("the graph refuses")

    with monkeypatch.context() as patch:
        patch.setattr(type(model.graph_), "apply", refuse)
        with pytest.raises(InputError, match="refuses"):
            model.unlearn(Removal(nodes=raw.ids[:4]))
    assert model.digest() == before
    reference = SGCRidge(hops=2).fit(raw.build())
    for one in (model, reference):
        one.unlearn(Removal(nodes=raw.ids[:4]))
    assert model.digest() == reference.digest()


def test_what_was_removed_is_nowhere_in_the_shards():
    raw = random_raw(5, 60)
    engine = InProcessEngine(2, 3)
    model = on(lambda: engine)(hops=2).fit(raw.build())
    model.unlearn(Removal(nodes=raw.ids[:5], features=raw.ids[10:12]))
    shards = [holder.shard for held in engine._open.held.values() for holder in held]
    assert all(shard.carry is None and shard.storage.undo is None for shard in shards)
    gone = np.r_[0:5, 10:12]
    for shard in shards:
        rows = np.isin(shard.part.own, gone)
        assert not shard.part.table.dense[rows].any()
        slots = np.concatenate([shard.part.own, shard.part.halo])
        neighbours = shard.part.adjacency.neighbours
        assert not np.isin(slots[neighbours[neighbours >= 0]], gone[:5]).any()
