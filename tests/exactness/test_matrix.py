"""Real graphs x operators x kinds of removal x sizes x levels.

Each case is held against a fit in a fresh process that saw nothing but what remains.
"""

from __future__ import annotations

import copy

import numpy as np
import pytest
from sklearn.base import clone
from tests.exactness.raw import KINDS, draw_removal, read_raw
from tests.exactness.reference import chosen
from tests.exactness.test_sequences import SkipsOneDelta, with_propagation
from tests.exactness.worker import describe, fingerprint, run_fresh

from oubli.models import SGCRidge

DATA = ("cora", "citeseer", "facebook-pages", "minesweeper")
OPERATORS = {
    "random walk": SGCRidge(hops=2, operator="random_walk"),
    "symmetric": SGCRidge(hops=3, operator="symmetric"),
    "concatenated": SGCRidge(hops=2, operator="random_walk", representation="concat"),
}
SIZES = (1, 5, 25)
GRID = [0.1, 1.0, 10.0]
LEVELS = ("frozen", "reselected")


def unlearn_and_refit(raw, estimator, cases, folder, broken=None):
    """Return, for each case, what unlearning here and a fit in a fresh process lead to."""
    fitted = clone(estimator if broken is None else broken).fit(raw.build())
    jobs, unlearnt = [], []
    for number, (kind, size, level) in enumerate(cases):
        removal = draw_removal(raw, kind, size, np.random.default_rng([number, size]))
        model = copy.deepcopy(fitted)
        receipt = model.unlearn(removal, level=level)
        assert receipt.guarantee.level == level
        unlearnt.append(fingerprint(model))
        path = folder / f"{number}.npz"
        raw.without(removal).save(path)
        asked = estimator if level == "reselected" else chosen(estimator, fitted.choices_)
        jobs.append({"graph": str(path), "estimator": describe(asked)})
    return unlearnt, run_fresh("fit", jobs, folder)["results"]


NARROWED = {("facebook-pages", "symmetric"): 600, ("facebook-pages", "concatenated"): 256}
"""Widths of a projection in the sample, where 1,024 columns a hop would take most of its time."""


def check(data_root, data, operator, cases, folder, projection="auto"):
    estimator = clone(OPERATORS[operator]).set_params(alpha=GRID, projection=projection)
    unlearnt, refitted = unlearn_and_refit(read_raw(data_root, data), estimator, cases, folder)
    different = [case for case, ours, theirs in zip(cases, unlearnt, refitted, strict=True) if ours != theirs]
    assert len(unlearnt) == len(cases)
    assert different == []


@pytest.mark.slow
@pytest.mark.parametrize("operator", OPERATORS)
@pytest.mark.parametrize("data", DATA)
def test_full_matrix(data_root, data, operator, tmp_path):
    cases = [(kind, size, level) for kind in KINDS for size in SIZES for level in LEVELS]
    check(data_root, data, operator, cases, tmp_path)


SAMPLE = [
    ("cora", "random walk", ("feature", "subgraph")),
    ("cora", "concatenated", ("label", "node")),
    ("citeseer", "symmetric", ("edge", "subgraph")),
    ("facebook-pages", "symmetric", ("node",)),
    ("facebook-pages", "concatenated", ("edge",)),
    ("minesweeper", "random walk", KINDS),
    ("minesweeper", "symmetric", KINDS),
    ("minesweeper", "concatenated", KINDS),
]


@pytest.mark.slow
@pytest.mark.slow_sample
@pytest.mark.parametrize(("data", "operator", "kinds"), SAMPLE)
def test_sample_of_the_matrix(data_root, data, operator, kinds, tmp_path):
    cases = [(kind, SIZES[i % 3], LEVELS[i % 2]) for i, kind in enumerate(kinds)]
    check(data_root, data, operator, cases, tmp_path, NARROWED.get((data, operator), "auto"))


def test_cora_in_a_fresh_process(data_root, tmp_path):
    check(data_root, "cora", "random walk", [("node", 5, "reselected"), ("edge", 1, "frozen")], tmp_path)


def test_a_model_that_skips_a_delta_is_caught(data_root, tmp_path):
    raw = read_raw(data_root, "minesweeper")
    broken = with_propagation(SkipsOneDelta)(hops=2, alpha=GRID)
    cases = [("label", 1, "reselected"), ("node", 5, "reselected"), ("feature", 5, "frozen")]
    unlearnt, refitted = unlearn_and_refit(raw, SGCRidge(hops=2, alpha=GRID), cases, tmp_path, broken)
    assert [ours == theirs for ours, theirs in zip(unlearnt, refitted, strict=True)] == [True, False, False]
