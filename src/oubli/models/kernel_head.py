"""The Gaussian kernel-ridge head: exact over all training rows, or over landmarks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from oubli.solve.kernel import LANDMARK_ONE, ONE, Distances, dual_coefficients, landmark_coefficients
from oubli.solve.products import exact_product, ordered_product

CHUNK = 2048
SAMPLE = 1024
"""Rows whose distances' median sets the scale of the kernel."""


@dataclass(frozen=True)
class HeadInputs:
    """What a head learns from and is asked about.

    Attributes
    ----------
    rows : ndarray of float32, shape (slots, columns)
        Integers.
    train : ndarray of int64
        Training slots, ascending.
    centres : ndarray of int64 or None
        Landmarks among them; None for the exact system.
    sample : ndarray of int64
        Training slots that the scale is measured on.
    targets : ndarray of float64, shape (train, classes)
        Zeros and ones.
    mean : ndarray of float64, shape (classes,)
        Their mean.
    """

    rows: NDArray[np.float32]
    train: NDArray[np.int64]
    centres: NDArray[np.int64] | None
    sample: NDArray[np.int64]
    targets: NDArray[np.float64]
    mean: NDArray[np.float64]


@dataclass(frozen=True)
class Fitted:
    """A head at one bandwidth and one strength."""

    bandwidth: float
    alpha: float
    coefficients: NDArray[np.float64]


class KernelHead:
    """Kernel ridge of ``exp(-bandwidth |z - z'|^2 / median)``.

    Parameters
    ----------
    inputs : HeadInputs

    Notes
    -----
    Distances and kernels are integers, the exact system's solution is correctly rounded and the landmarks' one is
    computed in a fixed order, so the bytes depend on the rows alone.
    """

    def __init__(self, inputs: HeadInputs) -> None:
        self._inputs = inputs
        self._centres = inputs.rows[inputs.train if inputs.centres is None else inputs.centres]
        sample = inputs.rows[inputs.sample]
        distances = Distances.between(sample, sample).squared()
        positive = distances[distances > 0]
        self.median = float(np.median(positive)) if positive.size else 1.0
        self._one = ONE if inputs.centres is None else LANDMARK_ONE
        self._learnt: tuple[float, NDArray[np.float64]]

    def fit(
        self,
        bandwidths: list[float],
        alphas: list[float],
        score: Callable[[NDArray[np.float64]], float] | None,
        asked: NDArray[np.int64],
    ) -> Fitted:
        """Fit at each bandwidth and strength; keep the one whose scores of the slots `asked` are best, first of equals.

        Without `score` there must be one of each.
        """
        best: Fitted | None = None
        most = -np.inf
        # The same array on both sides of a product is computed once.
        learning = self._centres if self._inputs.centres is None else self._inputs.rows[self._inputs.train]
        own = Distances.between(learning, self._centres)
        towards = None if score is None else self._distances(asked)
        for bandwidth in bandwidths:
            self._learnt = bandwidth, self._kernel(own, bandwidth)
            solve = self._prepare(self._learnt[1])
            kernel = None if towards is None else self._kernel(towards, bandwidth)
            for alpha in alphas:
                fitted = Fitted(bandwidth, alpha, solve(alpha))
                if score is None or kernel is None:
                    return fitted
                found = score(self._apply(kernel, fitted))
                if found > most:
                    best, most = fitted, found
        assert best is not None
        return best

    def scores(self, fitted: Fitted, slots: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return scores by slot, those of `slots` filled in, shape (slots of the graph, classes)."""
        inputs = self._inputs
        out = np.zeros((len(inputs.rows), inputs.mean.size))
        asked = np.setdiff1d(slots, inputs.train, assume_unique=True)
        bandwidth, learnt = self._learnt
        if inputs.centres is None:
            # The system itself says what the kernel makes of its own rows.
            out[inputs.train] = inputs.targets - fitted.alpha * fitted.coefficients
        elif bandwidth == fitted.bandwidth:
            out[inputs.train] = self._apply(learnt, fitted)
        else:
            asked = slots
        for first in range(0, asked.size, CHUNK):
            part = asked[first : first + CHUNK]
            out[part] = self._apply(self._kernel(self._distances(part), fitted.bandwidth), fitted)
        return out

    def _distances(self, slots: NDArray[np.int64]) -> Distances:
        return Distances.between(self._inputs.rows[slots], self._centres)

    def _kernel(self, distances: Distances, bandwidth: float) -> NDArray[np.float64]:
        return distances.gaussian(bandwidth / self.median, self._one)

    def _apply(self, kernel: NDArray[np.float64], fitted: Fitted) -> NDArray[np.float64]:
        scores: NDArray[np.float64] = ordered_product(kernel, fitted.coefficients) / self._one + self._inputs.mean
        return scores

    def _prepare(self, kernel: NDArray[np.float64]) -> Callable[[float], NDArray[np.float64]]:
        targets, mean = self._inputs.targets, self._inputs.mean
        if self._inputs.centres is None:
            return lambda alpha: dual_coefficients(kernel, targets - mean, alpha)
        gram = exact_product(kernel.T, kernel)
        # Integers are summed before they are centred, in whatever order.
        moments = exact_product(kernel.T, targets) - np.outer(kernel.sum(axis=0), mean)
        own = kernel[np.searchsorted(self._inputs.train, self._inputs.centres)]
        return lambda alpha: landmark_coefficients(gram, own, moments, alpha)
