"""Interleaved requests of all kinds, with saving and loading in between: always the bytes of a fresh fit."""

from __future__ import annotations

import tempfile
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, assume, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sklearn.base import clone
from tests.exactness.raw import KINDS, draw_removal, random_raw
from tests.exactness.reference import assert_same, refit
from tests.propagation.switch import NAMES, switch

from oubli import Removal, load_model
from oubli.engines import MemoryEngine
from oubli.errors import InputError, UnknownNodeError
from oubli.models import CorrectAndSmooth, NodeClassifier, SGCRidge
from oubli.propagation import Propagation

GRID = (0.01, 1.0, 100.0)
ESTIMATORS = {
    "random walk": SGCRidge(hops=2),
    "symmetric": SGCRidge(hops=3, operator="symmetric", alpha=GRID),
    "convolution": SGCRidge(hops=2, operator=0.3, class_weight="balanced", scoring="balanced_accuracy", alpha=GRID),
    "concatenated": SGCRidge(hops=2, representation="concat", class_weight={0: 2.0}, alpha=GRID),
    "concatenated symmetric": SGCRidge(hops=3, operator="symmetric", representation="concat", normalize=None),
    "one hop": SGCRidge(hops=1, operator=0.0, projection=3),
    "smooth": CorrectAndSmooth(SGCRidge(hops=1, alpha=GRID), correction=(0.0, 0.5), smoothing=(0.0, 0.8), iterations=4),
    "smooth, fixed": CorrectAndSmooth(SGCRidge(hops=2, operator="symmetric"), iterations=3),
}
WITHOUT_CHOICES = {"random walk", "concatenated symmetric", "one hop", "smooth, fixed"}
SEEDS = st.integers(0, 2**32 - 1)


class Unlearning(RuleBasedStateMachine):
    """Keeps a model and, apart from it, the raw data that should remain."""

    model: NodeClassifier
    estimators: ClassVar[dict[str, NodeClassifier]] = ESTIMATORS
    switches = ("never", "never", *NAMES)

    @initialize(
        data=st.data(),
        seed=SEEDS,
        num_nodes=st.integers(12, 100),
        degree=st.sampled_from([0.0, 2.0, 2.0, 4.0, 12.0]),
        strings=st.booleans(),
        sparse=st.booleans(),
    )
    def start(self, data, seed, num_nodes, degree, strings, sparse):
        switch(data.draw(st.sampled_from(self.switches)))
        name = data.draw(st.sampled_from(sorted(self.estimators)))
        self.raw = random_raw(seed, num_nodes, degree=degree, strings=strings, sparse=sparse)
        assume(self.raw.train.size and self.raw.val.size)
        self.estimator = self.estimators[name]
        self.chooses = name not in WITHOUT_CHOICES
        self.model = self.fit()
        self.choices = self.model.choices_
        self.level = "reselected"

    def fit(self):
        return clone(self.estimator).fit(self.raw.build())

    @rule(
        kinds=st.sets(st.sampled_from(KINDS), min_size=1, max_size=2),
        size=st.sampled_from([1, 1, 1, 2, 5, 15]),
        seed=SEEDS,
        level=st.sampled_from(["reselected", "frozen"]),
    )
    def unlearn(self, kinds, size, seed, level):
        generator = np.random.default_rng(seed)
        removal = Removal()
        for kind in sorted(kinds):
            removal |= draw_removal(self.raw, kind, size, generator)
        remains = self.raw.without(removal)
        if remains.train.size == 0 or (self.chooses and level == "reselected" and remains.val.size == 0):
            self.refuse(removal, InputError)
            return
        self.model.unlearn(removal, level=level)
        self.raw = remains
        frozen = level == "frozen" and self.chooses
        fresh = refit(self.estimator, self.raw, seed, self.choices if frozen else None)
        self.choices = fresh.choices_
        self.level = "frozen" if frozen else "reselected"
        assert_same(self.model, fresh)

    @rule(level=st.sampled_from(["reselected", "frozen"]))
    def ask_for_what_is_not_there(self, level):
        self.refuse(Removal(nodes=["nobody"], edges=self.raw.edges[:1], labels=self.raw.train[:1]), UnknownNodeError)

    def refuse(self, removal, error):
        before = self.model.digest()
        with pytest.raises(error):
            self.model.unlearn(removal)
        assert self.model.digest() == before

    @rule()
    def save_and_load(self):
        before = self.model.digest()
        with tempfile.TemporaryDirectory() as folder:
            self.model.save(f"{folder}/model")
            self.model = load_model(f"{folder}/model")
        assert self.model.digest() == before

    @invariant()
    def level_is_told(self):
        assert self.model.level_ == self.level
        assert self.model.choices_ == self.choices

    def teardown(self):
        switch("as it is")


def run(machine, **options):
    # No shrinking: a failing sequence is short as it is, and is printed.
    chosen = {"deadline": None, "suppress_health_check": list(HealthCheck), "database": None} | options
    chosen |= {"phases": [Phase.generate]}
    run_state_machine_as_test(machine, settings=settings(**chosen))


def test_every_sequence_of_requests_leaves_the_bytes_of_a_fresh_fit():
    run(Unlearning, max_examples=25, stateful_step_count=10)


@pytest.mark.slow
def test_every_sequence_of_many():
    run(Unlearning, max_examples=400, stateful_step_count=20)


class ForgetsToSubtract(Propagation):
    """Leaves the messages of removed edges in the totals."""

    def _push(self, hop, graph, step, change, wanted):
        step.pairs = step.pairs[:0]
        super()._push(hop, graph, step, change, wanted)


class SkipsOneDelta(Propagation):
    """Drops the change of one row at the last hop."""

    def _push(self, hop, graph, step, change, wanted):
        if hop == self.hops:
            step.changed, step.change = step.changed[1:], step.change[1:]
        super()._push(hop, graph, step, change, wanted)


def with_engine(broken):
    class Broken(SGCRidge):
        def _make_engine(self, graph):
            return broken()

    return Broken


def with_propagation(broken):
    class Engine(MemoryEngine):
        def _make_propagation(self):
            given = super()._make_propagation()
            return broken(given.operator, given.hops, given.outputs, given.quantiser)

    return with_engine(Engine)


class RevertsTheNewRows(MemoryEngine):
    """Takes rows back from the sums as they are now, not as they were added."""

    def _update_sums(self, change, gone):
        change.former = [self.embed(rows) for rows in change.rows]
        return super()._update_sums(change, gone)


class KeepsTheLabel(MemoryEngine):
    """Leaves rows whose label goes in the sums."""

    def _update_sums(self, change, gone):
        kept = super()._update_sums(change, gone[:0])
        self._codes[gone] = -1
        return kept


class NeverReselects(SGCRidge):
    """Says "reselected" and keeps alpha."""

    def _forget(self, plan, level):
        return super()._forget(plan, "frozen")


class StaleSmoothing(CorrectAndSmooth):
    """Does not smooth again."""

    def _forget(self, plan, level):
        before = self._smoothed
        account = super()._forget(plan, level)
        if before.shape == self._smoothed.shape:
            self._smoothed = before
        return account


@pytest.mark.parametrize(
    "broken",
    [
        with_propagation(ForgetsToSubtract)(hops=2),
        with_propagation(SkipsOneDelta)(hops=2),
        with_engine(RevertsTheNewRows)(hops=2),
        with_engine(KeepsTheLabel)(hops=2),
        NeverReselects(hops=2, alpha=GRID),
        StaleSmoothing(SGCRidge(hops=1)),
    ],
    ids=["forgets to subtract", "skips one delta", "reverts new rows", "keeps the label", "never reselects", "stale"],
)
def test_a_model_that_forgets_wrongly_is_caught(broken):
    class Machine(Unlearning):
        estimators: ClassVar = {"symmetric" if isinstance(broken, NeverReselects) else "random walk": broken}
        switches = ("never",)

        def save_and_load(self):
            """Variants defined here are fitted, not loaded."""

    with pytest.raises(AssertionError):
        run(Machine, max_examples=60, stateful_step_count=12, derandomize=True)
