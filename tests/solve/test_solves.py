"""The solves: fixed order against NumPy, rounded against fractions, ridge against scikit-learn."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import Ridge
from tests.solve.exact import GRID, gram, on_grid, penalised, solve
from threadpoolctl import threadpool_limits

from oubli.errors import CapacityError, InputError
from oubli.solve import (
    ExactGram,
    GramSystem,
    RowSystem,
    class_weights,
    fixed_order_solve,
    keeps_rows,
    linear_scores,
    rounded_solve,
    weights_from_gram,
    weights_from_rows,
)
from oubli.solve import ridge as ridge_module
from oubli.solve.rounded import GRID_DIGITS, SAFETY, _round


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 7, 8, 33, 130])
def test_fixed_order_against_numpy(n):
    generator = np.random.default_rng(n)
    rows = generator.standard_normal((2 * n, n))
    matrix, rhs = rows.T @ rows + np.eye(n), generator.standard_normal((n, 3))
    before = matrix.copy(), rhs.copy()
    solution = fixed_order_solve(matrix, rhs)
    np.testing.assert_allclose(solution, np.linalg.solve(matrix, rhs), rtol=1e-9, atol=1e-12)
    np.testing.assert_array_equal(matrix, before[0])
    np.testing.assert_array_equal(rhs, before[1])
    for threads in (1, 2):
        with threadpool_limits(threads):
            assert fixed_order_solve(matrix, rhs).tobytes() == solution.tobytes()


def in_plain_python(matrix, rhs):
    """Return the solution by the order of operations that is promised, one element at a time."""
    n, m = rhs.shape
    upper, x = matrix.tolist(), rhs.tolist()
    for i in range(n):
        for k in range(i):
            for j in range(i, n):
                upper[i][j] -= upper[k][i] * upper[k][j]
        pivot = float(np.sqrt(upper[i][i]))
        upper[i][i:] = [v / pivot for v in upper[i][i:]]
    for i in range(n):
        for c in range(m):
            for k in range(i):
                x[i][c] -= upper[k][i] * x[k][c]
            x[i][c] /= upper[i][i]
    for i in range(n - 1, -1, -1):
        for c in range(m):
            for k in range(i + 1, n):
                x[i][c] -= upper[i][k] * x[k][c]
            x[i][c] /= upper[i][i]
    return np.array(x)


@pytest.mark.parametrize("n", [1, 4, 6, 13, 40])
def test_fixed_order_is_the_order(n):
    """No operation fused, none reordered: the bytes of plain Python, on any processor."""
    generator = np.random.default_rng(n)
    rows = generator.standard_normal((2 * n, n))
    matrix, rhs = rows.T @ rows, generator.standard_normal((n, 2))
    assert fixed_order_solve(matrix, rhs).tobytes() == in_plain_python(matrix, rhs).tobytes()


@pytest.mark.parametrize("matrix", [np.zeros((2, 2)), np.diag([1.0, -1.0]), np.ones((3, 3)), np.full((2, 2), np.nan)])
def test_fixed_order_refuses_what_is_not_positive_definite(matrix):
    with pytest.raises(CapacityError, match="alpha"):
        fixed_order_solve(matrix, np.ones((len(matrix), 1)))


def exactly(rows, weights, rhs, alpha):
    return on_grid(solve(penalised(gram(rows, weights), alpha), rhs.tolist()))


def random_rows(generator, n, width, largest=60, constant=16):
    rows = generator.integers(-largest, largest + 1, (n, width)).astype(np.int64)
    rows[:, -1] = constant
    return rows


def both(rows, weights, rhs, alpha):
    """Return the solutions of the primal and the dual form."""
    weights = np.asarray(weights, np.int64)
    matrix = np.array(gram(rows, weights.tolist()), np.int64)
    primal = rounded_solve(GramSystem(matrix, rhs, alpha))
    dual = rounded_solve(RowSystem(rows, weights, rhs, alpha))
    return primal, dual


@given(
    seed=st.integers(0, 2**32 - 1), n=st.integers(1, 9), width=st.integers(1, 6), alpha=st.sampled_from([1, 7, 2**24])
)
@settings(deadline=None, max_examples=40)
def test_both_forms_are_correctly_rounded(seed, n, width, alpha):
    generator = np.random.default_rng(seed)
    rows = random_rows(generator, n, width, largest=int(generator.choice([1, 60, 4096])))
    weights = generator.integers(1, [2, 2**20][seed % 2], n)
    rhs = generator.integers(-(2**30), 2**30, (width, 2))
    expected = exactly(rows, weights.tolist(), rhs, alpha)
    if np.abs(expected).max() > 2**20:
        return
    primal, dual = both(rows, weights, rhs, alpha)
    assert primal.tolist() == expected
    assert dual.tobytes() == primal.tobytes()


@pytest.mark.parametrize("alpha", [1, 2**10])
def test_ill_conditioned_systems(alpha):
    """Columns given twice, nearly twice, and all zero, with hardly any penalty."""
    generator = np.random.default_rng(0)
    rows = random_rows(generator, 20, 8, largest=4096, constant=4096)
    rows[:, 1] = rows[:, 0]
    rows[:, 3] = rows[:, 2]
    rows[5, 3] += 1
    rows[:, 4] = 0
    rows[:, 5] = 3 * rows[:, 6] - rows[:, 0]
    rhs = np.array(rows.T @ generator.integers(0, 2, (20, 2)) * 4096, np.int64)
    primal, dual = both(rows, np.ones(20), rhs, alpha)
    assert primal.tolist() == exactly(rows, None, rhs, alpha)
    assert dual.tobytes() == primal.tobytes()
    float_matrix = rows.T.astype(float) @ rows + np.diag([*[alpha] * 7, 0])
    plain = np.rint(np.linalg.solve(float_matrix, rhs) * GRID) / GRID
    assert plain.tolist() != primal.tolist()


def diagonal(entries, rhs, alpha=1):
    """Return a system whose inner part is diagonal, so that its solutions are quotients of our choice."""
    matrix = np.diag([*(e - alpha for e in entries), 1]).astype(np.int64)
    return GramSystem(matrix, np.array([*rhs, 0], np.int64)[:, None], alpha)


TIES = [-5, -3, -1, 1, 3, 5, 2**41 - 1, -(2**41) + 1]


def test_exact_ties_go_to_even():
    """Solutions that lie half way between two multiples of 2**-40: b / 2**41 with odd b."""
    solution = rounded_solve(diagonal([2**41] * len(TIES), TIES))[:-1, 0]
    assert solution.tolist() == [round(Fraction(b, 2)) / GRID for b in TIES]
    assert solution[2] == solution[3] == 0.0


def test_next_to_ties():
    """Solutions a hair to either side of half way: the hair decides, not the parity."""
    below = [(2**61 - 1, b * 2**20) for b in (1, 3, -3, 5)]
    above = [(2**61 + 1, b * 2**20) for b in (1, 3, -3, 5)]
    entries, rhs = zip(*below, *above, strict=True)
    solution = rounded_solve(diagonal(entries, rhs))[:-1, 0]
    assert solution.tolist() == [round(Fraction(b, a) * GRID) / GRID for a, b in zip(entries, rhs, strict=True)]
    assert solution[0] != solution[4]


def coupled(hair, odd, whole=12345):
    """Return a system of two unknowns, the first being ``(whole + 1/2) 2**-40 + hair 2**-110`` exactly."""
    first, cross, second = 2**60, 2**30 * odd, odd * odd + 2**50
    numerator = (2 * whole + 1) * 2**69 + hair
    b = numerator * pow(second, -1, cross) % cross
    c = (second * b - numerator) // cross
    assert second * b - cross * c == numerator
    matrix = np.array([[first - 1, cross, 0], [cross, second - 1, 0], [0, 0, 1]], np.int64)
    return GramSystem(matrix, np.array([[b], [c], [0]], np.int64), 1)


@pytest.mark.parametrize("hair", [0, 1, -1, 2, -1024, 2**16, -(2**16), 2**40, -(2**40)])
@pytest.mark.parametrize("odd", [2**25 + 1, 2**24 + 12345])
def test_coupled_solutions_next_to_ties(hair, odd):
    """Seventy bits below the grid a solution is on one side: a float of the part below it would say "half"."""
    for whole in (12345, 12346):
        value = rounded_solve(coupled(hair, odd, whole))[0, 0] * GRID
        assert value == (whole + 1 if hair > 0 or (hair == 0 and whole % 2) else whole)


def test_rounding_of_digits():
    """Digits that a float cannot hold side by side: just below, at and above half a step, whole odd and even."""
    half = -(2**19)
    cases = {(0, 0, 0, half, 0): 0, (1, 0, 0, half, 0): 0, (-1, 0, 0, half, 0): -1, (0, 0, 0, half, 1): 0}
    cases |= {(1, 0, 0, half, 1): 1, (-1, 0, 0, half, 1): 0, (0, 0, 0, half, 3): 2, (0, 0, 0, 2**19 - 1, 1): 1}
    for digits, steps in cases.items():
        places = np.zeros((10, 1, 1), np.int64)
        places[:5, 0, 0] = digits
        values, distance = _round(places, 6, GRID_DIGITS)
        assert values[0, 0] * GRID == steps, digits
        exact = sum(Fraction(d, 2 ** (20 * (4 - k))) for k, d in enumerate(digits))
        assert float(distance[0, 0]) * GRID == pytest.approx(float(Fraction(1, 2) - abs(exact - steps)), rel=1e-12)


def nearly_cancelling(generator, rows):
    """Return an exact residual that is the constant column's but for a hair, and what floats make of it."""
    column = [sum(row) for row in (rows * rows[:, -1:]).T.tolist()]
    last = Fraction(int(generator.integers(2**50, 2**60)), 2**80)
    hair = Fraction(int(generator.integers(-8, 9)), 2**90)
    exact = [Fraction(c, column[-1]) * last + hair for c in column[:-1]] + [last]
    return exact, np.array([[float(value)] for value in exact])


@pytest.mark.parametrize("seed", range(20))
def test_the_error_bound_holds_in_floats(seed):
    """Against the exact error: also where eliminating the constant column cancels all but a hair of the residual."""
    generator = np.random.default_rng(seed)
    rows = random_rows(generator, 12, 4)
    matrix = gram(rows)
    system = GramSystem(np.array(matrix, np.int64), np.zeros((4, 1), np.int64), 1)
    exact, floats = nearly_cancelling(generator, rows)
    for alpha in (1, 50):
        system.alpha = alpha
        error = solve(penalised(matrix, alpha), [[value] for value in exact])
        bound = system.error_bound(floats)[:, 0] * SAFETY
        assert all(abs(row[0]) <= Fraction(float(b)) for row, b in zip(error, bound, strict=True))
        assert bound[:-1].max() < 2.0**-60


@pytest.mark.parametrize("rhs", [2**21, 2**24, 2**30, 2**50, -(2**44)])
def test_weights_beyond_the_range_are_an_error_not_wrapped(rhs):
    with pytest.raises(CapacityError, match="alpha"):
        rounded_solve(diagonal([1], [rhs]))


def test_a_system_beyond_float64_is_an_error():
    """Three equal columns so large that their penalty is lost beside them."""
    rows = np.full((3, 4), 2**24, np.int64)
    rhs = np.full((4, 1), 2**50, np.int64)
    weights = np.full(3, 2**12, np.int64)
    for make in (lambda: GramSystem(rows.T @ (rows * 2**12), rhs, 1), lambda: RowSystem(rows, weights, rhs, 1)):
        with pytest.raises(CapacityError, match="alpha"):
            rounded_solve(make())


@pytest.mark.parametrize("threads", [1, 2])
def test_wide_systems_do_not_depend_on_threads(threads):
    generator = np.random.default_rng(0)
    rows = random_rows(generator, 90, 140, largest=3000, constant=4096)
    rhs = rows.T @ generator.integers(0, 2, (90, 3)) * 4096
    with threadpool_limits(threads, "blas"):
        primal, dual = both(rows, np.ones(90), rhs, 2**22)
    assert primal.tobytes() == dual.tobytes()
    matrix = rows.T @ rows
    alone = [rounded_solve(GramSystem(matrix, rhs[:, [c]], 2**22)) for c in range(3)]
    assert np.hstack(alone).tobytes() == primal.tobytes()


BITS = 12


def labelled(seed, n=80, width=6, classes=3):
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, classes, n).astype(np.int32)
    rows = generator.integers(-4096, 4097, (n, width)).astype(np.int32)
    rows[:, 0] += 1000 * labels
    return rows, labels


def sklearn_ridge(rows, labels, alpha, sample_weight=None):
    targets = np.eye(labels.max() + 1)[labels]
    model = Ridge(alpha=alpha, solver="cholesky").fit(rows * 2.0**-BITS, targets, sample_weight=sample_weight)
    return np.vstack([model.coef_.T, model.intercept_[None]])


@pytest.mark.parametrize("alpha", [0.01, 1.0, 100.0])
@pytest.mark.parametrize("weighting", [None, "balanced", {1: 3.0}, {0: 0.25, 2: 7.5}], ids=str)
def test_ridge_is_scikit_learns(alpha, weighting, monkeypatch):
    rows, labels = labelled(1)
    rows, labels = rows[:-20], labels[:-20]
    counts = np.bincount(labels)
    weights = class_weights(weighting, np.arange(3), counts)
    sample_weight = None
    if weighting == "balanced":
        sample_weight = (len(labels) / (3 * counts))[labels]
    elif weighting is not None:
        sample_weight = np.array([weighting.get(c, 1.0) for c in range(3)])[labels]
    expected = sklearn_ridge(rows, labels, alpha, sample_weight)
    statistics = ExactGram(6, 3, 2**BITS, by_class=weights is not None).update(rows, labels)
    # "balanced" is rounded to units of 2**-10.
    tolerance = {"rtol": 1e-2, "atol": 1e-3} if weighting == "balanced" else {"rtol": 1e-7, "atol": 1e-9}
    direct = weights_from_gram(statistics, alpha, BITS, weights)
    np.testing.assert_allclose(direct, expected, **tolerance)
    dual = weights_from_rows(rows, labels, 2**BITS, alpha, BITS, weights)
    monkeypatch.setattr(ridge_module, "DIRECT_COLUMNS", 2)
    primal = weights_from_gram(statistics, alpha, BITS, weights)
    assert primal.tobytes() == dual.tobytes()
    np.testing.assert_allclose(direct, primal, rtol=1e-8, atol=1e-11)


def test_a_class_without_rows_has_no_column():
    rows, labels = labelled(2, classes=2)
    labels[labels == 1] = 2
    statistics = ExactGram(6, 4, 2**BITS).update(rows, labels)
    weights = weights_from_gram(statistics, 1.0, BITS, None)
    assert weights.shape == (7, 2)
    compact = ExactGram(6, 2, 2**BITS).update(rows, labels // 2)
    assert weights.tobytes() == weights_from_gram(compact, 1.0, BITS, None).tobytes()
    balanced = class_weights("balanced", np.arange(4), np.bincount(labels, minlength=4))
    assert balanced[[0, 2]].tolist() == class_weights("balanced", np.arange(2), np.bincount(labels // 2)).tolist()


def test_class_weights_that_cannot_be():
    counts = np.array([3, 4])
    assert class_weights(None, np.arange(2), counts) is None
    for given_weights in ("uniform", {0: 0.0}, {0: -1.0}, {1: float("nan")}, {1: 2.0**30}):
        with pytest.raises(InputError, match="class_weight"):
            class_weights(given_weights, np.arange(2), counts)


def test_a_penalty_below_the_resolution():
    rows, labels = labelled(3)
    statistics = ExactGram(6, 3, 2**BITS).update(rows, labels)
    weights_from_gram(statistics, 2.0**-24, BITS, None)
    with pytest.raises(InputError, match="alpha"):
        weights_from_gram(statistics, 2.0**-26, BITS, None)


def test_a_penalty_beyond_the_range():
    rows, labels = labelled(3)
    statistics = ExactGram(6, 3, 2**BITS).update(rows, labels)
    assert np.abs(weights_from_gram(statistics, 1e8, BITS, None)[:-1]).max() < 1e-6
    for alpha in (1e12, 1e30):
        with pytest.raises(InputError, match="alpha"):
            weights_from_gram(statistics, alpha, BITS, None)
        with pytest.raises(InputError, match="alpha"):
            weights_from_rows(rows, labels, 2**BITS, alpha, BITS, None)


def test_a_rare_class_may_weigh_a_lot():
    """The room that a class takes is its own sums times its own weight: 3 rows of 200,000 do no harm, balanced."""
    labels = np.zeros(200_000, np.int32)
    labels[:3] = 1
    rows = np.full((labels.size, 1), 4096, np.int32)
    rows[::2] = -4096
    statistics = ExactGram(1, 3, 2**BITS, by_class=True).update(rows, labels)
    weights = class_weights("balanced", np.arange(3), statistics.counts)
    solution = weights_from_gram(statistics, 1.0, BITS, weights)
    expected = sklearn_ridge(rows, labels, 1.0, (labels.size / (2 * np.bincount(labels)))[labels])
    np.testing.assert_allclose(solution, expected, rtol=1e-2)
    with pytest.raises(CapacityError, match="class weights"):
        weights_from_gram(statistics, 1.0, BITS, weights * 2**40)


@pytest.mark.parametrize(
    ("rows", "columns", "kept"), [(10, 513, True), (513, 513, True), (514, 513, False), (10, 512, False)]
)
def test_when_rows_are_kept(rows, columns, kept):
    assert keeps_rows(rows, columns) is kept


def test_linear_scores_add_in_the_order_of_columns():
    generator = np.random.default_rng(0)
    rows = generator.integers(-5000, 5000, (50, 30)).astype(np.int32)
    rows[generator.random(rows.shape) < 0.3] = 0
    weights = generator.standard_normal((31, 4))
    expected = np.tile(weights[-1], (50, 1))
    for k in range(30):
        expected = np.where(rows[:, [k]] != 0, expected + (rows[:, [k]] * 2.0**-BITS) * weights[k], expected)
    ours = linear_scores(rows, weights, BITS)
    assert ours.tobytes() == expected.tobytes()
    backwards = linear_scores(rows[:, ::-1].copy(), weights[[*range(29, -1, -1), 30]], BITS)
    assert backwards.tobytes() != ours.tobytes()
    np.testing.assert_allclose(backwards, ours)
