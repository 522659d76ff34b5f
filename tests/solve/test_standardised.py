"""Ridge on standardised columns against fractions, and against scikit-learn on standardised rows."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from tests.solve.exact import on_grid, solve
from threadpoolctl import threadpool_limits

from oubli.errors import CapacityError, InputError
from oubli.solve import ExactGram, PenalisedSystem, rounded_solve, standardised_weights


def draw(seed, n=60, width=5, classes=3, spread=50):
    generator = np.random.default_rng(seed)
    rows = generator.integers(-spread, spread, (n, width)) * generator.integers(1, 9, width)
    return rows.astype(np.int16), generator.integers(0, classes, n).astype(np.int32)


def statistics(rows, labels, classes=3):
    return ExactGram(rows.shape[1], classes, 1).update(rows, labels)


def in_fractions(rows, labels, alpha, classes=3):
    """Return weights and intercepts from centred sums in fractions, weights on the grid."""
    full, targets = rows.astype(object), (labels[:, None] == np.arange(classes)[None, :]).astype(int).astype(object)
    n = len(rows)
    matrix = n * full.T @ full - np.outer(full.sum(axis=0), full.sum(axis=0))
    rhs = n * full.T @ targets - np.outer(full.sum(axis=0), targets.sum(axis=0))
    penalty = [max(1, round(float(matrix[j, j]) * (alpha / n))) for j in range(len(matrix))]
    weights = on_grid(solve((matrix + np.diag(np.array(penalty, object))).tolist(), rhs.tolist()))
    means = full.sum(axis=0) * Fraction(1, n)
    return weights, [
        float(
            Fraction(int(targets[:, c].sum()), n) - sum(m * Fraction(w[c]) for m, w in zip(means, weights, strict=True))
        )
        for c in range(classes)
    ]


@pytest.mark.parametrize("classes", [1, 2, 3])
@pytest.mark.parametrize(("n", "width"), [(60, 5), (6, 9), (1, 3)])
@pytest.mark.parametrize("alpha", [0.5, 100.0])
def test_weights_are_correctly_rounded(classes, n, width, alpha):
    rows, labels = draw(n, n, width, classes)
    labels[:classes] = np.arange(min(classes, n))
    weights, intercepts = in_fractions(rows, labels, alpha, classes)
    present = np.unique(labels)
    ours = standardised_weights(statistics(rows, labels, classes), alpha)
    assert ours[:-1].tolist() == np.array(weights)[:, present].tolist()
    np.testing.assert_allclose(ours[-1], np.array(intercepts)[present], rtol=0, atol=1e-13)


@pytest.mark.parametrize("alpha", [0.1, 3.0, 300.0])
def test_scikit_learns_ridge_on_standardised_rows(alpha):
    rows, labels = draw(7, n=200)
    deviation = rows.std(axis=0)
    model = Ridge(alpha=alpha, solver="cholesky").fit(rows / deviation, np.eye(3)[labels])
    ours = standardised_weights(statistics(rows, labels), alpha)
    np.testing.assert_allclose(ours[:-1], model.coef_.T / deviation[:, None], rtol=1e-6, atol=1e-10)
    np.testing.assert_allclose(ours[-1], model.intercept_, rtol=1e-6, atol=1e-9)


def test_columns_that_are_constant_or_repeated():
    rows, labels = draw(8)
    odd = np.column_stack([rows, np.full(60, 77), rows[:, 0]]).astype(np.int16)
    weights = standardised_weights(statistics(odd, labels), 1.0)
    assert not weights[5].any()
    assert weights[0].tolist() == weights[6].tolist()


def test_neither_threads_nor_history_matter():
    rows, labels = draw(9, n=900, width=300)
    found = set()
    for threads in (1, 2):
        with threadpool_limits(threads, "blas"):
            found.add(standardised_weights(statistics(rows, labels), 10.0).tobytes())
    order = np.random.default_rng(0).permutation(900)
    other, _ = draw(10, n=900, width=300)
    gram = statistics(rows[order], labels[order]).update(other, labels).revert(other, labels)
    found.add(standardised_weights(gram, 10.0).tobytes())
    assert len(found) == 1


def test_the_error_bound_holds():
    generator = np.random.default_rng(0)
    rows, labels = draw(11, n=40, width=12)
    wide = rows.astype(np.int64)
    penalties = generator.integers(1, 10**6, 12)
    targets = np.eye(3, dtype=np.int64)[labels]
    system = PenalisedSystem(wide.T @ wide, wide.T @ targets, penalties)
    exact = np.array(solve((wide.T @ wide + np.diag(penalties)).tolist(), (wide.T @ targets).tolist()), float)
    for size in (1e-12, 1e-6, 1.0):
        guess = exact + size * generator.standard_normal(exact.shape)
        residual = wide.T @ targets - (wide.T @ wide + np.diag(penalties)) @ guess
        bound = system.error_bound(residual)
        assert np.all(np.abs(guess - exact) <= bound * (1 + 1e-9) + 1e-15)
        # It is no bound of twice as much: penalties alone are met exactly.
    alone = PenalisedSystem(np.zeros((1, 1), np.int64), np.array([[3]]), np.array([7]))
    np.testing.assert_allclose(alone.error_bound(np.array([[0.5]])), [[0.5 / 7]])
    assert rounded_solve(alone).tolist() == on_grid([[Fraction(3, 7)]])


def test_what_does_not_fit():
    rows, labels = draw(12)
    gram = statistics(rows, labels)
    with pytest.raises(InputError, match="alpha"):
        standardised_weights(gram, 1e30)
    gram.products[0, 0, 0] = 2**60
    with pytest.raises(CapacityError, match="training nodes"):
        standardised_weights(gram, 1.0)
