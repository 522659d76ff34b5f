"""Verification says yes to what a fresh fit gives, and no to anything else."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.base import clone
from tests.exactness.raw import KINDS, draw_removal, random_raw

from oubli import Removal, load_model, verify
from oubli.errors import OubliError
from oubli.models import CorrectAndSmooth, SGCRidge
from oubli.models.rebuild import rebuild

GRID = [0.01, 1.0, 100.0]
ESTIMATORS = {
    "sums": SGCRidge(hops=2, alpha=GRID, class_weight="balanced"),
    "smooth": CorrectAndSmooth(SGCRidge(hops=1, alpha=GRID), correction=[0.0, 0.5], iterations=4),
}


@pytest.mark.parametrize("name", ESTIMATORS)
@pytest.mark.parametrize("level", ["reselected", "frozen"])
def test_yes_after_removals_of_every_kind(name, level, tmp_path):
    raw = random_raw(1, num_nodes=60, strings=name == "smooth", sparse=name == "smooth")
    model = clone(ESTIMATORS[name]).fit(raw.build())
    generator = np.random.default_rng(0)
    for kind in KINDS:
        removal = draw_removal(raw, kind, 2, generator)
        model.unlearn(removal, level=level)
        raw = raw.without(removal)
    model.save(tmp_path / "model")
    digest = model.digest()
    outcome = verify(load_model(tmp_path / "model"))
    assert outcome.identical is True
    assert outcome.digests == {"model": digest, "rebuilt": digest}
    assert outcome.level == level
    assert outcome.seconds > 0
    assert json.loads(outcome.to_json())["identical"] is True


def base(model):
    return model.base_ if isinstance(model, CorrectAndSmooth) else model


def next_weight(model):
    weights = base(model)._weights
    weights[0, 0] = np.nextafter(weights[0, 0], np.inf)


def add_one(array):
    array.flat[array.size // 2] += 1


ALTERED = {
    "weights": next_weight,
    "messages": lambda model: add_one(base(model)._engine.propagation.messages),
    "totals of the first hop": lambda model: add_one(base(model)._engine.propagation.totals[0]),
    "totals of the last hop": lambda model: add_one(base(model)._engine.propagation.totals[-1]),
    "products": lambda model: add_one(base(model)._engine.gram.products),
    "sums": lambda model: add_one(base(model)._engine.gram.sums),
    "counts": lambda model: add_one(base(model)._engine.gram.counts),
    "choice": lambda model: base(model).choices_.update(alpha=base(model).choices_["alpha"] * 2),
    "a label": lambda model: model.graph_.label_codes.__setitem__(model.graph_.split_slots("train")[0], 0),
    "an edge": lambda model: model.graph_.adjacency.remove(model.graph_.adjacency.edges()[:1]),
}


@pytest.fixture(scope="module")
def raw():
    raw = random_raw(2, num_nodes=50)
    first = raw.labels[np.searchsorted(raw.ids, raw.train[0])]
    assert first != 0
    return raw


@pytest.mark.parametrize("what", ALTERED)
def test_no_when_one_unit_of_the_state_is_altered(what, raw, tmp_path):
    model = SGCRidge(hops=2, alpha=GRID).fit(raw.build())
    ALTERED[what](model)
    model.write_remains(tmp_path / "remains")
    rebuilt = rebuild(tmp_path / "remains")
    assert rebuilt.digest() != model.digest()
    if what in ("weights", "totals of the last hop"):
        outcome = verify(model)
        assert outcome.identical is False
        assert outcome.digests == {"model": model.digest(), "rebuilt": rebuilt.digest()}


def test_no_when_one_smoothed_score_is_altered(raw):
    model = clone(ESTIMATORS["smooth"]).fit(raw.build())
    model._smoothed[3, 1] = np.nextafter(model._smoothed[3, 1], 2.0)
    assert verify(model).identical is False
    model = clone(ESTIMATORS["smooth"]).fit(raw.build())
    next_weight(model)
    assert verify(model).identical is False


def test_no_when_the_data_was_not_all_forgotten(raw):
    """A model that keeps what it should forget, beside a graph that has forgotten it."""
    kept = SGCRidge(hops=2).fit(raw.build())
    forgets = SGCRidge(hops=2).fit(raw.build())
    forgets.unlearn(Removal(edges=raw.edges[:1]))
    kept.graph_ = forgets.graph_
    assert verify(kept).identical is False
    assert verify(forgets).identical is True


class Elsewhere(SGCRidge):
    """A class that a fresh process does not know."""


def test_a_fresh_process_that_fails_is_an_error(raw):
    with pytest.raises(OubliError, match=r"fresh process failed.*Elsewhere"):
        verify(Elsewhere().fit(raw.build()))
