"""Hop weights against dense polynomials of a matrix."""

from __future__ import annotations

from math import comb

import numpy as np
import pytest

from oubli.errors import InputError
from oubli.propagation import bernstein_weights, chebyshev_weights, hop_weights


def polynomial(weights, matrix):
    total, power = np.zeros_like(matrix), np.eye(len(matrix))
    for weight in weights:
        total += weight * power
        power = power @ matrix
    return total


@pytest.fixture
def walk():
    """The symmetric propagation matrix of a small graph, whose spectrum lies in (-1, 1]."""
    generator = np.random.default_rng(0)
    upper = np.triu(generator.random((9, 9)) < 0.4, 1)
    adjacency = (upper | upper.T) + np.eye(9)
    root = np.sqrt(adjacency.sum(axis=1))
    return adjacency / root[:, None] / root[None, :]


def test_named_weights_are_what_was_published():
    assert hop_weights("sgc", 3).tolist() == [0, 0, 0, 1]
    assert hop_weights("sgc", 0).tolist() == [1]
    assert hop_weights("average", 3).tolist() == [0.25] * 4
    assert hop_weights("alternating", 3).tolist() == [1, -1, 1, -1]
    np.testing.assert_allclose(hop_weights("ppr", 4, teleport=0.2), [0.2 * 0.8**hop for hop in range(5)], rtol=1e-15)
    assert hop_weights([0, 2, -1.5], 2).tolist() == [0, 2, -1.5]


@pytest.mark.parametrize("degree", range(7))
def test_chebyshev_is_a_polynomial_in_the_shifted_laplacian(walk, degree):
    coefficients = np.random.default_rng(degree).standard_normal(degree + 1)
    argument = (np.eye(9) - walk) - np.eye(9)
    kinds = [np.eye(9), argument]
    while len(kinds) <= degree:
        kinds.append(2 * argument @ kinds[-1] - kinds[-2])
    expected = sum(c * kind for c, kind in zip(coefficients, kinds, strict=False))
    np.testing.assert_allclose(polynomial(chebyshev_weights(coefficients), walk), expected, atol=1e-12)


@pytest.mark.parametrize("degree", range(7))
def test_bernstein_is_a_polynomial_in_the_laplacian(walk, degree):
    coefficients = np.random.default_rng(degree).standard_normal(degree + 1)
    laplacian, one = np.eye(9) - walk, np.eye(9)
    power = np.linalg.matrix_power
    expected = sum(
        c * comb(degree, k) / 2**degree * power(2 * one - laplacian, degree - k) @ power(laplacian, k)
        for k, c in enumerate(coefficients)
    )
    np.testing.assert_allclose(polynomial(bernstein_weights(coefficients), walk), expected, atol=1e-12)


def test_bernstein_coefficients_are_responses_of_a_linear_filter(walk):
    """With coefficients ``a + b k / K`` the filter is ``a + b L / 2``, whatever the degree."""
    laplacian = np.eye(9) - walk
    weights = bernstein_weights(1.0 - 2.0 * np.arange(5) / 4)
    np.testing.assert_allclose(polynomial(weights, walk), np.eye(9) - laplacian, atol=1e-12)


def test_lengths_stay_when_the_last_coefficients_are_zero():
    assert chebyshev_weights([1, 0, 0]).tolist() == [1, 0, 0]
    assert bernstein_weights([0, 0, 0]).tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("gcn", 2), "expected 'sgc'"),
        (([1, 2], 2), "2 given for 2 hops; give 3"),
        (([0, 0.0, 0], 2), "all are zero"),
        (([0, np.nan, 1], 2), "entry 1 is not finite"),
        (([0, 1, np.inf], 2), "entry 2 is not finite"),
        (([[1, 2, 3]], 2), "sequence of numbers"),
        (([1, "a"], 1), "sequence of numbers"),
        (([[1], [1, 2]], 1), "sequence of numbers"),
        (([True, False], 1), "sequence of numbers"),
        ((1.0, 0), "sequence of numbers"),
        (("sgc", -1), "hops"),
        (("sgc", 1.5), "hops"),
        (("sgc", True), "hops"),
        (("ppr", 2, 0.0), "teleport"),
        (("ppr", 2, 1), "teleport"),
        (("ppr", 2, "half"), "teleport"),
    ],
)
def test_what_cannot_be_used_is_said(arguments, says):
    with pytest.raises(InputError, match=says):
        hop_weights(*arguments)
