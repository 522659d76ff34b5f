"""Random messages along edges, and sums of neighbours' labels, without the receiver's own label: integers alone."""

from __future__ import annotations

from dataclasses import dataclass

import numba as nb
import numpy as np
from numpy.typing import NDArray

from oubli.graph.adjacency import Adjacency
from oubli.propagation.draws import BELL_WORDS, bell, hashes
from oubli.propagation.threads import TwoWay

QUARTERS = 4
"""Labels are kept in quarters: a class is 3, another class -1, no label 0."""

SHARE_STEPS = 64
"""Steps in which a mean of quarters is kept."""

CHANNEL_LIMIT = 512
"""Largest channel, 16 in steps of 1/32."""

MESSAGE_LIMIT = 1023
"""Largest message, 64 in steps of 1/16."""

LABEL_INPUTS, FEATURE_INPUTS = 3, 5
"""Channels that a message reads of either kind."""

BIAS_STEPS = 64


@dataclass
class Surroundings:
    """What messages are made of, by slot.

    Attributes
    ----------
    inputs : ndarray of int16, shape (n, num_inputs)
        In steps of 1/32.
    known : ndarray of int32, shape (n, num_labels + 1)
        Labels in quarters, the last column 4 where there is one; zeros where there is none.
    sums : ndarray of int32, shape (n, num_labels + 1)
        Sum of `known` over neighbours.
    degrees : ndarray of int32, shape (n,)
    """

    inputs: NDArray[np.int16]
    known: NDArray[np.int32]
    sums: NDArray[np.int32]
    degrees: NDArray[np.int32]


@dataclass(frozen=True)
class Arcs:
    """Directed edges by receiver: that of ``receivers[r]`` are ``senders[start[r] : start[r] + count[r]]``."""

    receivers: NDArray[np.int64]
    start: NDArray[np.int64]
    count: NDArray[np.int32]
    senders: NDArray[np.int32]

    @classmethod
    def into(cls, adjacency: Adjacency, slots: NDArray[np.int64]) -> Arcs:
        """Return all arcs into `slots`."""
        return cls(slots, adjacency.start[slots], adjacency.count[slots], adjacency.neighbours)

    @classmethod
    def among(cls, pairs: NDArray[np.int64], receivers: NDArray[np.int64]) -> Arcs:
        """Return those into ascending `receivers` of undirected pairs, given once each."""
        both = np.concatenate([pairs, pairs[:, ::-1]])
        ordered = both[np.argsort(both[:, 1], kind="stable")]
        start = np.searchsorted(ordered[:, 1], receivers)
        count = np.searchsorted(ordered[:, 1], receivers, side="right") - start
        return cls(receivers, start, count.astype(np.int32), ordered[:, 0].astype(np.int32))


class RandomMessages:
    """Messages of a fixed random layer, averaged over neighbours: a hidden row that forgets.

    Neighbour `u` sends `v` the values ``relu(r . c(u, v) + b)``, where ``c(u, v)`` holds the inputs of both, the label
    of `u`, and the sums of labels around `u` *without* that of `v`. No label of `v` enters the row of `v`, and whether
    `v` trains does not either. Weights, channels and sums are integers, so rows have one right answer.

    Parameters
    ----------
    num_inputs : int
        Columns of the nodes' inputs.
    num_labels : int
        Columns of labels, without that which tells whether there is one.
    num_messages : int
    seed : int
        Of the weights, which depend on it and on the numbers of columns alone.

    Attributes
    ----------
    channels, weights : ndarray of int32, shape (fan-in, num_messages)
    biases : ndarray of int32, shape (num_messages,)
    width : int
        Columns of a row: means of labels one and two hops away, and the messages.
    """

    def __init__(self, num_inputs: int, num_labels: int, num_messages: int, seed: int) -> None:
        label_channels = 2 * num_labels + 3
        read = _draw_distinct(label_channels, LABEL_INPUTS, num_messages, seed, 0)
        inputs = _draw_distinct(2 * num_inputs, FEATURE_INPUTS, num_messages, seed, 1) + label_channels
        self.channels = np.concatenate([read, inputs]).astype(np.int32)
        fan_in = len(self.channels)
        draws = bell(hashes((fan_in + 1) * num_messages * BELL_WORDS, seed, 2)).reshape(fan_in + 1, num_messages)
        self.weights = np.ascontiguousarray(draws[:-1])
        self.biases = BIAS_STEPS * draws[-1]
        self.width = 2 * (num_labels + 1) + num_messages

    def received(self, surroundings: Surroundings, arcs: Arcs) -> NDArray[np.int32]:
        """Return what receivers are sent, summed, shape (receivers, num_labels + 1 + num_messages).

        Sums of some arcs, less the sums of others, are the sums of those that make the difference.
        """
        out = np.empty((arcs.receivers.size, self.width - surroundings.known.shape[1]), np.int32)
        lists = arcs.start, arcs.count, arcs.senders, arcs.receivers
        state = surroundings.inputs, surroundings.known, surroundings.sums, surroundings.degrees
        work = arcs.senders.size * self.weights.size
        _receive(work, *lists, *state, self.channels, self.weights, self.biases, out)
        return out

    def rows(
        self, surroundings: Surroundings, received: NDArray[np.int32], slots: NDArray[np.int64]
    ) -> NDArray[np.int16]:
        """Return means of labels and of messages, shape (slots, width), given what the slots have received in all."""
        out = np.empty((slots.size, self.width), np.int16)
        _average(out.size, received, surroundings.sums, surroundings.degrees, slots, out)
        return out


def sum_over_neighbours(
    adjacency: Adjacency, values: NDArray[np.int32], slots: NDArray[np.int64], out: NDArray[np.int32]
) -> None:
    """Write the sum of the neighbours' values to the rows of `slots` in `out`."""
    work = int(adjacency.count[slots].sum(dtype=np.int64)) * values.shape[1]
    _sum_neighbours(work, adjacency.start, adjacency.count, adjacency.neighbours, values, slots, out)


def _draw_distinct(choices: int, count: int, draws: int, seed: int, purpose: int) -> NDArray[np.int64]:
    """Draw `count` different numbers below `choices`, or all there are, `draws` times, shape (count, draws)."""
    count = min(count, choices)
    words = hashes(count * draws, seed, purpose).reshape(count, draws)
    taken = np.empty((0, draws), np.int64)
    for at in range(count):
        pick = (words[at] % np.uint64(choices - at)).astype(np.int64)
        # A draw among what is left: it moves up past every number that is taken, the smallest first.
        for smaller in np.sort(taken, axis=0):
            pick += pick >= smaller
        taken = np.vstack([taken, pick])
    return taken


@TwoWay
def _sum_neighbours(start, count, neighbours, values, slots, out):  # type: ignore[no-untyped-def]
    for r in nb.prange(slots.size):
        i = slots[r]
        out[i] = 0
        for p in range(start[i], start[i] + count[i]):
            for k in range(values.shape[1]):
                out[i, k] += values[neighbours[p], k]


@nb.njit(cache=True, inline="always")
def _quotient(total, divisor):  # type: ignore[no-untyped-def]
    """Return ``total / divisor`` rounded to the nearest integer, halves up."""
    return (2 * np.int64(total) + divisor) // (2 * divisor)


@nb.njit(cache=True, inline="always")
def _clipped(value):  # type: ignore[no-untyped-def]
    return min(max(value, -CHANNEL_LIMIT), CHANNEL_LIMIT)


@nb.njit(cache=True)
def _fill_channels(u, v, degree, inputs, known, sums, channels):  # type: ignore[no-untyped-def]
    # In steps of 1/32: 2 a label, 1/2 a neighbour that has one, 1/4 one that has none, and inputs as they are.
    last = known.shape[1] - 1
    at = 0
    for c in range(last):
        channels[at] = _clipped(16 * (sums[u, c] - known[v, c]))
        channels[at + 1] = 16 * known[u, c]
        at += 2
    labelled = sums[u, last] - known[v, last]
    channels[at] = _clipped(4 * labelled)
    channels[at + 1] = 8 * known[u, last]
    channels[at + 2] = _clipped(8 * degree - 2 * labelled)
    at += 3
    for k in range(inputs.shape[1]):
        channels[at + k] = inputs[u, k]
        channels[at + inputs.shape[1] + k] = inputs[v, k]


@nb.njit(cache=True)
def _add_messages(values, channels, weights, biases, sent, totals):  # type: ignore[no-untyped-def]
    for j in range(biases.size):
        sent[j] = biases[j]
    for i in range(channels.shape[0]):
        for j in range(biases.size):
            sent[j] += weights[i, j] * values[channels[i, j]]
    for j in range(biases.size):
        totals[j] += min((max(sent[j], 0) + 16) >> 5, MESSAGE_LIMIT)


@TwoWay
def _receive(start, count, senders, receivers, inputs, known, sums, degrees, channels, weights, biases, out):  # type: ignore[no-untyped-def]
    labels, width = known.shape[1], biases.size
    for r in nb.prange(receivers.size):
        v = receivers[r]
        values = np.empty(2 * labels + 1 + 2 * inputs.shape[1], np.int32)
        sent, totals = np.empty(width, np.int32), out[r, labels:]
        out[r] = 0
        for p in range(start[r], start[r] + count[r]):
            u = senders[p]
            for c in range(labels):
                out[r, c] += _quotient(SHARE_STEPS * (sums[u, c] - known[v, c]), degrees[u])
            if width:
                _fill_channels(u, v, degrees[u], inputs, known, sums, values)
                _add_messages(values, channels, weights, biases, sent, totals)


@TwoWay
def _average(received, sums, degrees, slots, out):  # type: ignore[no-untyped-def]
    labels = sums.shape[1]
    for r in nb.prange(slots.size):
        degree = max(degrees[slots[r]], 1)
        for c in range(labels):
            out[r, c] = _quotient(SHARE_STEPS * sums[slots[r], c], degree)
            out[r, labels + c] = _quotient(received[r, c], degree)
        for j in range(labels, received.shape[1]):
            out[r, labels + j] = _quotient(4 * np.int64(received[r, j]), degree)
