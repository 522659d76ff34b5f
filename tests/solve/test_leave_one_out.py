"""Leave-one-out ridge: against a plain fit without each row, the primal form against the dual."""

from __future__ import annotations

import numpy as np
import pytest

from oubli.solve import leave_one_out
from oubli.solve.leave_one_out import LeaveOneOutRidge, _Dual, _Primal
from oubli.solve.standard import STEPS, Standardiser

ALPHAS = [3.0, 30.0, 300.0, 3000.0]


def problem(seed, n, width, classes=3):
    """Return integer rows, centred as nearly as steps allow, and one-hot targets that depend on them."""
    generator = np.random.default_rng(seed)
    labels = np.concatenate([np.arange(classes), generator.integers(0, classes, n - classes)])
    raw = generator.standard_normal((n, width))
    raw[:, 0] += labels
    return Standardiser.of(raw).integers(raw), np.eye(classes)[labels]


def without_each_row(rows, targets, alpha):
    """Fit anew without each row: a ridge with an intercept that is not penalised, on the rows centred as they were.

    The rows' own centre stays, as it does in the closed form: leaving a row out moves the intercept alone.
    """
    scaled = rows / STEPS
    scaled = scaled - scaled.mean(axis=0)
    out = np.empty(targets.shape)
    for i in range(len(rows)):
        kept = np.arange(len(rows)) != i
        bordered = np.hstack([scaled[kept], np.ones((kept.sum(), 1))])
        penalty = np.diag([alpha] * scaled.shape[1] + [0.0])
        weights = np.linalg.solve(bordered.T @ bordered + penalty, bordered.T @ targets[kept])
        out[i] = np.append(scaled[i], 1.0) @ weights
    return out


@pytest.mark.parametrize(("n", "width"), [(40, 5), (60, 30), (25, 60), (30, 31)])
@pytest.mark.parametrize("alpha", [3.0, 100.0])
def test_left_out_is_a_fit_without_the_row(n, width, alpha):
    rows, targets = problem(n, n, width)
    fitted = LeaveOneOutRidge.fit(rows, targets, [alpha])
    expected = without_each_row(rows, targets, alpha)
    # Rows are centred to half a step, weights kept to 26 bits.
    np.testing.assert_allclose(fitted.left_out, expected, atol=1e-3)
    # It can tell: the fit with the row is far from it.
    assert np.abs(fitted.predict(rows) - expected).max() > 0.01


@pytest.mark.parametrize(("n", "width"), [(40, 5), (25, 60), (30, 30)])
def test_primal_and_dual_agree(n, width):
    rows, targets = problem(n + 1, n, width)
    for alpha in ALPHAS:
        primal, dual = (system(rows, targets).solve(alpha) for system in (_Primal, _Dual))
        scaled = rows / STEPS
        system = scaled.T @ scaled + alpha * np.eye(width)
        expected = np.linalg.solve(system, scaled.T @ (targets - targets.mean(axis=0))) / STEPS
        leverage = np.einsum("ij,ji->i", scaled, np.linalg.solve(system, scaled.T))
        for weights, fitted, leverages in (primal, dual):
            np.testing.assert_allclose(weights, expected, atol=1e-6 * np.abs(expected).max())
            np.testing.assert_allclose(fitted, rows @ expected, atol=1e-5)
            np.testing.assert_allclose(leverages, leverage, atol=1e-5)


@pytest.mark.parametrize(("n", "width"), [(40, 5), (25, 60)])
def test_a_rows_own_target_does_not_enter_its_left_out_value(n, width):
    rows, targets = problem(n, n, width)
    fitted = LeaveOneOutRidge.fit(rows, targets, [30.0])
    for i in (0, 7):
        turned = targets.copy()
        turned[i] = np.roll(turned[i], 1)
        other = LeaveOneOutRidge.fit(rows, turned, [30.0])
        np.testing.assert_allclose(other.left_out[i], fitted.left_out[i], atol=1e-4)
        # It can tell: the fitted value does move, and so do the others' left-out values.
        assert np.abs(other.predict(rows)[i] - fitted.predict(rows)[i]).max() > 0.01
        assert np.abs(other.left_out - fitted.left_out).max() > 0.003


def test_predictions_are_the_mean_and_the_weights():
    rows, targets = problem(3, 50, 8)
    fitted = LeaveOneOutRidge.fit(rows, targets, [10.0])
    expected = targets.mean(axis=0) + rows @ fitted.weights
    np.testing.assert_allclose(fitted.predict(rows), expected, atol=1e-9)
    assert fitted.predict(rows[:0]).shape == (0, 3)


@pytest.mark.parametrize("seed", range(4))
def test_the_alpha_has_no_better_neighbour(seed):
    rows, targets = problem(seed, 30, [4, 20, 40, 25][seed])
    fitted = LeaveOneOutRidge.fit(rows, targets, ALPHAS)
    errors = [((LeaveOneOutRidge.fit(rows, targets, [a]).left_out - targets) ** 2).sum() for a in ALPHAS]
    at = ALPHAS.index(fitted.alpha)
    assert errors[at] == min(errors[max(at - 1, 0) : at + 2])


def test_bytes_do_not_depend_on_layout_or_on_what_was_there_before():
    rows, targets = problem(5, 60, 20)
    first = LeaveOneOutRidge.fit(rows, targets, ALPHAS)
    wide = np.zeros((120, 40))
    wide[::2, :20] = rows
    again = LeaveOneOutRidge.fit(wide[::2, :20], np.asfortranarray(targets), ALPHAS)
    for name in ("weights", "mean", "left_out"):
        assert getattr(again, name).tobytes() == getattr(first, name).tobytes()


def test_a_row_that_decides_alone_is_bounded(monkeypatch):
    """Leverage is capped, so that no left-out value runs away."""
    rows = np.zeros((20, 2))
    rows[0, 0] = 8 * STEPS
    targets = np.eye(2)[np.arange(20) % 2]
    left_out = LeaveOneOutRidge.fit(rows, targets, [1e-3]).left_out
    assert np.abs(left_out).max() < 1100
    monkeypatch.setattr(leave_one_out, "LARGEST_LEVERAGE", 1.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        unbounded = LeaveOneOutRidge.fit(rows, targets, [1e-3]).left_out
    assert not np.abs(unbounded).max() < 1100
