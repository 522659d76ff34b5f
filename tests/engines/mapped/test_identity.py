"""Models in mapped files have the bytes of those in memory, whatever is asked of them and wherever they are saved."""

from __future__ import annotations

import copy
import gc
import os
import pickle
import shutil
import tempfile
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import strategies as st
from hypothesis.stateful import rule
from sklearn.base import clone
from tests.engines.mapped.models import InPanels, OneColumn, assert_tidy
from tests.exactness.raw import KINDS, draw_removal, random_raw
from tests.exactness.reference import assert_same
from tests.exactness.test_sequences import ESTIMATORS, Unlearning, run

from oubli import Graph, Removal, load_model
from oubli.engines import MappedEngine, Store
from oubli.engines.mapped import in_memory
from oubli.errors import InputError
from oubli.graph.disk import open_graph, write_graph
from oubli.models import CorrectAndSmooth, SGCRidge
from oubli.models import sgc as settings_of_sgc

ALONE = {name: given for name, given in ESTIMATORS.items() if isinstance(given, SGCRidge)}
KINDS_OF_MODEL = (SGCRidge, InPanels, OneColumn)


def mapped(estimator, scratch, kind=SGCRidge):
    """Return the estimator as one whose model is in mapped files."""
    return kind(**estimator.get_params() | {"engine": "mmap", "scratch": str(scratch)})


@pytest.fixture
def scratch(tmp_path):
    (tmp_path / "scratch").mkdir()
    return tmp_path / "scratch"


class Mapped(Unlearning):
    """The machine of the other models, its model in mapped files, saved over and over to one folder."""

    estimators: ClassVar = ALONE
    kinds: ClassVar = KINDS_OF_MODEL

    def __init__(self):
        super().__init__()
        self.place = tempfile.TemporaryDirectory()
        self.folder = Path(self.place.name) / "model"
        (Path(self.place.name) / "scratch").mkdir()

    def fit(self):
        at = int(self.raw.ids.sum()) if self.raw.ids.dtype.kind == "i" else len(self.raw.edges)
        kind = self.kinds[at % len(self.kinds)]
        scratch, source = Path(self.place.name) / "scratch", Path(self.place.name) / "graph"
        write_graph(self.raw.build(), source)
        model = mapped(self.estimator, scratch, kind).fit(open_graph(source) if at % 2 else self.raw.build())
        assert model.engine_.name == "mmap"
        return model

    @rule()
    def save(self):
        self.model.save(self.folder)
        assert_tidy(self.folder)

    @rule(engine=st.sampled_from(["auto", "auto", "mmap", "memory"]))
    def save_and_load(self, engine="auto"):
        before = self.model.digest()
        self.model.save(self.folder)
        del self.model
        self.model = load_model(self.folder, engine=engine, scratch=str(Path(self.place.name) / "scratch"))
        assert_tidy(self.folder)
        assert self.model.digest() == before

    @rule()
    def save_elsewhere(self):
        """A copy that has the same bytes, while the model stays where it is."""
        other = Path(self.place.name) / "other"
        self.model.save(other)
        copied = load_model(other)
        assert copied.digest() == self.model.digest()
        assert_same(copied, self.model)
        assert_tidy(other)

    @rule(seed=st.integers(0, 2**32 - 1), kind=st.sampled_from(KINDS))
    def die_before_it_is_saved(self, seed, kind):
        """What is not saved is undone by whoever opens the model next."""
        self.model.save(self.folder)
        before, raw = self.model.digest(), self.raw
        removal = draw_removal(raw, kind, 9, np.random.default_rng(seed))
        try:
            self.model.unlearn(removal, level="frozen")
        except InputError:
            return
        self.model = None
        # Whoever replaced a method made a ring.
        gc.collect()
        self.model = load_model(self.folder, scratch=str(Path(self.place.name) / "scratch"))
        assert_tidy(self.folder)
        assert self.model.digest() == before

    def teardown(self):
        super().teardown()
        self.model = None
        gc.collect()
        assert not list((Path(self.place.name) / "scratch").iterdir()), "scratch goes with the model"
        self.place.cleanup()


def test_every_sequence_has_the_bytes_of_a_fresh_fit_in_memory():
    run(Mapped, max_examples=20, stateful_step_count=10)


@pytest.mark.slow
def test_many_more_sequences():
    run(Mapped, max_examples=400, stateful_step_count=20)


class NotesNothing(MappedEngine):
    def forget(self, plan):
        self.store.before = lambda *args, **options: None
        return super().forget(plan)


class NotesAfterwards(MappedEngine):
    """Notes the rows of messages and totals when they have changed."""

    def forget(self, plan):
        whole, later = self.store.before, []
        self.store.before = lambda name, places, sync=True: (
            later.append((name, places)) if name.startswith(("totals", "messages")) else whole(name, places, sync)
        )
        account = super().forget(plan)
        for name, places in later:
            whole(name, places)
        return account


class ForgetsAnArray(MappedEngine):
    """Does not note the codes of labels."""

    def forget(self, plan):
        whole = self.store.before
        self.store.before = lambda name, *args, **options: (
            None if name == "label_codes" else whole(name, *args, **options)
        )
        return super().forget(plan)


@pytest.mark.parametrize("broken", [NotesNothing, NotesAfterwards, ForgetsAnArray])
def test_an_engine_that_cannot_be_undone_is_caught(broken, monkeypatch):
    class Broken(Mapped):
        estimators: ClassVar = {"random walk": ALONE["random walk"]}
        switches = ("never",)
        kinds = (SGCRidge,)

        def save_elsewhere(self):
            """Not of interest here."""

    monkeypatch.setattr("oubli.engines.choice.MappedEngine", broken)
    with pytest.raises(AssertionError):
        run(Broken, max_examples=60, stateful_step_count=12, derandomize=True)


def some_requests(raw, generator, count=4):
    for _ in range(count):
        removal = Removal()
        for kind in generator.choice(KINDS, 2, replace=False):
            removal |= draw_removal(raw, kind, 3, generator)
        raw = raw.without(removal)
        yield removal


def assert_like_memory(estimator, kind, raw, scratch, folder, seed=0):
    """Drive a model in mapped files and one in memory through the same requests, and saves between."""
    one, other = estimator.fit(raw.build()), mapped(estimator, scratch, kind).fit(raw.build())
    assert_same(other, one)
    for at, removal in enumerate(some_requests(raw, np.random.default_rng(seed))):
        one.unlearn(removal)
        other.unlearn(removal)
        assert_same(other, one)
        if at % 2 == 0:
            other.save(folder)
            del other
            other = load_model(folder)
            assert other.engine_.name == "mmap"
            assert_same(other, one)
    return one


@pytest.mark.parametrize("kind", [SGCRidge, InPanels])
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("representation", ["last", "concat"])
def test_wide_data_with_more_columns_than_training_nodes(kind, sparse, representation, scratch, tmp_path):
    raw = random_raw(5, num_nodes=60, num_features=520, sparse=sparse)
    model = assert_like_memory(SGCRidge(representation=representation), kind, raw, scratch, tmp_path / "model")
    assert model.engine_.gram is None


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("kind", [SGCRidge, InPanels])
def test_a_projection_that_a_removal_ends(kind, sparse, scratch, tmp_path, monkeypatch):
    """With fewer training nodes the choice changes, and all is fitted anew: a removal like others, to be undone too."""
    monkeypatch.setattr(settings_of_sgc, "WIDE", 30)
    monkeypatch.setattr(settings_of_sgc, "PROJECTED", 7)
    raw = random_raw(6, num_nodes=80, num_features=40, sparse=sparse)
    estimator, folder = SGCRidge(operator="symmetric"), tmp_path / "model"
    one, other = estimator.fit(raw.build()), mapped(estimator, scratch, kind).fit(raw.build())
    assert one.choices_["projection"] == 7
    # Touched first, so that what is given up is among what changed.
    first = Removal(nodes=raw.train[:2])
    for again in (False, True):
        if again:
            other = load_model(folder)
        one, removal = clone(estimator).fit(raw.build()), Removal(nodes=raw.train[2:15], labels=raw.train[15:20])
        before = other.digest()
        other.save(folder)
        for step in (first, removal):
            one.unlearn(step)
            other.unlearn(step)
            assert_same(other, one)
        assert one.choices_["projection"] is None
        if not again:
            del other
            assert load_model(folder).digest() == before
    other.save(folder)
    assert_tidy(folder)
    del other
    assert_same(load_model(folder), one)
    # Unsaved all along, nothing is noted and the files are replaced.
    unsaved = mapped(estimator, scratch, kind).fit(raw.build())
    unsaved.unlearn(first | removal)
    assert unsaved.digest() == one.digest()


def test_saved_panels_are_opened_whatever_the_cache(scratch, tmp_path):
    raw = random_raw(7, num_features=6)
    one, other = SGCRidge().fit(raw.build()), mapped(SGCRidge(), scratch, OneColumn).fit(raw.build())
    other.save(tmp_path / "model")
    del other
    loaded = load_model(tmp_path / "model")
    assert len(loaded.engine_.propagation.parts) == 6
    removal = Removal(nodes=raw.ids[:2])
    assert_same_after(loaded, one, removal)
    loaded.save(tmp_path / "model")
    del loaded
    in_memory = load_model(tmp_path / "model", engine="memory")
    assert in_memory.engine_.name == "memory"
    in_memory.save(tmp_path / "model")
    assert_same(load_model(tmp_path / "model"), one)


def assert_same_after(model, other, removal):
    for one in (model, other):
        one.unlearn(removal)
    assert_same(model, other)


def test_saved_on_another_disk(scratch, tmp_path):
    """What lies on another disk is copied, and the model goes on changing what it has."""
    if not os.access("/dev/shm", os.W_OK) or os.stat("/dev/shm").st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second disk to write to")
    raw, folder = random_raw(8), Path(tempfile.mkdtemp(dir="/dev/shm"))
    try:
        model, other = mapped(SGCRidge(), scratch).fit(raw.build()), SGCRidge().fit(raw.build())
        for at, removal in enumerate(some_requests(raw, np.random.default_rng(1))):
            assert_same_after(model, other, removal)
            if at % 2 == 0:
                model.save(folder / "model")
                assert_tidy(folder / "model")
                assert_same(load_model(folder / "model"), other)
        model.save(folder / "model")
        del model
        assert not list(scratch.iterdir())
        assert_same(load_model(folder / "model"), other)
    finally:
        shutil.rmtree(folder)


def test_scratch_goes_with_a_model_that_is_not_saved(scratch):
    raw = random_raw(9)
    model = mapped(SGCRidge(), scratch).fit(raw.build())
    assert len(list(scratch.iterdir())) == 1
    model.unlearn(Removal(nodes=raw.ids[:2]))
    model.fit(raw.build())
    gc.collect()
    assert len(list(scratch.iterdir())) == 1
    model = None
    gc.collect()
    assert not list(scratch.iterdir())


def test_neither_copied_nor_pickled(scratch):
    model = mapped(SGCRidge(), scratch).fit(random_raw(9).build())
    for take in (copy.deepcopy, pickle.dumps):
        with pytest.raises(InputError, match="neither copied nor pickled; save it"):
            take(model)


def test_within_another_model_it_is_said_that_it_cannot_be(scratch):
    raw = random_raw(9)
    with pytest.raises(InputError, match=r"base: engine='mmap'.*kept in memory"):
        CorrectAndSmooth(SGCRidge(engine="mmap", scratch=str(scratch))).fit(raw.build())


def test_within_another_model_auto_is_memory(monkeypatch):
    monkeypatch.setattr("oubli.engines.choice.available_memory", lambda: 0)
    raw = random_raw(9)
    assert SGCRidge().fit(raw.build()).engine_.name == "mmap"
    assert CorrectAndSmooth(SGCRidge()).fit(raw.build()).base_.engine_.name == "memory"


def test_the_longest_name_goes_and_others_after_it(scratch, tmp_path):
    """Names stay in their file, however short they have become."""
    raw = random_raw(10, strings=True)
    names = raw.ids.astype("U40")
    longest = "a-name-longer-than-all-the-others"
    names[0] = longest
    order = {old: new for old, new in zip(raw.ids.tolist(), names.tolist(), strict=True)}
    graph = Graph.from_edges(
        [(order[u], order[v]) for u, v in raw.edges.tolist()],
        features=raw.features,
        labels=raw.labels,
        node_ids=names,
        train=[order[n] for n in raw.train.tolist()],
    )
    model, other = mapped(SGCRidge(), scratch).fit(graph), SGCRidge().fit(graph)
    for gone in (longest, names[5].item(), names[6].item()):
        assert_same_after(model, other, Removal(nodes=[gone]))
        model.save(tmp_path / "model")
        del model
        content = b"".join(file.read_bytes() for file in (tmp_path / "model").rglob("*") if file.is_file())
        assert gone.encode("utf-32-le") not in content
        model = load_model(tmp_path / "model")
        assert_same(model, other)


def test_panels_are_put_together_by_their_numbers(tmp_path):
    """Whatever the order in which they were written: one that was computed anew comes last."""
    store = Store.create(tmp_path)
    for number in (2, 10, 0, 1):
        store.put(f"panel_{number}_totals_1", np.full((3, 1), number))
    assert in_memory(store)["totals_1"][0].tolist() == [0, 1, 2, 10]
