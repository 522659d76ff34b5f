"""The integer definition of a propagation, in plain NumPy and Python integers."""

from __future__ import annotations

from decimal import Context, Decimal

import numpy as np
import scipy.sparse as sp

from oubli.propagation.projection import sign_projection


def power(degree: int, exponent: float) -> float:
    """Return ``degree ** exponent`` to the nearest float64 (through far more decimals than it holds)."""
    return float(Context(prec=80).power(Decimal(degree), Decimal(exponent)))


def named_power(degree: int, exponent: float) -> float:
    """Return the power as it is defined: by one or two correctly rounded operations where those suffice."""
    simple = {0.0: lambda d: 1.0, -1.0: lambda d: 1.0 / d, 0.5: np.sqrt, -0.5: lambda d: 1.0 / np.sqrt(d)}
    return float(simple[exponent](np.float64(degree))) if exponent in simple else power(degree, exponent)


def unit_rows(features: np.ndarray, four_sums: bool) -> np.ndarray:
    """Scale rows to unit length, squares being added in the order that the definition fixes."""
    rows = features.astype(np.float64)
    squares = rows * rows
    if four_sums:
        whole = rows.shape[1] // 4 * 4
        sums = [ordered_sum(squares[:, k:whole:4]) for k in range(4)]
        sums[0] = ordered_sum(np.column_stack([sums[0], squares[:, whole:]]))
        lengths = np.sqrt((sums[0] + sums[1]) + (sums[2] + sums[3]))
    else:
        lengths = np.sqrt(ordered_sum(squares))
    return rows / np.where(lengths > 0, lengths, 1.0)[:, None]


def ordered_sum(columns: np.ndarray) -> np.ndarray:
    return np.cumsum(columns, axis=1)[:, -1] if columns.shape[1] else np.zeros(len(columns))


def half_up(total: int, degree: int) -> int:
    """Round a quotient of Python integers to the nearest, halves up."""
    return (2 * total + degree) // (2 * degree)


def propagate(edges, features, rho, hops, fraction_bits=12, normalize="l2", projection=None, seed=0):
    """Return messages, the totals of every hop, and the outputs of hops 0 to `hops`, for nodes 0 to n-1."""
    dense = features.toarray() if sp.issparse(features) else np.asarray(features)
    n = len(dense)
    rows = unit_rows(dense, four_sums=projection is None) if normalize == "l2" else dense.astype(np.float64)
    if projection is not None:
        columns, signs = sign_projection(dense.shape[1], projection, seed)
        projected = np.zeros((n, projection))
        for j in range(dense.shape[1]):
            for copy in range(columns.shape[1]):
                projected[:, columns[j, copy]] += signs[j, copy] * rows[:, j]
        rows = projected
    neighbours = [[i] for i in range(n)]
    for u, v in edges:
        neighbours[u].append(v)
        neighbours[v].append(u)
    degrees = [len(near) for near in neighbours]
    scale = np.array([named_power(d, rho) for d in degrees])
    messages = np.rint(rows * (scale * 2.0**fraction_bits)[:, None]).astype(np.int64)
    current, totals = messages, []
    for _ in range(hops):
        total = np.array([current[near].sum(axis=0) for near in neighbours]).reshape(current.shape)
        totals.append(total)
        pairs = zip(total.tolist(), degrees, strict=True)
        current = np.array([[half_up(t, d) for t in row] for row, d in pairs], np.int64).reshape(current.shape)
    sources = [(messages, -rho), *((total, -rho - 1.0) for total in totals)]
    outputs = [
        np.rint(source * np.array([named_power(d, exponent) for d in degrees])[:, None]).astype(np.int64)
        for source, exponent in sources
    ]
    return messages, totals, outputs
