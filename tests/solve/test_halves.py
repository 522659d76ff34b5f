"""Halved matrices against Python's integers."""

from __future__ import annotations

import numpy as np
import pytest

from oubli.solve import halves
from oubli.solve.digits import DigitMatrix, carry
from oubli.solve.halves import HalvedMatrix, exact_matrix


def whole(places):
    """Return what digits stand for, as Python integers."""
    return sum((place.astype(object) << (20 * k) for k, place in enumerate(places)), np.zeros((), object))


def draw(bits, size, classes=3, seed=0):
    """Return a matrix with entries of up to `bits` bits, the largest there are among them, and digits."""
    generator = np.random.default_rng([seed, bits, size])
    matrix = generator.integers(-(2**bits) + 1, 2**bits, (size, size))
    matrix[0, 0], matrix[-1, 0] = 2**bits - 1, 1 - 2**bits
    places = carry(generator.integers(-(2**19), 2**19, (6, size, classes)))
    # A digit that no entry uses, and digits at their limits.
    places[2], places[3, :, 0] = 0, -(2**19)
    return matrix, places


@pytest.mark.parametrize("bits", [0, 1, 2, 19, 20, 21, 39, 44, 45, 50, 57, 61, 62])
@pytest.mark.parametrize(("size", "classes"), [(1, 1), (2, 2), (65, 3), (300, 1)])
def test_products_are_exact(bits, size, classes):
    matrix, places = draw(bits, size, classes)
    product = HalvedMatrix(matrix, 2**bits - 1).times(places)
    assert (whole(product) == matrix.astype(object) @ whole(places)).all()
    assert np.abs(product[:-1]).max() <= 2**19


def test_the_largest_sums_of_one_sign():
    """All terms at their limits, where the halves and the digits add up to what float64 and int64 hold."""
    for bits, size in ((44, 2100), (54, 300), (60, 70)):
        low = (2**bits - 1) // 3
        for value in (2**bits - 1, 1 - 2**bits, low):
            matrix = np.full((3, size), value)
            places = np.full((4, size, 1), 2**19 + 1)
            product = HalvedMatrix(matrix, 2**bits - 1).times(places)
            assert whole(product).ravel().tolist() == [value * int(whole(places).sum())] * 3


def test_too_long_a_sum_is_caught(monkeypatch):
    """The same check tells when float64 is asked to hold more terms than it can."""
    # Halves of 29 bits, the lower one as large as it can be; an odd number of odd products.
    value = (2**28 - 1) + (2**25 << 29)
    matrix, places = np.full((2, 301), value), np.full((4, 301, 1), 2**19 - 1)
    expected = [value * int(whole(places).sum())] * 2
    assert whole(HalvedMatrix(matrix, value).times(places)).ravel().tolist() == expected
    monkeypatch.setattr(halves, "EXACT_BITS", 60)
    assert whole(HalvedMatrix(matrix, value).times(places)).ravel().tolist() != expected


def test_zeros():
    product = HalvedMatrix(*[np.zeros((4, 4), np.int64), 0]).times(np.zeros((5, 4, 2), np.int64))
    assert not product.any()
    assert product.shape[1:] == (4, 2)


def test_what_int64_could_not_hold_is_left_to_digits():
    assert isinstance(exact_matrix(np.zeros((2**11, 1), np.int64), 2**50), HalvedMatrix)
    assert isinstance(exact_matrix(np.zeros((2**13, 1), np.int64), 2**62 - 1), DigitMatrix)


def test_threads_do_not_matter(monkeypatch):
    matrix, places = draw(44, 120)
    serial = HalvedMatrix(matrix, 2**44).times(places)
    monkeypatch.setattr("oubli.propagation.threads.SERIAL_WORK", 0)
    assert HalvedMatrix(matrix, 2**44).times(places).tobytes() == serial.tobytes()
