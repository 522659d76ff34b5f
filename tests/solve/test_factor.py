"""The factor in blocks: the bytes of a plain loop without any, and its inverse."""

from __future__ import annotations

import numpy as np
import pytest

from oubli.propagation import threads
from oubli.solve import cholesky
from oubli.solve.cholesky import FixedOrderFactor, fixed_order_solve


def definite(n, seed=0):
    rows = np.random.default_rng([n, seed]).standard_normal((2 * n, n))
    return rows.T @ rows + np.eye(n)


def without_blocks(matrix):
    """Return the upper factor, one term at a time; each operation works on independent elements."""
    upper = matrix.copy()
    for i in range(len(upper)):
        for k in range(i):
            upper[i, i:] -= upper[k, i] * upper[k, i:]
        upper[i, i:] /= np.sqrt(upper[i, i])
    return np.triu(upper)


# On both sides of a block, and of the four rows and four terms that are taken at a time.
SIZES = [1, 2, 5, 63, 64, 65, 66, 67, 68, 127, 128, 129, 131, 200, 321]


@pytest.mark.parametrize("n", SIZES)
def test_blocks_leave_the_bytes_as_they_are(n):
    matrix = definite(n)
    assert np.triu(FixedOrderFactor(matrix)._upper).tobytes() == without_blocks(matrix).tobytes()


@pytest.mark.parametrize("n", [5, 66, 130])
def test_only_the_upper_triangle_is_read(n):
    matrix = definite(n)
    spoilt = np.triu(matrix) + np.tril(np.full((n, n), np.nan), -1)
    rhs = np.random.default_rng(n).standard_normal((n, 2))
    assert fixed_order_solve(spoilt, rhs).tobytes() == fixed_order_solve(matrix, rhs).tobytes()


@pytest.mark.parametrize("n", [70, 150, 600])
def test_strips_and_threads_leave_the_bytes_as_they_are(n, monkeypatch):
    matrix = definite(n)
    expected = np.triu(FixedOrderFactor(matrix)._upper).tobytes()
    for work in (0, 2**62):
        monkeypatch.setattr(threads, "SERIAL_WORK", work)
        assert np.triu(FixedOrderFactor(matrix)._upper).tobytes() == expected
    if n == 600:
        assert n - cholesky.BLOCK > cholesky.STRIP
        assert expected == without_blocks(matrix).tobytes()


def test_another_order_has_other_bytes():
    """The comparison can tell: terms taken from the last to the first."""
    matrix = definite(80)
    upper = matrix.copy()
    for i in range(80):
        for k in range(i - 1, -1, -1):
            upper[i, i:] -= upper[k, i] * upper[k, i:]
        upper[i, i:] /= np.sqrt(upper[i, i])
    assert np.triu(upper).tobytes() != np.triu(FixedOrderFactor(matrix)._upper).tobytes()


@pytest.mark.parametrize("n", [1, 4, 65, 150])
def test_the_inverse_of_the_factor(n):
    matrix = definite(n)
    inverse = FixedOrderFactor(matrix).inverse()
    assert not np.triu(inverse, 1).any()
    np.testing.assert_allclose(inverse @ np.linalg.cholesky(matrix), np.eye(n), atol=1e-9)
    np.testing.assert_allclose(inverse.T @ inverse, np.linalg.inv(matrix), atol=1e-9)
    # Row by row, one term at a time.
    lower = without_blocks(matrix).T
    expected = np.zeros((n, n))
    for i in range(n):
        for k in range(i):
            expected[i, : k + 1] -= lower[i, k] * expected[k, : k + 1]
        expected[i, i] = 1.0
        expected[i, : i + 1] /= lower[i, i]
    assert inverse.tobytes() == expected.tobytes()
