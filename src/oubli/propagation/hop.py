"""Kernels over all nodes or many rows: one hop, and the roundings between hops.

Sums over neighbours are integers, so their order does not matter and threads may share rows out as they like.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
from llvmlite import ir
from numba.core import cgutils
from numba.extending import intrinsic

from oubli.errors import CapacityError
from oubli.propagation.quantise import LARGEST
from oubli.propagation.threads import TwoWay

AHEAD = 12
"""How many neighbours ahead a row is prefetched."""

LINE = 64

EXACT_TOTAL = 2**48
"""Bound below which a rounded quotient is exact (docs/proofs/integer-propagation)."""


def total_kind(bound: int, largest_degree: int, rho: float) -> type[np.int32] | type[np.int64]:
    """Return the type that holds sums of messages up to `bound`.

    Parameters
    ----------
    bound : int
        The largest message before it is scaled by a degree.
    largest_degree : int
        Counting the node itself.
    rho : float

    Raises
    ------
    CapacityError
        When a sum could leave the range in which it is exact.
    """
    if bound * largest_degree >= EXACT_TOTAL or bound * largest_degree**-rho > LARGEST:
        raise CapacityError(
            f"propagation: features up to 2**{bound.bit_length()} over {largest_degree} neighbours leave the range "
            f"of exact sums; lower fraction_bits or scale the features down"
        )
    return np.int32 if bound * largest_degree < 2**31 else np.int64


@intrinsic
def prefetch(typing_context: Any, array: Any, position: Any) -> Any:
    """Ask for the cache line that holds ``array.flat[position]``; no effect on results."""
    signature = nb.types.void(array, nb.types.int64)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        pointer = builder.bitcast(builder.gep(data, [arguments[1]]), ir.IntType(8).as_pointer())
        word = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [pointer.type, word, word, word])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(function, [pointer, word(0), word(3), word(1)])
        return context.get_dummy_value()

    return signature, generate


@nb.njit(cache=True, inline="always")
def round_quotient(total, degree, inverse):  # type: ignore[no-untyped-def]
    """Return ``total / degree`` rounded to the nearest integer, halves up, `inverse` being ``1.0 / degree``.

    Exact while ``|total| < 2**48``: the shift by a quarter keeps every quotient at least ``1 / (4 degree)`` away from
    where the floor jumps, which is more than the rounding error of the product (docs/proofs/integer-propagation).
    """
    return np.floor((total + (0.5 * degree + 0.25)) * inverse)


@nb.njit(cache=True, inline="always")
def prefetch_row(flat, rows, place, width, step):  # type: ignore[no-untyped-def]
    """Ask for the row that `rows` names at `place`, if there is such a place."""
    if place < rows.size:
        first = np.int64(rows[place]) * width
        # Places freed by a deletion hold -1.
        if first >= 0:
            for k in range(0, width, step):
                prefetch(flat, first + k)


@TwoWay
def full_hop(start, count, neighbours, messages, totals, following):  # type: ignore[no-untyped-def]
    """Sum the messages of every node and its neighbours into `totals`; round the means into `following`.

    `following` may have no rows, when no hop comes after this one. Messages may have more rows than there are nodes to
    sum for: those of others, which are neighbours alone.
    """
    n, width = start.size, messages.shape[1]
    flat = messages.reshape(-1)
    step = LINE // messages.itemsize
    blocks = (n + 255) // 256
    for block in nb.prange(blocks):
        row = np.empty(width, totals.dtype)
        for i in range(block * 256, min(n, block * 256 + 256)):
            for k in range(width):
                row[k] = messages[i, k]
            first, last = start[i], start[i] + count[i]
            whole = first + count[i] // 4 * 4
            # Four neighbours at a time: the sums are read and written a quarter as often.
            for p in range(first, whole, 4):
                for q in range(p + AHEAD, p + AHEAD + 4):
                    prefetch_row(flat, neighbours, q, width, step)
                a, b, c, d = neighbours[p], neighbours[p + 1], neighbours[p + 2], neighbours[p + 3]
                for k in range(width):
                    row[k] += (messages[a, k] + messages[b, k]) + (messages[c, k] + messages[d, k])
            for p in range(whole, last):
                prefetch_row(flat, neighbours, p + AHEAD, width, step)
                j = neighbours[p]
                for k in range(width):
                    row[k] += messages[j, k]
            for k in range(width):
                totals[i, k] = row[k]
            if following.shape[0]:
                degree = np.float64(count[i] + 1)
                inverse = 1.0 / degree
                for k in range(width):
                    following[i, k] = round_quotient(np.float64(row[k]), degree, inverse)


@TwoWay
def round_all(totals, count, messages):  # type: ignore[no-untyped-def]
    """Round the totals of every row to the messages of the next hop."""
    n, width = totals.shape
    for i in nb.prange(n):
        degree = np.float64(count[i] + 1)
        inverse = 1.0 / degree
        for k in range(width):
            messages[i, k] = round_quotient(np.float64(totals[i, k]), degree, inverse)


@TwoWay
def scale_rows(values, slots, scale, out):  # type: ignore[no-untyped-def]
    """Write ``rint(values[slot] * scale)`` for every slot, halves to even."""
    for r in nb.prange(slots.size):
        i = slots[r]
        for k in range(values.shape[1]):
            out[r, k] = np.int32(np.rint(values[i, k] * scale[r]))
