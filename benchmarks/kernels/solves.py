"""Exact sums and canonical solves beside NumPy and LAPACK."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.linalg as sl

from benchmarks.kernels.limits import on_threads
from benchmarks.results import Table, make_table
from benchmarks.timing import interleave, summary
from oubli.solve import ExactGram, GramSystem, fixed_order_solve, rounded_solve
from oubli.solve.gram import add_gram

CLASSES = 40
FRACTION = 12


def gram_table(num_rows: int, width: int, draws: int, threads: int) -> Table:
    """Time exact sums of `num_rows` integer rows beside ``X.T @ X`` in float64."""
    rng = np.random.default_rng(0)
    narrow = rng.integers(-4096, 4097, (num_rows, width), np.int16)
    rows, floats = narrow.astype(np.int32), narrow.astype(np.float64)
    labels = rng.integers(0, CLASSES, num_rows).astype(np.int32)
    cases: dict[str, Callable[[], Any]] = {}
    for count in range(1, threads + 1):
        cases[f"NumPy X.T @ X, float64|{count}"] = on_threads(count, lambda: floats.T @ floats)
        cases[f"exact, int16 rows|{count}"] = on_threads(count, lambda: _exact(narrow))
        cases[f"exact, int32 rows|{count}"] = on_threads(count, lambda: _exact(rows))
        cases[f"exact with class sums, int32 rows|{count}"] = on_threads(
            count, lambda: ExactGram(width, CLASSES, 2**FRACTION).update(rows, labels)
        )
    samples = interleave(cases, draws)
    found = []
    for name, times in samples.items():
        case, _, count = name.partition("|")
        base = samples[f"NumPy X.T @ X, float64|{count}"].wall
        row = {"case": case, "threads": int(count), "wall_ms": summary([1e3 * t for t in times.wall])}
        found.append(row | {"ratio": summary([a / b for a, b in zip(times.wall, base, strict=True)])})
    columns = [("case", "case"), ("threads", "threads", "d"), ("wall_ms.median", "wall ms", ".1f")]
    columns += [("wall_ms.min", "min", ".1f"), ("wall_ms.max", "max", ".1f"), ("ratio.median", "to NumPy", ".2f")]
    columns += [("ratio.q1", "q1", ".2f"), ("ratio.q3", "q3", ".2f")]
    note = (
        f"{num_rows:,} rows of {width} columns. Ours turns integers into floats block by block, multiplies with a "
        "constant column beside them, and adds integers; NumPy is handed floats. Ratios are of draws made one after "
        "the other."
    )
    return make_table("Exact Gram", columns, found, note)


def _exact(rows: Any) -> Any:
    gram = np.zeros((rows.shape[1] + 1, rows.shape[1] + 1), np.int64)
    add_gram(gram, rows, 2**FRACTION)
    return gram


def solve_table(sizes: tuple[int, ...], draws: int, threads: int) -> Table:
    """Time the fixed-order and the correctly rounded solve beside LAPACK's Cholesky."""
    rows = []
    for size in sizes:
        cases = _solve_cases(size, threads)
        samples = interleave(cases, draws if size < 1000 else max(3, draws // 4))
        base = np.median(samples["LAPACK, 1 thread"].wall)
        for name, times in samples.items():
            wall = summary([1e3 * t for t in times.wall])
            rows.append({"size": size, "case": name, "wall_ms": wall, "ratio": wall["median"] / base / 1e3})
    columns = [("size", "columns", ",d"), ("case", "case"), ("wall_ms.median", "wall ms", ".2f")]
    columns += [("wall_ms.min", "min", ".2f"), ("wall_ms.max", "max", ".2f"), ("ratio", "to LAPACK", ".1f")]
    note = (
        f"Symmetric positive definite, {CLASSES} right-hand sides. Fixed order is used up to 513 columns, the rounded "
        "solve beyond; both give the same bytes on every machine, LAPACK does not."
    )
    return make_table("Solve", columns, rows, note)


def _solve_cases(size: int, threads: int) -> dict[str, Callable[[], Any]]:
    rng = np.random.default_rng(size)
    rows = rng.integers(-1500, 1501, (4 * size, size - 1)).astype(np.int32)
    gram = ExactGram(size - 1, CLASSES, 2**FRACTION)
    gram.update(rows, rng.integers(0, CLASSES, len(rows)).astype(np.int32))
    matrix, alpha = gram.products[0], 2 ** (2 * FRACTION)
    floats = matrix.astype(np.float64) / alpha
    floats[np.arange(size - 1), np.arange(size - 1)] += 1.0
    targets = np.ascontiguousarray(gram.sums.T)
    float_targets = targets / 2.0**FRACTION

    def lapack() -> Any:
        return sl.cho_solve(sl.cho_factor(floats, check_finite=False), float_targets, check_finite=False)

    cases = {f"LAPACK, {n} thread{'s' if n > 1 else ''}": on_threads(n, lapack) for n in range(1, threads + 1)}
    cases["fixed order, 1 thread"] = on_threads(1, lambda: fixed_order_solve(floats, float_targets))
    shifted = targets << FRACTION
    for n in range(1, threads + 1):
        plural = f"{n} thread{'s' if n > 1 else ''}"
        cases[f"correctly rounded, {plural}"] = on_threads(n, lambda: rounded_solve(GramSystem(matrix, shifted, alpha)))
    return cases
