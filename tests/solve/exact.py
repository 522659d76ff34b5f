"""Linear algebra in Python's integers and fractions: what the exact solves are held against."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

GRID = 2**40


def gram(rows: np.ndarray, weights: list[int] | None = None) -> list[list[int]]:
    """Return ``Z^T diag(w) Z`` in Python integers."""
    listed = rows.tolist()
    weights = [1] * len(listed) if weights is None else weights

    def product(i: int, j: int) -> int:
        return sum(w * z[i] * z[j] for w, z in zip(weights, listed, strict=True))

    return [[product(i, j) for j in range(rows.shape[1])] for i in range(rows.shape[1])]


def solve(matrix: list[list[int]], rhs: list[list[int]]) -> list[list[Fraction]]:
    """Solve a system exactly, by elimination in fractions."""
    rows = [[Fraction(v) for v in [*left, *right]] for left, right in zip(matrix, rhs, strict=True)]
    n = len(rows)
    for i in range(n):
        pivot = next(r for r in range(i, n) if rows[r][i] != 0)
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [v / rows[i][i] for v in rows[i]]
        for r in range(n):
            if r != i and rows[r][i] != 0:
                rows[r] = [v - rows[r][i] * u for v, u in zip(rows[r], rows[i], strict=True)]
    return [row[n:] for row in rows]


def on_grid(solution: list[list[Fraction]]) -> list[list[float]]:
    """Round every entry to the nearest multiple of 2**-40, ties to even (as Python rounds fractions)."""
    return [[round(v * GRID) / GRID for v in row] for row in solution]


def penalised(matrix: list[list[int]], alpha: int) -> list[list[int]]:
    """Add the penalty to all diagonal entries but the last."""
    last = len(matrix) - 1
    return [[v + (alpha if i == j != last else 0) for j, v in enumerate(row)] for i, row in enumerate(matrix)]
