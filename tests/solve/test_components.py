"""Principal components: against a singular value decomposition of the centred rows."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from oubli.solve import components
from oubli.solve.components import principal_components


def packed(dense):
    matrix = sp.csr_array(dense)
    return matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32), matrix.data.astype(np.float64)


def reduce(dense, count, seed=0):
    return principal_components(packed(dense), dense.shape, count, seed)


def decaying(seed, n, columns, rank=None, rate=0.7):
    """Return rows whose variances along random directions decay, with a mean that is not zero."""
    generator = np.random.default_rng(seed)
    rank = min(n, columns) if rank is None else rank
    sizes = np.maximum(rate ** np.arange(rank), 1e-3)
    directions = np.linalg.qr(generator.standard_normal((columns, rank)))[0]
    return (generator.standard_normal((n, rank)) * sizes) @ directions.T + 0.5


def by_svd(dense, count):
    left, sizes, _ = np.linalg.svd(dense - dense.mean(axis=0), full_matrices=False)
    return (left * sizes)[:, :count], sizes


@pytest.mark.parametrize(("n", "columns", "count"), [(80, 30, 5), (30, 80, 5), (60, 20, 20), (9, 50, 4)])
def test_coordinates_are_those_of_a_decomposition(n, columns, count):
    dense = decaying(n, n, columns)
    ours = reduce(dense, count)
    expected, sizes = by_svd(dense, count)
    assert ours.shape == (n, count)
    # Signs aside; and inner products, which do not depend on the basis.
    np.testing.assert_allclose(np.abs((ours * expected).sum(axis=0)), sizes[:count] ** 2, rtol=1e-3)
    np.testing.assert_allclose(ours @ ours.T, expected @ expected.T, atol=2e-3 * sizes[0] ** 2)
    np.testing.assert_allclose((ours**2).sum(axis=0), sizes[:count] ** 2, rtol=1e-3)
    np.testing.assert_allclose(ours.mean(axis=0), 0, atol=1e-9)
    crossed = ours.T @ ours
    assert np.abs(crossed - np.diag(crossed.diagonal())).max() < 1e-7 * sizes[0] ** 2


@pytest.mark.parametrize("seed", range(3))
def test_dense_and_sparse_products_agree(seed, monkeypatch):
    generator = np.random.default_rng(seed)
    dense = decaying(seed, 120, 40) * (generator.random((120, 40)) < 0.3)
    ways = []
    original = components._dense
    monkeypatch.setattr(components, "_dense", lambda *given: ways.append(1) or original(*given))
    narrow = reduce(dense, 6)
    assert ways
    # Zero columns beside them make the sparse rows the quicker way, and change no variance.
    ways.clear()
    wide = reduce(np.hstack([dense, np.zeros((120, 400))]), 6)
    assert not ways
    np.testing.assert_allclose(np.abs(wide), np.abs(narrow), atol=2e-2 * np.abs(narrow).max())
    np.testing.assert_allclose(wide @ wide.T, narrow @ narrow.T, atol=2e-2 * (narrow**2).max())


def test_zeros_and_few_directions():
    assert not reduce(np.zeros((20, 30)), 4).any()
    assert not reduce(np.full((20, 30), 0.25), 4).round(9).any()
    # Only two directions vary: the others have coordinates of nothing.
    flat = decaying(1, 50, 30, rank=2)
    ours = reduce(flat, 6)
    expected, _ = by_svd(flat, 2)
    # Rows of fifty are rounded to 23 bits.
    np.testing.assert_allclose(ours @ ours.T, expected @ expected.T, atol=3e-6)
    np.testing.assert_allclose(ours[:, 2:], 0, atol=3e-6)
    assert np.isfinite(ours).all()


def test_one_row_and_more_components_than_there_are():
    alone = np.arange(12.0)[None]
    assert reduce(alone, 5).shape == (1, 1)
    assert not reduce(alone, 5).any()
    few = decaying(2, 6, 40, rate=0.9)
    ours = reduce(few, 10)
    assert ours.shape == (6, 6)
    np.testing.assert_allclose(ours @ ours.T, by_svd(few, 6)[0] @ by_svd(few, 6)[0].T, atol=3e-6)


def test_equal_variances_give_bytes_all_the_same():
    """Where directions are not determined by the rows, the seed's start and the order of sums determine them."""
    equal = np.vstack([np.eye(24), -np.eye(24)])
    first = reduce(equal, 5)
    assert reduce(equal.copy(order="F"), 5).tobytes() == first.tobytes()
    assert reduce(equal, 5, seed=1).tobytes() != first.tobytes()
    np.testing.assert_allclose((first**2).sum(axis=0), 2, rtol=1e-7)


def test_each_directions_largest_entry_is_positive():
    dense = decaying(3, 60, 12)
    for rows in (dense, -dense):
        centred = rows - rows.mean(axis=0)
        ours = reduce(rows, 4)
        directions = centred.T @ ours
        assert (directions[np.abs(directions).argmax(axis=0), np.arange(4)] > 0).all()
