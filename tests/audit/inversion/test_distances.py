import numpy as np
import pytest
from scipy.spatial import distance

from oubli.audit.inversion import distances
from oubli.audit.inversion.distances import DISTANCES, pair_distance, pair_distances


@pytest.fixture(scope="module")
def rows():
    generator = np.random.default_rng(0)
    return generator.random((40, 9)) * (generator.random((40, 9)) < 0.6)


@pytest.fixture(scope="module")
def pairs():
    return np.random.default_rng(1).integers(40, size=(100, 2))


@pytest.mark.parametrize("name", DISTANCES)
def test_each_is_that_of_scipy(name, rows, pairs):
    expected = [getattr(distance, name)(rows[u], rows[v]) for u, v in pairs]
    np.testing.assert_allclose(pair_distance(name, rows, pairs), expected, rtol=1e-12, atol=1e-12)


def test_columns_are_in_the_order_of_names_and_do_not_depend_on_parts(rows, pairs, monkeypatch):
    whole = pair_distances(rows, pairs)
    np.testing.assert_array_equal(whole.T, [pair_distance(name, rows, pairs) for name in DISTANCES])
    monkeypatch.setattr(distances, "ENTRIES", 30)
    np.testing.assert_array_equal(pair_distances(rows, pairs), whole)


@pytest.mark.parametrize(
    "rows", [np.zeros((3, 4)), np.full((3, 4), 0.1), np.ones((3, 1)), np.empty((3, 0)), np.eye(3, 4, dtype=np.float32)]
)
def test_rows_without_direction_have_finite_distances(rows):
    pairs = np.array([[0, 1], [1, 2], [0, 0]])
    assert np.isfinite(pair_distances(rows, pairs)).all()


def test_a_row_that_is_constant_up_to_rounding_is_correlated_with_none():
    rows = np.array([[0.1, 0.1, 0.1], [0.3, 0.3, 0.3 + 1e-17], [0.2, 0.5, 0.3]])
    np.testing.assert_array_equal(pair_distance("correlation", rows, np.array([[0, 1], [1, 2]])), [1, 1])


def test_no_pairs_no_distances():
    assert pair_distances(np.ones((3, 4)), np.empty((0, 2), np.int64)).shape == (0, len(DISTANCES))
