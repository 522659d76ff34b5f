"""Systems with a Hessian of which only products are known, against NumPy's solution."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from oubli.baselines.unlearning.inverse import conjugate_gradient, largest_eigenvalue, truncated_series
from oubli.errors import InputError


def matrix_with(eigenvalues, seed=0):
    rng = np.random.default_rng(seed)
    basis, _ = np.linalg.qr(rng.normal(size=(len(eigenvalues), len(eigenvalues))))
    matrix = basis @ np.diag(eigenvalues) @ basis.T
    return matrix, torch.from_numpy(matrix).float().mv, rng.normal(size=len(eigenvalues))


def test_both_solvers_find_what_a_dense_solver_finds():
    matrix, product, right = matrix_with(np.linspace(1, 20, 12))
    wanted = np.linalg.solve(matrix, right)
    given = torch.from_numpy(right).float()
    np.testing.assert_allclose(truncated_series(product, given, 400, 20.0, 0.0).numpy(), wanted, atol=1e-4)
    np.testing.assert_allclose(conjugate_gradient(product, given, 50, 0.0).numpy(), wanted, atol=1e-4)


def test_damping_is_added_to_the_diagonal():
    matrix, product, right = matrix_with(np.linspace(-1, 20, 12))
    wanted = np.linalg.solve(matrix + 2 * np.eye(12), right)
    given = torch.from_numpy(right).float()
    np.testing.assert_allclose(truncated_series(product, given, 900, 20.0, 0.1).numpy(), wanted, atol=1e-3)
    np.testing.assert_allclose(conjugate_gradient(product, given, 50, 2.0).numpy(), wanted, atol=1e-3)


@pytest.mark.parametrize("eigenvalues", [[1, 2, 30.0], [5, -40.0, 1]])
def test_power_iteration_finds_the_largest_by_size(eigenvalues):
    _, product, _ = matrix_with(eigenvalues)
    assert largest_eigenvalue(product, 3, seed=0) == pytest.approx(np.abs(eigenvalues).max(), rel=1e-3)


def test_of_a_zero_matrix_the_largest_eigenvalue_is_zero():
    assert largest_eigenvalue(torch.zeros_like, 5, seed=0) == 0


@pytest.mark.parametrize(("eigenvalues", "scale"), [([1, 50.0], 20.0), ([-5, 10.0], 10.0), ([1, 1e30], 1.0)])
def test_a_series_that_diverges_says_so(eigenvalues, scale):
    _, product, right = matrix_with(eigenvalues)
    with pytest.raises(InputError, match="scale: the series diverges"):
        truncated_series(product, torch.from_numpy(right).float(), 100, scale, 0.0)


def test_conjugate_gradients_stop_where_the_matrix_is_not_positive():
    _, product, right = matrix_with([-5, 1, 2, 10.0])
    found = conjugate_gradient(product, torch.from_numpy(right).float(), 50, 0.0)
    assert torch.isfinite(found).all()
    given = torch.from_numpy(right).float()
    assert torch.equal(conjugate_gradient(torch.neg, given, 50, 0.0), given)
    assert not conjugate_gradient(product, torch.zeros(4), 50, 0.0).any()
