"""The exact Gram against Python's integers, in any order, blocking and history."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.solve.exact import gram as integer_gram
from threadpoolctl import threadpool_limits

from oubli.errors import CapacityError
from oubli.solve import ExactGram
from oubli.solve import gram as gram_module
from oubli.solve.gram import add_gram

CONSTANT = 4096


def draw(seed, n=60, width=5, classes=3, bits=16):
    generator = np.random.default_rng(seed)
    rows = generator.integers(-(2 ** (bits - 1)), 2 ** (bits - 1), (n, width)).astype(np.int32)
    return rows, generator.integers(0, classes, n).astype(np.int32)


def expected(rows, labels, classes=3, constant=CONSTANT, by_class=False):
    full = np.column_stack([rows.astype(object), np.full(len(rows), constant, object)])
    groups = [np.flatnonzero(labels == c) for c in range(classes)] if by_class else [np.arange(len(rows))]
    products = [integer_gram(full[group]) for group in groups]
    sums = [[int(full[labels == c, k].sum()) for k in range(full.shape[1])] for c in range(classes)]
    return products, sums, [int((labels == c).sum()) for c in range(classes)]


def assert_equal(statistics, wanted):
    assert statistics.products.tolist() == wanted[0]
    assert statistics.sums.tolist() == wanted[1]
    assert statistics.counts.tolist() == wanted[2]


def everything(statistics):
    return b"".join(array.tobytes() for array in (statistics.products, statistics.sums, statistics.counts))


@pytest.mark.parametrize("by_class", [False, True])
@pytest.mark.parametrize("bits", [2, 16, 22, 25])
def test_sums_are_exact(by_class, bits):
    rows, labels = draw(bits, bits=bits)
    statistics = ExactGram(5, 3, CONSTANT, by_class).update(rows, labels)
    assert_equal(statistics, expected(rows, labels, by_class=by_class))


@pytest.mark.parametrize("value", [2**24 - 1, -(2**24), 2**16 - 1])
def test_the_largest_values_in_many_rows(value):
    """Products near 2**48 whose sums have bits below what one float64 could keep together: blocks are short enough."""
    rows = np.full((5000, 2), value, np.int32)
    rows[::2, 0] += 1
    labels = np.zeros(5000, np.int32)
    statistics = ExactGram(2, 1, CONSTANT).update(rows, labels)
    odd, even = (np.array([int(v) for v in column], object) for column in rows.T)
    assert statistics.products[0, 0, 0] == int((odd * odd).sum())
    assert statistics.products[0, 0, 1] == int((odd * even).sum())
    assert statistics.products[0, 2, :2].tolist() == [CONSTANT * int(odd.sum()), CONSTANT * int(even.sum())]
    assert statistics.products[0, 2, 2] == 5000 * CONSTANT**2


def test_inexact_variants_are_caught():
    """The same check catches a float32 product, and a float64 product of all rows at once."""
    rows, _ = draw(0, n=4000, width=3, bits=25)
    full = np.column_stack([rows, np.full(4000, CONSTANT)])
    exact = np.zeros((4, 4), np.int64)
    add_gram(exact, rows, CONSTANT)
    objects = full.astype(object)
    assert exact.tolist() == (objects.T @ objects).tolist()
    single = full.astype(np.float32)
    assert (single.T @ single).astype(np.int64).tolist() != exact.tolist()
    double = np.abs(full).astype(np.float64)
    positive = np.zeros((4, 4), np.int64)
    add_gram(positive, np.abs(rows), CONSTANT)
    assert (double.T @ double).astype(np.int64).tolist() != positive.tolist()


@pytest.mark.parametrize("by_class", [False, True])
def test_order_blocking_and_threads_do_not_matter(by_class, monkeypatch):
    rows, labels = draw(1, n=5000, width=40, bits=20)
    whole = everything(ExactGram(40, 3, CONSTANT, by_class).update(rows, labels))
    order = np.random.default_rng(0).permutation(5000)
    assert everything(ExactGram(40, 3, CONSTANT, by_class).update(rows[order], labels[order])) == whole
    parts = ExactGram(40, 3, CONSTANT, by_class)
    for part in np.array_split(order, 17):
        parts.update(rows[part], labels[part])
    assert everything(parts) == whole
    for threads in (1, 2):
        with threadpool_limits(threads, "blas"):
            assert everything(ExactGram(40, 3, CONSTANT, by_class).update(rows, labels)) == whole
    for block in (1, 7, 512):
        monkeypatch.setattr(gram_module, "BLOCK", block)
        assert everything(ExactGram(40, 3, CONSTANT, by_class).update(rows, labels)) == whole


@given(st.lists(st.tuples(st.integers(0, 29), st.booleans()), max_size=40), st.booleans())
@settings(deadline=None, max_examples=60)
def test_any_history_leaves_the_sums_of_what_is_in(steps, by_class):
    """Rows go in and out, also out before in; negative counts along the way do no harm."""
    rows, labels = draw(2, n=30)
    statistics = ExactGram(5, 3, CONSTANT, by_class)
    balance = np.zeros(30, int)
    for row, comes in steps:
        one = slice(row, row + 1)
        (statistics.update if comes else statistics.revert)(rows[one], labels[one])
        balance[row] += 1 if comes else -1
    for row in np.flatnonzero(balance):
        one = np.full(abs(balance[row]), row)
        (statistics.revert if balance[row] > 0 else statistics.update)(rows[one], labels[one])
    assert not any(everything(statistics))
    statistics.update(rows, labels).revert(rows[:10], labels[:10])
    assert_equal(statistics, expected(rows[10:], labels[10:], by_class=by_class))


@pytest.mark.parametrize("by_class", [False, True])
@pytest.mark.parametrize("count", [0, 1, 9, 700])
@pytest.mark.parametrize("bits", [8, 13, 16, 26])
def test_rows_replaced_in_one_pass_or_two(by_class, count, bits):
    """Some of the rows are others now, and some are gone, whether their products fit a small kind of integer or not."""
    rows, labels = draw(3, n=1500, bits=bits)
    kept, (others, _) = count - count // 3, draw(4, n=1500, bits=bits)
    # Most entries are as they were.
    others = np.where(np.random.default_rng(1).random(rows.shape) < 0.8, rows, others)[:kept]
    statistics = ExactGram(5, 3, CONSTANT, by_class).update(rows, labels)
    statistics.replace(rows[:count], others, labels[:count])
    now = ExactGram(5, 3, CONSTANT, by_class).update(rows[count:], labels[count:]).update(others, labels[:kept])
    # The lower half is what is computed, and the rest what it says.
    assert np.tril(statistics.products[0]).tolist() == np.tril(now.products[0]).tolist()
    assert everything(statistics) == everything(now)
    statistics.revert(others, labels[:kept]).update(rows[:count], labels[:count])
    assert everything(statistics) == everything(ExactGram(5, 3, CONSTANT, by_class).update(rows, labels))


def test_a_half_matrix_can_go_on(monkeypatch):
    """Rows added, taken back and replaced in any order, the upper half being left behind in between."""
    rows, labels = draw(5, n=300, width=150, bits=12)
    monkeypatch.setattr("oubli.solve.exchange.ROWS", 7)
    statistics = ExactGram(150, 3, CONSTANT).update(rows[:100], labels[:100])
    statistics.replace(rows[:50], rows[100:140], labels[:50]).update(rows[200:], labels[200:])
    statistics.revert(rows[200:210], labels[200:210]).replace(rows[210:220], rows[:0], labels[210:220])
    kept = np.concatenate([rows[100:140], rows[50:100], rows[220:]])
    now = ExactGram(150, 3, CONSTANT).update(kept, np.concatenate([labels[:40], labels[50:100], labels[220:]]))
    assert np.tril(statistics.lower).tolist() == np.tril(now.lower).tolist()
    assert statistics.lower.tolist() != now.lower.tolist()
    assert everything(statistics) == everything(now)


def test_the_largest_rows_that_are_exchanged():
    """Products at the edge of int32, in as many rows as one sum holds, and one beyond."""
    for value in (2**14, 2**15 - 1, 2**15):
        rows = np.full((9, 5), value, np.int32)
        statistics = ExactGram(5, 1, CONSTANT).update(rows, np.zeros(9, np.int32))
        statistics.replace(rows, -rows[:8] + 1, np.zeros(9, np.int32))
        now = ExactGram(5, 1, CONSTANT).update(-rows[:8] + 1, np.zeros(8, np.int32))
        assert everything(statistics) == everything(now)


def test_no_rows_change_nothing():
    statistics = ExactGram(5, 3, CONSTANT)
    statistics.update(np.empty((0, 5), np.int32), np.empty(0, np.int32))
    assert not any(everything(statistics))


def test_what_does_not_fit_is_an_error_and_changes_nothing():
    statistics = ExactGram(1, 1, CONSTANT)
    with pytest.raises(CapacityError, match="fraction_bits"):
        statistics.update(np.full((1, 1), 2**27, np.int32), np.zeros(1, np.int32))
    full = np.zeros((2, 2), np.int64)
    full[0, 0] = 2**63 - 2**48
    with pytest.raises(CapacityError):
        add_gram(full, np.full((2, 1), 2**24, np.int32), CONSTANT)
    assert full[0, 0] == 2**63 - 2**48
    assert not any(everything(statistics))
    nearly = ExactGram(1, 1, 1)
    nearly.products[0, 0, 0] = 2**63 - 2**40
    with pytest.raises(CapacityError):
        nearly.replace(*np.array([[[1]], [[2**20]]], np.int32), np.zeros(1, np.int32))
    assert nearly.products[0, 0, 0] == 2**63 - 2**40
    add_gram(np.zeros((2, 2), np.int64), np.full((1, 1), 2**26, np.int32), CONSTANT)
