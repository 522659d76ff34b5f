"""Logistic regression: the gradient against many digits, its bound on rounding, and Newton's linear system."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oubli.solve import logistic
from oubli.solve.logistic import Curvature, predict, sum_gradient


def wide_gradient(rows, targets, weights):
    """Return the gradient in extended precision."""
    rows, weights = rows.astype(np.longdouble), weights.astype(np.longdouble)
    pulls = 1 / (1 + np.exp(-(rows @ weights)))
    for i, target in enumerate(targets.tolist()):
        if target >= 0:
            pulls[i, target] -= 1
    return rows.T @ pulls


def summed_at(rows, targets, weights):
    return sum_gradient(rows, targets, predict(rows, weights), float(np.linalg.norm(weights)))


def case(seed, count, columns, classes, size):
    generator = np.random.default_rng(seed)
    rows = generator.standard_normal((count, columns)) * 10.0 ** generator.integers(-3, 2, (count, 1))
    weights = size * generator.standard_normal((columns, classes))
    return rows, generator.integers(-1, classes, count), weights


@pytest.mark.skipif(np.finfo(np.longdouble).eps > 1e-18, reason="no extended precision here")
@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    count=st.integers(0, 80),
    columns=st.integers(1, 12),
    classes=st.integers(1, 5),
    size=st.sampled_from([0.0, 1e-3, 1.0, 30.0]),
)
def test_the_gradient_is_within_its_bound(seed, count, columns, classes, size):
    rows, targets, weights = case(seed, count, columns, classes, size)
    summed = summed_at(rows, targets, weights)
    error = float(np.linalg.norm((summed.gradient - wide_gradient(rows, targets, weights)).astype(np.float64)))
    assert error <= summed.rounding
    # A bound, and no excuse: it stays near what floating point can do.
    assert summed.rounding <= 1e-13 * (1 + count) * (1 + np.linalg.norm(rows)) * (1 + np.linalg.norm(weights)) * classes


def test_chunks_make_no_difference_beyond_the_bound(monkeypatch):
    rows, targets, weights = case(1, 300, 7, 3, 1.0)
    whole = summed_at(rows, targets, weights)
    monkeypatch.setattr(logistic, "CHUNK", 11)
    parts = summed_at(rows, targets, weights)
    assert np.linalg.norm(whole.gradient - parts.gradient) <= whole.rounding + parts.rounding


@pytest.mark.parametrize("strength", [1e-3, 0.5, 40.0])
def test_the_linear_system_against_a_dense_hessian(strength):
    rows, _, weights = case(2, 60, 6, 3, 0.5)
    curvature = Curvature(rows, predict(rows, weights), strength)
    vector = np.random.default_rng(3).standard_normal((6, 3))
    sigmoid = 1 / (1 + np.exp(-rows @ weights))
    expected = np.empty_like(vector)
    for c in range(3):
        hessian = (rows.T * (sigmoid[:, c] * (1 - sigmoid[:, c]))) @ rows + strength * np.eye(6)
        expected[:, c] = np.linalg.solve(hessian, vector[:, c])
        np.testing.assert_allclose(curvature.times(vector)[:, c], hessian @ vector[:, c], rtol=1e-10)
    found, steps = curvature.solve(vector, 1e-12 * np.linalg.norm(vector), 100)
    np.testing.assert_allclose(found, expected, rtol=1e-8, atol=1e-10)
    assert steps < 100
    _, few = curvature.solve(vector, 0.5 * np.linalg.norm(vector), 100)
    assert few < steps
    assert curvature.solve(0 * vector, 0.0, 100) == (pytest.approx(0 * vector), 0)
    assert curvature.solve(vector, 0.0, 2)[1] == 2


def test_single_precision_products_solve_to_its_digits():
    rows, _, weights = case(2, 60, 6, 3, 0.5)
    vector = np.random.default_rng(3).standard_normal((6, 3))
    exact, single = (Curvature(part, predict(rows, weights), 0.5) for part in (rows, rows.astype(np.float32)))
    found, steps = single.solve(vector, 1e-4 * np.linalg.norm(vector), 100)
    assert found.dtype == np.float64
    assert steps < 100
    assert np.linalg.norm(exact.times(found) - vector) <= 2e-4 * np.linalg.norm(vector)
