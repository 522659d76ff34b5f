"""Sums over neighbours weighted by attention, and their gradients, without a row in memory for every edge.

Going back, too, each node collects from its neighbours rather than adding to theirs: the arcs are symmetric, so every
arc knows where its opposite lies.
"""

from __future__ import annotations

from typing import Any

import numba as nb
import numpy as np
import torch
from numpy.typing import NDArray

BLOCK = 8
"""Columns summed at once, in registers; the kernels spell them out."""


class Arcs:
    """The arcs of a symmetric matrix as compressed rows.

    Attributes
    ----------
    start, ends : ndarrays of int32
    opposite : ndarray of int32
        Where the opposite of each arc lies.
    """

    def __init__(self, matrix: Any) -> None:
        numbered = matrix.astype(np.int32)
        numbered.data = np.arange(matrix.nnz, dtype=np.int32)
        self.start, self.ends = matrix.indptr, matrix.indices
        self.opposite: NDArray[np.int32] = numbered.T.tocsr().data

    @property
    def count(self) -> int:
        """Number of arcs."""
        return int(self.ends.size)


class AttentionSum(torch.autograd.Function):  # type: ignore[misc]
    """Mean of the neighbours' rows, weighted by a softmax of ``leaky_relu(sending + receiving)``.

    ``apply(values, sending, receiving, arcs, factors, slope)`` takes values of shape (n, heads, width), both parts of
    the attention, of shape (n, heads), `Arcs`, and a factor an arc and head (None for 1), with which weights are
    multiplied after the softmax.
    """

    @staticmethod
    def forward(ctx: Any, *given: Any) -> torch.Tensor:
        """Return the means, shape (n, heads, width)."""
        values, sending, receiving, arcs, factors, slope = given
        ctx.shape, ctx.arcs, ctx.factors, ctx.slope = values.shape, arcs, factors, np.float32(slope)
        ctx.scores = [tensor.detach().contiguous().numpy() for tensor in (sending, receiving)]
        ctx.shares = np.empty((arcs.count, values.shape[1]), np.float32)
        _score(arcs.start, arcs.ends, *ctx.scores, ctx.slope, ctx.shares)
        np.exp(ctx.shares, out=ctx.shares)
        _share_out(arcs.start, ctx.shares)
        ctx.weights = ctx.shares if factors is None else ctx.shares * factors
        ctx.values = _as_blocks(values)
        return _collected(arcs, ctx.values, ctx.weights, values.shape)

    @staticmethod
    def backward(ctx: Any, *gradients: torch.Tensor) -> Any:
        """Return the gradients of values, sending and receiving."""
        arcs, gradient = ctx.arcs, _as_blocks(gradients[0])
        by_value = _collected(arcs, gradient, np.take(ctx.weights, arcs.opposite, axis=0), ctx.shape)
        changes = np.empty_like(ctx.shares)
        _products(arcs.start, arcs.ends, ctx.values, gradient, changes)
        if ctx.factors is not None:
            changes *= ctx.factors
        by_sending, by_receiving = (np.empty_like(array) for array in ctx.scores)
        _score_back(arcs.start, arcs.ends, *ctx.scores, ctx.slope, ctx.shares, changes, by_receiving)
        _sum_opposites(arcs.start, arcs.opposite, changes, by_sending)
        return by_value, torch.from_numpy(by_sending), torch.from_numpy(by_receiving), None, None, None


def _collected(
    arcs: Arcs, blocks: NDArray[np.float32], weights: NDArray[np.float32], shape: tuple[int, ...]
) -> torch.Tensor:
    sums = np.empty_like(blocks)
    _collect(arcs.start, arcs.ends, blocks, weights, sums)
    return torch.from_numpy(sums.reshape(*shape[:2], -1)[:, :, : shape[2]])


def _as_blocks(values: torch.Tensor) -> NDArray[np.float32]:
    """Return the values in rows, each head's filled up with zeros to whole blocks."""
    filled = torch.nn.functional.pad(values.detach(), (0, -values.shape[2] % BLOCK))
    rows: NDArray[np.float32] = filled.reshape(values.shape[0], -1).contiguous().numpy()
    return rows


@nb.njit(cache=True)
def _score(start, ends, sending, receiving, slope, scores):  # type: ignore[no-untyped-def]
    """Write the scores, less the largest of the row."""
    n, heads = sending.shape
    top = np.empty(heads, np.float32)
    for i in range(n):
        top[:] = -np.inf
        for e in range(start[i], start[i + 1]):
            for h in range(heads):
                score = sending[ends[e], h] + receiving[i, h]
                scores[e, h] = score if score > 0 else slope * score
                top[h] = max(top[h], scores[e, h])
        for e in range(start[i], start[i + 1]):
            for h in range(heads):
                scores[e, h] -= top[h]


@nb.njit(cache=True)
def _share_out(start, shares):  # type: ignore[no-untyped-def]
    """Divide each row's entries by their sum."""
    heads = shares.shape[1]
    total = np.empty(heads, np.float32)
    for i in range(start.size - 1):
        total[:] = 0
        for e in range(start[i], start[i + 1]):
            for h in range(heads):
                total[h] += shares[e, h]
        for h in range(heads):
            total[h] = 1 / total[h]
        for e in range(start[i], start[i + 1]):
            for h in range(heads):
                shares[e, h] *= total[h]


@nb.njit(cache=True)
def _score_back(start, ends, sending, receiving, slope, shares, changes, by_receiving):  # type: ignore[no-untyped-def]
    """Turn the gradients by share into those by score, in place, and sum them up by row."""
    n, heads = sending.shape
    mean = np.empty(heads, np.float32)
    for i in range(n):
        mean[:], by_receiving[i] = 0, 0
        for e in range(start[i], start[i + 1]):
            for h in range(heads):
                mean[h] += shares[e, h] * changes[e, h]
        for e in range(start[i], start[i + 1]):
            for h in range(heads):
                change = shares[e, h] * (changes[e, h] - mean[h])
                changes[e, h] = change if sending[ends[e], h] + receiving[i, h] > 0 else slope * change
                by_receiving[i, h] += changes[e, h]


@nb.njit(cache=True)
def _sum_opposites(start, opposite, changes, sums):  # type: ignore[no-untyped-def]
    for j in range(start.size - 1):
        sums[j] = 0
        for e in range(start[j], start[j + 1]):
            for h in range(sums.shape[1]):
                sums[j, h] += changes[opposite[e], h]


# Sums may be reordered so that they are vectorised: the same on every run, but not on every machine.
@nb.njit(cache=True, fastmath={"reassoc", "contract", "nsz"})
def _collect(start, ends, values, weights, sums):  # type: ignore[no-untyped-def]
    """Sum up the neighbours' rows by weight, block by block."""
    n, columns = values.shape
    width = columns // weights.shape[1]
    for i in range(n):
        for b in range(0, columns, 8):
            h = b // width
            a0 = a1 = a2 = a3 = a4 = a5 = a6 = a7 = np.float32(0)
            for e in range(start[i], start[i + 1]):
                w, k = weights[e, h], ends[e]
                a0, a1 = a0 + w * values[k, b], a1 + w * values[k, b + 1]
                a2, a3 = a2 + w * values[k, b + 2], a3 + w * values[k, b + 3]
                a4, a5 = a4 + w * values[k, b + 4], a5 + w * values[k, b + 5]
                a6, a7 = a6 + w * values[k, b + 6], a7 + w * values[k, b + 7]
            sums[i, b], sums[i, b + 1], sums[i, b + 2], sums[i, b + 3] = a0, a1, a2, a3
            sums[i, b + 4], sums[i, b + 5], sums[i, b + 6], sums[i, b + 7] = a4, a5, a6, a7


@nb.njit(cache=True, fastmath={"reassoc", "contract", "nsz"})
def _products(start, ends, values, gradient, products):  # type: ignore[no-untyped-def]
    """Write the gradient by each arc's weight: a product of the sum's gradient with the row that was added."""
    heads = products.shape[1]
    width = values.shape[1] // heads
    for i in range(values.shape[0]):
        for e in range(start[i], start[i + 1]):
            k = ends[e]
            for h in range(heads):
                product = np.float32(0)
                for b in range(h * width, h * width + width, 8):
                    low = gradient[i, b] * values[k, b] + gradient[i, b + 1] * values[k, b + 1]
                    low += gradient[i, b + 2] * values[k, b + 2] + gradient[i, b + 3] * values[k, b + 3]
                    high = gradient[i, b + 4] * values[k, b + 4] + gradient[i, b + 5] * values[k, b + 5]
                    high += gradient[i, b + 6] * values[k, b + 6] + gradient[i, b + 7] * values[k, b + 7]
                    product += low + high
                products[e, h] = product
