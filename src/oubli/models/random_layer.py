"""The random features of a layer, of a node itself and of its neighbours: integers alone."""

from __future__ import annotations

import numba as nb
import numpy as np
from numpy.typing import NDArray

from oubli.propagation.draws import BELL_WORDS, bell, hashes
from oubli.propagation.threads import TwoWay
from oubli.solve.products import exact_product

FEATURE_LIMIT = 1023
"""Largest feature, 32 in steps of 1/32."""

FIRST_PURPOSE = 16
"""Of a layer's hashes; the messages have those below."""

CHUNK = 8192


class RandomLayer:
    """Features ``relu(r . x + b)`` of inputs in steps of 1/32, with integer weights that a seed fixes.

    Parameters
    ----------
    num_inputs : int
    width : int
        Features of a node itself, and as many others that its neighbours average.
    seed, layer : int
    """

    def __init__(self, num_inputs: int, width: int, seed: int, layer: int) -> None:
        words = hashes((num_inputs + 1) * 2 * width * BELL_WORDS, seed, FIRST_PURPOSE + layer)
        draws = bell(words).reshape(num_inputs + 1, 2 * width)
        # Weights in steps of 1/8, over the power of two nearest the root of the number of inputs.
        root_bits = ((2 * num_inputs).bit_length() - 1) // 2
        self._shift = 3 + root_bits
        self._directions = draws[:-1].astype(np.float64)
        self._offsets = draws[-1].astype(np.int64) << (5 + root_bits)
        self._width = width

    def own(self, inputs: NDArray[np.int16]) -> NDArray[np.int16]:
        """Return what a node tells itself, in steps of 1/32."""
        return self._features(inputs, slice(None, self._width))

    def sent(self, inputs: NDArray[np.int16]) -> NDArray[np.int16]:
        """Return what a node tells its neighbours."""
        return self._features(inputs, slice(self._width, None))

    def _features(self, inputs: NDArray[np.int16], part: slice) -> NDArray[np.int16]:
        out = np.empty((len(inputs), self._width), np.int16)
        directions = np.ascontiguousarray(self._directions[:, part])
        for first in range(0, len(inputs), CHUNK):
            products = exact_product(inputs[first : first + CHUNK].astype(np.float64), directions)
            _rectify(products.size, products, self._offsets[part], self._shift, out[first : first + CHUNK])
        return out


@TwoWay
def _rectify(products, offsets, shift, out):  # type: ignore[no-untyped-def]
    half = 1 << (shift - 1)
    for i in nb.prange(products.shape[0]):
        for k in range(products.shape[1]):
            value = max(np.int64(products[i, k]) + offsets[k], 0)
            out[i, k] = min((value + half) >> shift, FEATURE_LIMIT)
