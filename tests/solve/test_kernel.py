"""Kernels in integers, and their two systems: against math.exp, fractions and dense formulas."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
import scipy.linalg as sl
from tests.solve.exact import solve

from oubli.errors import CapacityError
from oubli.solve import kernel as kernel_module
from oubli.solve.digits import BITS
from oubli.solve.kernel import (
    JITTER,
    LANDMARK_ONE,
    ONE,
    ROUNDING,
    Distances,
    KernelSystem,
    dual_coefficients,
    landmark_coefficients,
)
from oubli.solve.products import exact_product, ordered_product
from oubli.solve.rounded import OFFSET

GRID = 2**20


def points(seed, n, width=4, largest=40):
    return np.random.default_rng(seed).integers(-largest, largest + 1, (n, width)).astype(np.float32)


def kernel_of(rows, gamma, one=ONE, centres=None):
    return Distances.between(rows, rows if centres is None else centres).gaussian(gamma, one)


def bare(distances):
    """Return given distances, of products that are all zero."""
    return Distances(np.zeros((1, distances.size), np.float32), np.zeros(1), distances)


def centred_targets(seed, n, classes=3):
    labels = np.random.default_rng(seed).integers(0, classes, n)
    labels[:classes] = np.arange(classes)
    targets = np.eye(classes)[labels]
    return targets - targets.mean(axis=0)


def test_distances_are_exact():
    # Within float32's integers, and beyond them.
    for largest, kind in ((2**10, np.float32), (2**14, np.float64)):
        left, right = points(0, 30, largest=largest), points(1, 20, largest=largest)
        expected = [[sum(int(a - b) ** 2 for a, b in zip(u, v, strict=True)) for v in right] for u in left]
        found = Distances.between(left, right)
        assert found.products.dtype == kind
        assert found.squared().tolist() == expected
        assert not np.diag(Distances.between(left, left).squared()).any()


@pytest.mark.parametrize("one", [ONE, LANDMARK_ONE])
@pytest.mark.parametrize("gamma", [1e-9, 3e-4, 0.7, 12.5])
def test_the_gaussian_is_within_a_unit(one, gamma, monkeypatch):
    generator = np.random.default_rng(0)
    distances = np.rint(generator.random(3000) * 50 / gamma * generator.random(3000))
    distances = np.unique(np.append(distances, [0.0, 2.0**52]))
    found = bare(distances).gaussian(gamma, one)[0]
    expected = np.array([one * math.exp(-gamma * d) for d in distances.tolist()])
    # Half a unit of rounding, and what the series lacks.
    assert np.abs(found - expected).max() < ROUNDING
    assert (found == np.rint(found)).all()
    assert found[0] == one
    assert found[-1] == 0
    assert (np.diff(found) <= 0).all()
    # It can tell: a series one term shorter is further off.
    shorter_series = kernel_module.TERMS.copy()
    shorter_series[-1] = 0
    monkeypatch.setattr(kernel_module, "TERMS", shorter_series)
    shorter = bare(distances).gaussian(gamma)
    exactly = np.array([ONE * math.exp(-gamma * d) for d in distances.tolist()])
    if gamma < 1e-3:
        assert np.abs(shorter[0] - exactly).max() > ROUNDING


def on_grid(solution):
    """Round exact fractions plus the constant that keeps simple ones off the ties."""
    digit = 2**BITS
    shift = Fraction(OFFSET[0] * digit + OFFSET[1], digit * digit)
    return [[round(value * GRID + shift) / GRID for value in row] for row in solution]


def test_repeated_rows_are_no_ties():
    """The solution of equal rows is a simple fraction, which lies on a boundary of the grid itself."""
    n = 19
    targets = np.r_[5.0, np.zeros(n - 1)][:, None] / ONE
    found = dual_coefficients(np.full((n, n), ONE), targets, 1.0)
    np.testing.assert_allclose(found[:2, 0] * ONE, [5 - 5 / 20, -5 / 20], atol=1.0)


@pytest.mark.parametrize("alpha", [0.01, 0.3, 5.0])
@pytest.mark.parametrize("gamma", [1e-4, 1e-2])
def test_dual_coefficients_are_correctly_rounded(alpha, gamma):
    rows = points(2, 24)
    rows[5] = rows[4]
    kernel, targets = kernel_of(rows, gamma), centred_targets(2, 24)
    whole = kernel.astype(np.int64).tolist()
    for i in range(24):
        whole[i][i] += round(alpha * ONE)
    rhs = np.rint(targets * ONE).astype(np.int64).tolist()
    before = kernel.tobytes()
    found = dual_coefficients(kernel, targets, alpha)
    assert found.tolist() == on_grid(solve(whole, rhs))
    assert kernel.tobytes() == before
    np.testing.assert_allclose((kernel / ONE + alpha * np.eye(24)) @ found, targets, atol=1e-4)


def test_dual_coefficients_whatever_proposes(monkeypatch):
    """A worse factorisation is refined further, and ends at the same bytes."""
    kernel, targets = kernel_of(points(3, 60), 1e-3), centred_targets(3, 60)
    expected = dual_coefficients(kernel, targets, 0.1)
    worse = sl.cho_factor

    def perturbed(matrix, **options):
        return worse(matrix * (1 + 1e-5 * np.random.default_rng(0).random(matrix.shape[0])[None]), **options)

    monkeypatch.setattr(sl, "cho_factor", perturbed)
    assert dual_coefficients(kernel, targets, 0.1).tobytes() == expected.tobytes()
    # Straight from float64, the bytes are others.
    straight = np.linalg.solve(kernel / ONE + 0.1 * np.eye(60), targets)
    assert straight.tobytes() != expected.tobytes()


def test_the_error_bound_holds():
    """Also where the rounded kernel has an eigenvalue below zero, as many rows that nearly coincide give it."""
    rows = points(4, 40, width=2, largest=3)
    kernel = kernel_of(rows, 1e-5)
    least = np.linalg.eigvalsh(kernel)[0]
    assert least < -0.5
    alpha = 40 / ONE
    system = KernelSystem(kernel, np.zeros((40, 1), np.int64), alpha)
    matrix = kernel.astype(np.int64).tolist()
    for i in range(40):
        matrix[i][i] += round(alpha * ONE)
    residual = np.random.default_rng(0).integers(-5, 6, (40, 1)).astype(np.float64)
    residual += np.rint(1000 * np.linalg.eigh(kernel)[1][:, :1])
    error = solve(matrix, [[Fraction(v)] for v in residual[:, 0].tolist()])
    bound = system.error_bound(residual)
    assert all(abs(e[0]) <= Fraction(b) for e, b in zip(error, bound[:, 0].tolist(), strict=True))
    # It can tell: the bound by alpha alone, as for a matrix without rounding, is below an error.
    unrounded = np.sqrt((residual**2).sum()) / round(alpha * ONE)
    assert math.sqrt(sum(float(e[0]) ** 2 for e in error)) > unrounded


def test_too_small_an_alpha():
    kernel, targets = kernel_of(points(5, 50), 1e-3), centred_targets(5, 50)
    with pytest.raises(CapacityError, match=r"alpha 1e-06 is too small .* landmarks"):
        dual_coefficients(kernel, targets, 1e-6)
    # What the message advises is enough.
    assert dual_coefficients(kernel, targets, 50 / ONE).shape == (50, 3)


@pytest.mark.parametrize("alpha", [0.1, 3.0])
def test_landmarks_are_the_dense_formula(alpha):
    rows, targets = points(6, 90), centred_targets(6, 90)
    chosen = np.arange(0, 90, 6)
    kernel = kernel_of(rows, 1e-3, LANDMARK_ONE, rows[chosen])
    own, gram = kernel[chosen], exact_product(kernel.T, kernel)
    found = landmark_coefficients(gram, own, ordered_product(kernel.T.copy(), targets), alpha)
    dense = np.exp(-1e-3 * Distances.between(rows, rows[chosen]).squared())
    system = dense.T @ dense + alpha * (dense[chosen] + JITTER * np.eye(chosen.size))
    expected = np.linalg.solve(system, dense.T @ targets)
    np.testing.assert_allclose(kernel / LANDMARK_ONE @ found, dense @ expected, atol=2e-3)
    assert np.abs(kernel / LANDMARK_ONE @ found).max() > 0.1


def test_landmarks_that_coincide():
    rows = np.repeat(points(7, 8, width=2, largest=2), 4, axis=0)
    kernel = kernel_of(rows, 1e-3, LANDMARK_ONE)
    gram = exact_product(kernel.T, kernel)
    targets = centred_targets(7, 32)
    found = landmark_coefficients(gram, kernel, ordered_product(kernel.T.copy(), targets), 0.1)
    assert np.isfinite(found).all()
