"""Products of integers: Python's integers are the oracle, for every layout, and the bound is an error."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from oubli.errors import CapacityError
from oubli.solve.products import (
    EXACT,
    exact_product,
    largest,
    ordered_product,
    rounded_gram,
    row_products,
    row_squares,
    to_integers,
)


def integers(generator, shape, bits):
    return generator.integers(-(2**bits), 2**bits, shape, endpoint=True).astype(np.float64)


@given(
    seed=st.integers(0, 2**32 - 1),
    sizes=st.tuples(st.integers(1, 9), st.integers(0, 40), st.integers(1, 9)),
    bits=st.integers(0, 23),
    turned=st.booleans(),
)
@settings(deadline=None, max_examples=60)
def test_the_product_of_pythons_integers(seed, sizes, bits, turned):
    generator = np.random.default_rng(seed)
    n, terms, m = sizes
    left, right = integers(generator, (n, terms), bits), integers(generator, (terms, m), bits)
    expected = left.astype(np.int64).astype(object) @ right.astype(np.int64).astype(object)
    if turned:
        left, right = np.asfortranarray(left), np.asfortranarray(right)
    product = exact_product(left, right)
    assert product.tolist() == expected.reshape(n, m).astype(float).tolist()
    # Every sum is below 2**53, so float() above has lost nothing.
    assert [[int(v) for v in row] for row in product.tolist()] == expected.reshape(n, m).tolist()
    assert not np.signbit(product[product == 0]).any()


def test_terms_in_any_order_and_with_any_number_of_threads():
    generator = np.random.default_rng(0)
    left, right = integers(generator, (70, 900), 20), integers(generator, (900, 50), 20)
    expected = exact_product(left, right).tobytes()
    order = generator.permutation(900)
    for threads in (1, 2):
        with threadpool_limits(threads):
            assert exact_product(left[:, order], right[order]).tobytes() == expected
    # The comparison can tell: of other floats the bytes do depend on the order.
    floats = generator.standard_normal((70, 900))
    assert (floats[:, order] @ right[order]).tobytes() != (floats @ right).tobytes()


def test_there_are_no_negative_zeros():
    left = np.array([[-0.0, -0.0], [0.0, -3.0], [-2.0, 2.0]])
    right = np.array([[5.0, -0.0], [0.0, -0.0]])
    for a, b in ((left, right), (-left, right), (left, -right), (left[:, :0], right[:0])):
        product = exact_product(a, b)
        assert not np.signbit(product[product == 0]).any()


def test_the_bound_is_an_error_and_what_reaches_it_is_exact():
    left, right = np.full((1, 4), 2.0**26), np.full((4, 1), 2.0**25)
    assert exact_product(left, right)[0, 0] == EXACT
    for a, b in ((left + 1, right), (left, -right - 1), (np.full((1, 5), 2.0**26), np.full((5, 1), 2.0**25))):
        with pytest.raises(CapacityError, match="exact range"):
            exact_product(a, b)
    for odd in (np.nan, np.inf):
        with pytest.raises(CapacityError, match="exact range"):
            exact_product(np.array([[odd, 1.0]]), np.array([[1.0], [1.0]]))


@given(seed=st.integers(0, 2**32 - 1), width=st.integers(0, 300), bits=st.integers(0, 14))
@settings(deadline=None, max_examples=60)
def test_rows_in_float32_multiply_as_pythons_integers(seed, width, bits):
    generator = np.random.default_rng(seed)
    left, right = (integers(generator, (n, width), bits).astype(np.float32) for n in (7, 5))
    expected = left.astype(np.int64) @ right.astype(np.int64).T
    assert row_products(left, right).tolist() == expected.tolist()
    assert row_products(left, left).tolist() == (left.astype(np.int64) @ left.astype(np.int64).T).tolist()


def test_float32_is_taken_as_far_as_it_is_exact():
    """The longest rows allowed are exact in any order of their terms; those one longer are not left to float32."""
    row = np.full((1, 64), 2.0**9, np.float32)
    assert row_squares(row)[0] == 2.0**24
    assert row_products(row, -row).dtype == np.float32
    assert float(row_products(row, -row)[0, 0]) == -(2.0**24)
    longer = np.append(row, [[1.0]], axis=1).astype(np.float32)
    assert row_products(longer, longer).dtype == np.float64
    assert float(row_products(longer, longer)[0, 0]) == 2.0**24 + 1
    # It can tell: float32 has no such integer.
    assert float((longer @ longer.T)[0, 0]) != 2.0**24 + 1
    # A long row beside a short one is short enough together.
    assert row_products(longer, longer[:, ::-1] / 512 // 1).dtype == np.float32


def test_the_largest_of_anything():
    generator = np.random.default_rng(0)
    values = generator.standard_normal((40, 9))
    for part in (values, values[:, 2:5], values[::3], values[:0], values[:, :0], values.T, values[0]):
        assert largest(part) == np.abs(part).max(initial=0.0)
    for odd in (np.nan, -np.nan, np.inf, -np.inf):
        values[7, 3] = odd
        assert not largest(values) < np.inf


@pytest.mark.parametrize("bits", [1, 15, 26])
@pytest.mark.parametrize("scale", [2.0**-60, 0.3, 1.0, 3e20])
def test_rounding_to_integers(bits, scale):
    values = np.random.default_rng(bits).standard_normal((30, 4)) * scale
    whole, unit = to_integers(values, bits)
    assert np.log2(unit) == round(np.log2(unit))
    assert (whole == np.rint(whole)).all()
    assert 2.0 ** (bits - 1) <= np.abs(whole).max() <= 2.0**bits
    assert np.abs(whole * unit - values).max() <= unit / 2
    assert not np.signbit(whole[whole == 0]).any()


def test_rounding_nothing_to_integers():
    for values in (np.zeros((2, 3)), np.zeros((0, 3))):
        whole, unit = to_integers(values, 26)
        assert unit == 1.0
        assert whole.tobytes() == values.tobytes()


@pytest.mark.parametrize("terms", [0, 1, 3, 4, 5, 30])
def test_ordered_sums_are_added_one_at_a_time(terms):
    generator = np.random.default_rng(terms)
    left, right = generator.standard_normal((20, terms)), generator.standard_normal((terms, 3))
    expected = np.zeros((20, 3))
    for k in range(terms):
        expected += left[:, [k]] * right[k]
    assert ordered_product(left, right).tobytes() == expected.tobytes()
    squares = np.zeros(20)
    for k in range(terms):
        squares += left[:, k] * left[:, k]
    assert row_squares(left).tobytes() == squares.tobytes()
    if terms == 30:
        assert ordered_product(left[:, ::-1].copy(), right[::-1].copy()).tobytes() != expected.tobytes()


@pytest.mark.parametrize("scale", [1.0, 1e-12, 3e9])
def test_a_gram_matrix_of_rounded_columns(scale):
    """Columns of very different sizes, each rounded to 26 bits: within that of the product, exact in any order."""
    generator = np.random.default_rng(0)
    values = generator.standard_normal((200, 6)) * scale * 10.0 ** np.arange(-6, 6, 2)
    values[:, 3] = 0
    found = rounded_gram(values)
    lengths = np.sqrt((values**2).sum(axis=0))
    np.testing.assert_array_less(np.abs(found - values.T @ values), 2.0**-22 * np.outer(lengths, lengths) + 1e-300)
    assert found.tobytes() == found.T.copy().tobytes()
    order = generator.permutation(200)
    assert rounded_gram(values[order]).tobytes() == found.tobytes()
    whole = [[int(v) for v in row] for row in np.rint(values[:, :3] / scale * 2**20).tolist()]
    columns = list(zip(*whole, strict=True))
    exact = [[float(sum(a * b for a, b in zip(u, v, strict=True))) for v in columns] for u in columns]
    if scale == 1.0:
        assert rounded_gram(np.array(whole, np.float64)).tolist() == exact
