"""Principal components of feature rows by subspace iteration, in a fixed order of operations."""

from __future__ import annotations

from collections.abc import Iterator

import numba as nb
import numpy as np
from numpy.typing import NDArray

from oubli.errors import CapacityError
from oubli.propagation.projection import splitmix64
from oubli.propagation.threads import TwoWay
from oubli.solve.cholesky import FixedOrderFactor
from oubli.solve.products import exact_product, largest, ordered_product, rounded_gram, to_integers
from oubli.solve.standard import column_sums

PASSES = 4
SPARE = 8
"""Directions iterated beyond those wanted, so that the last ones converge as well."""

SWEEPS = 30
NEGLIGIBLE = 1e-10
"""What is left beside the diagonal, of its mean."""
STRIP = 4096
"""Rows that are unpacked at a time."""

SPEED_OF_BLAS = 24
"""How many times as fast as sums over sparse rows."""

BITS = 52
"""Of sums of products, which are exact."""


DEPENDENT = 1e10
"""Condition of columns' products from which Cholesky's factor no longer makes them orthonormal to six digits."""

VANISHED = 1e-20
"""Share of a column's square below which what is left of it is rounding."""

Rows = tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64]]
"""Compressed sparse rows: starts, columns, values."""


def principal_components(rows: Rows, shape: tuple[int, int], count: int, seed: int) -> NDArray[np.float64]:
    """Return each row's coordinates along the `count` directions of largest variance, shape (rows, count).

    Randomised subspace iteration (Halko, Martinsson and Tropp 2011) on the centred rows, rounded to so many bits that
    their products sum exactly (19 for ten thousand rows). All sums of floats run in a fixed order, and the start is
    hashed from `seed`, so the bytes are a function of the rows alone, close or equal singular values included. Each
    direction's largest entry is positive.
    """
    n, columns = shape
    integers, unit = to_integers(rows[2], _row_bits(n))
    rows = rows[0], rows[1], integers
    width = min(count + SPARE, n, columns)
    basis = _start(columns, width, seed)
    # Products on the side that asks for fewer: of dense rows once, at the speed of BLAS, or of sparse rows every time.
    once = columns * columns * (n // SPEED_OF_BLAS + PASSES * width)
    found = _dense if once < 2 * PASSES * integers.size * width else _sparse
    return found(rows, n, basis, min(count, width)) * unit


def _row_bits(n: int) -> int:
    return (BITS - n.bit_length()) // 2


def _dense(rows: Rows, n: int, basis: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    columns = len(basis)
    squares, sums = np.zeros((columns, columns)), np.zeros(columns)
    for _, strip in _strips(rows, n, columns):
        squares += exact_product(strip.T, strip)
        sums += strip.sum(axis=0)
    # Integers up to here.
    covariances = squares - np.outer(sums, sums / n)
    for _ in range(PASSES):
        basis = _orthonormal(ordered_product(covariances, basis))
    turn = ordered_product(np.ascontiguousarray(basis.T), ordered_product(covariances, basis))
    directions = _directions(0.5 * (turn + turn.T), basis, count)
    # As many bits as keep products with the rows exact.
    integers, unit = to_integers(directions, BITS - _row_bits(n) - columns.bit_length())
    out = np.empty((n, count))
    for at, strip in _strips(rows, n, columns):
        out[at] = exact_product(strip, integers)
    return (out - ordered_product((sums / n)[None, :], integers)) * unit


def _sparse(rows: Rows, n: int, basis: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    columns = len(basis)
    turned = _transpose(rows, columns)
    mean = _times(turned, np.ones((n, 1)), columns)[:, 0] / n
    for _ in range(PASSES):
        image = _centred(rows, basis, mean, n)
        basis = _orthonormal(_times(turned, image, columns) - np.outer(mean, column_sums(image)))
    turn = rounded_gram(_centred(rows, basis, mean, n))
    return _centred(rows, _directions(turn, basis, count), mean, n)


def _strips(rows: Rows, n: int, columns: int) -> Iterator[tuple[slice, NDArray[np.float64]]]:
    starts, indices, values = rows
    for first in range(0, n, STRIP):
        last = min(first + STRIP, n)
        strip = np.zeros((last - first, columns))
        _fill(starts, indices, values, first, strip)
        yield slice(first, last), strip


@nb.njit(cache=True)
def _fill(starts, indices, values, first, out):  # type: ignore[no-untyped-def]
    for i in range(out.shape[0]):
        for p in range(starts[first + i], starts[first + i + 1]):
            out[i, indices[p]] = values[p]


def _centred(rows: Rows, basis: NDArray[np.float64], mean: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    image = _times(rows, basis, n)
    image -= ordered_product(mean[None, :], basis)
    return image


def _orthonormal(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return columns that are orthonormal and span the same: by Cholesky, or more slowly where some nearly depend."""
    gram = rounded_gram(columns)
    try:
        inverse = FixedOrderFactor(gram).inverse()
    except CapacityError:
        inverse = np.full_like(gram, np.inf)
    if largest(inverse) ** 2 * largest(gram) < DEPENDENT:
        return ordered_product(columns, np.ascontiguousarray(inverse.T))
    _orthonormalise(columns)
    return columns


def _directions(turn: NDArray[np.float64], basis: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Return the directions of largest variance within the span of `basis`, `turn` being its covariances."""
    axes = np.eye(len(turn))
    _diagonalise(turn, axes)
    order = np.argsort(-turn.diagonal(), kind="stable")[:count]
    directions = ordered_product(basis, np.ascontiguousarray(axes[order].T))
    peaks = np.abs(directions).argmax(axis=0)
    return directions * np.where(directions[peaks, np.arange(count)] < 0, -1.0, 1.0)


def _start(columns: int, width: int, seed: int) -> NDArray[np.float64]:
    counter = np.arange(columns * width, dtype=np.uint64) + np.uint64(seed * 0x9E3779B97F4A7C15 % 2**64)
    return (splitmix64(counter) >> np.uint64(11)).astype(np.float64).reshape(columns, width) * 2.0**-52 - 1.0


def _transpose(rows: Rows, columns: int) -> Rows:
    starts, indices, values = rows
    order = np.argsort(indices, kind="stable")
    ends = np.zeros(columns + 1, np.int64)
    np.cumsum(np.bincount(indices, minlength=columns), out=ends[1:])
    owners = np.repeat(np.arange(len(starts) - 1, dtype=np.int32), np.diff(starts))
    return ends, owners[order], values[order]


def _times(rows: Rows, dense: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    out = np.zeros((count, dense.shape[1]))
    _multiply(rows[1].size * dense.shape[1], *rows, dense, out)
    return out


@TwoWay
def _multiply(starts, indices, values, dense, out):  # type: ignore[no-untyped-def]
    for i in nb.prange(out.shape[0]):
        for p in range(starts[i], starts[i + 1]):
            value, row = values[p], indices[p]
            for k in range(out.shape[1]):
                out[i, k] += value * dense[row, k]


@nb.njit(cache=True)
def _orthonormalise(columns):  # type: ignore[no-untyped-def]
    # Gram-Schmidt, each column taken out of all later ones at once; columns that vanish stay zero.
    rows, width = columns.shape
    before = np.zeros(width)
    for i in range(rows):
        for q in range(width):
            before[q] += columns[i, q] * columns[i, q]
    dots = np.empty(width)
    for j in range(width):
        dots[j:] = 0.0
        for i in range(rows):
            value = columns[i, j]
            for q in range(j, width):
                dots[q] += value * columns[i, q]
        size = dots[j]
        scale = 1.0 / np.sqrt(size) if size > VANISHED * before[j] and size > 0.0 else 0.0
        for i in range(rows):
            columns[i, j] *= scale
            value = columns[i, j]
            for q in range(j + 1, width):
                columns[i, q] -= value * (dots[q] * scale)


@nb.njit(cache=True)
def _diagonalise(matrix, axes):  # type: ignore[no-untyped-def]
    """Jacobi's rotations in cyclic order until nothing is left beside the diagonal; rows of `axes` collect them."""
    n = matrix.shape[0]
    total = 0.0
    for i in range(n):
        total += abs(matrix[i, i])
    for _ in range(SWEEPS):
        moved = False
        for p in range(n):
            for q in range(p + 1, n):
                off = matrix[p, q]
                if abs(off) <= NEGLIGIBLE * total / n:
                    continue
                moved = True
                half = (matrix[q, q] - matrix[p, p]) / (2.0 * off)
                t = 1.0 / (abs(half) + np.sqrt(half * half + 1.0))
                if half < 0.0:
                    t = -t
                c = 1.0 / np.sqrt(t * t + 1.0)
                s = t * c
                first, second = matrix[p, p] - t * off, matrix[q, q] + t * off
                _turn(matrix[p], matrix[q], c, s)
                _turn(axes[p], axes[q], c, s)
                # The columns are the rows again.
                for k in range(n):
                    matrix[k, p] = matrix[p, k]
                    matrix[k, q] = matrix[q, k]
                matrix[p, p], matrix[q, q] = first, second
                matrix[p, q] = matrix[q, p] = 0.0
        if not moved:
            return


@nb.njit(cache=True)
def _turn(left, right, c, s):  # type: ignore[no-untyped-def]
    for k in range(left.size):
        a, b = left[k], right[k]
        left[k] = c * a - s * b
        right[k] = s * a + c * b
