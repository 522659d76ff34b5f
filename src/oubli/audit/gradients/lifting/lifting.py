"""Profile lifting: the exact graph from one gradient, by what profiles of nodes there are and how many of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, repeat

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from oubli.audit.gradients.computation import loss_gradient, relative_distance
from oubli.audit.gradients.head import HeadInversion, invert_head
from oubli.audit.gradients.lifting.activity import count_active
from oubli.audit.gradients.lifting.candidates import (
    Dictionary,
    close_under_reciprocity,
    combine_profiles,
    enumerate_profiles,
)
from oubli.audit.gradients.lifting.counts import CountSystem, count_system, solve_counts
from oubli.audit.gradients.lifting.profiles import Profile, node_type
from oubli.audit.gradients.lifting.realise import Realisation, realise
from oubli.audit.gradients.lifting.rings import RingPrior
from oubli.audit.gradients.lifting.span import column_space, distances_from
from oubli.audit.gradients.lifting.states import LevelStates, gradient_columns, level_zero, next_level
from oubli.audit.gradients.reconstruction import Attack, Reconstruction
from oubli.audit.gradients.transcript import Transcript
from oubli.errors import InputError
from oubli.graph.collection import LabelledGraph

MATCHES = 30.0
"""A guess whose gradient is within so many roundings of the one seen is taken for it."""
CANDIDATES = 1500
COMBINATIONS = 8000
SOLUTIONS = 12
MATCHED = 4
SIZES = tuple(dict.fromkeys(round(4 * 1.2**step) for step in range(20)))


@dataclass(eq=False)
class _Guess:
    """The best graph so far."""

    rank: tuple[int, float] = (2, 0.0)
    residual: float = float("inf")
    realisation: Realisation | None = None
    graph: LabelledGraph | None = None
    note: str = "no profile passed the span test"
    ranks: dict[str, int] = field(default_factory=dict)
    profiles: tuple[Profile, ...] = ()


class ProfileLifting(Attack):
    """Recover the graph from which multiset of L-hop profiles gives its gradient.

    Parameters
    ----------
    seconds : float, default 8.0
        Most time for one integer program.
    """

    name = "lifting"

    def __init__(self, seconds: float = 8.0) -> None:
        self.seconds = seconds
        self._prepared: tuple[tuple[LabelledGraph, ...], Dictionary, RingPrior] | None = None

    def check(self, transcript: Transcript) -> None:
        """Raise `InputError` for models, features or knowledge that are not supported."""
        form = transcript.form
        if not transcript.one_hot:
            raise InputError("lifting: supported for one-hot features, and it is not public that these are")
        if form.pooling == "max":
            raise InputError("lifting: supported for mean and sum pooling, not max: it is no sum over nodes")
        if not transcript.auxiliary and transcript.max_degree is None:
            raise InputError("lifting: no candidates; give auxiliary graphs, or max_degree to enumerate profiles")

    def reconstruct(self, transcripts: Sequence[Transcript], seed: int = 0) -> list[Reconstruction]:
        """Lift each transcript."""
        return [self._lift(transcript, seed) for transcript in transcripts]

    def _lift(self, transcript: Transcript, seed: int) -> Reconstruction:
        self.check(transcript)
        dictionary, prior = self._auxiliary(transcript)
        search = _Search(transcript, invert_head(transcript), dictionary, prior, self.seconds, seed)
        return search.run()

    def _auxiliary(self, transcript: Transcript) -> tuple[Dictionary, RingPrior]:
        """Return what auxiliary graphs tell, counted once for all transcripts that have the same."""
        graphs = transcript.auxiliary
        if self._prepared is None or self._prepared[0] is not graphs:
            degrees = transcript.form.layer == "gcn"
            dictionary = Dictionary(graphs, transcript.form.num_layers, degrees)
            self._prepared = graphs, dictionary, RingPrior(graphs)
        return self._prepared[1:]


class _Search:
    """The attack on one transcript."""

    def __init__(
        self,
        transcript: Transcript,
        head: HeadInversion,
        dictionary: Dictionary,
        prior: RingPrior,
        seconds: float,
        seed: int,
    ) -> None:
        self.transcript, self.form, self.head = transcript, transcript.form, head
        self.weights = {name: value.cpu() for name, value in transcript.weights.items()}
        self.gradient = {name: value.cpu() for name, value in transcript.gradient.items()}
        self.sensitivity = head.sensitivity.cpu()
        self.seen = {**self.gradient, "h": head.embedding.cpu()}
        self.dictionary, self.prior, self.seconds, self.seed = dictionary, prior, seconds, seed
        self.rounding = max(transcript.rounding, 2.0**-53)
        self.num_nodes = transcript.num_nodes[0] if transcript.num_nodes else None
        self.types = self._types()
        self.best = _Guess()

    def _types(self) -> list[int]:
        """Return the types of nodes that are there: the non-zero rows of the first layer's gradient."""
        sizes = self.gradient["W1"].norm(dim=1)
        return torch.nonzero(sizes > max(1e-7, 30 * self.rounding) * sizes.max())[:, 0].tolist()

    def run(self) -> Reconstruction:
        for first in self._sources():
            if self._sweep(first):
                break
        return self._reconstruction()

    def _sources(self) -> Iterator[list[Profile]]:
        types = set(self.types)
        known = self.dictionary.profiles(1) if self.transcript.auxiliary else []
        if known:
            yield [p for p in known if p[0][0] in types and all(other[0] in types for other in p[1])]
        limit = self.transcript.max_degree or self.dictionary.max_degree
        yield enumerate_profiles(self.types, limit, self.form.layer == "gcn")

    def _sweep(self, first: list[Profile]) -> bool:
        zero = level_zero(self.form, sorted({part for own, near in first for part in (own, *near)}))
        states = next_level(self.form, self.weights, zero, 1, first)
        basis = column_space(self.gradient["W2"], max(1e-13, 30 * self.rounding))
        distances = distances_from(basis, states.after)
        self.best.ranks["dL/dW2"] = basis.shape[1]
        self.activity = count_active(self.form, self.seen, self.sensitivity, self.num_nodes)
        tried: set[tuple[Profile, ...]] = set()
        place = {profile: position for position, profile in enumerate(first)}
        order = np.argsort(distances, kind="stable")
        for size in SIZES:
            chosen = close_under_reciprocity(first[position] for position in order[:size])
            if not chosen or tuple(chosen) in tried:
                continue
            tried.add(tuple(chosen))
            if not self._explains(states, [place[p] for p in chosen]):
                self.best.note = "no set of one-hop profiles explains dL/dW2"
                continue
            if self._combine(zero, chosen):
                return True
        return False

    def _explains(self, states: LevelStates, positions: list[int]) -> bool:
        """Return whether the columns of the second layer's gradient are in the span of these profiles' states."""
        left, sizes, _ = torch.linalg.svd(states.after[positions].T, full_matrices=False)
        basis = left[:, sizes > 1e-12 * sizes[0]]
        seen = self.gradient["W2"]
        return float((seen - basis @ (basis.T @ seen)).norm() / seen.norm()) <= MATCHES * self.rounding + 1e-12

    def _combine(self, zero: LevelStates, chosen: list[Profile]) -> bool:
        candidates = combine_profiles(chosen, COMBINATIONS)
        if not candidates:
            self.best.note = "no or too many candidates"
            return False
        levels = [zero, next_level(self.form, self.weights, zero, 1, chosen)]
        top = next_level(self.form, self.weights, levels[1], 2, candidates)
        n2 = len(candidates)
        equations = None
        if self.activity:
            possible = self.activity.possible(top)
            candidates = [candidates[position] for position in np.nonzero(possible)[0]]
            if not candidates or len(candidates)>CANDIDATES: return False
            top = next_level(self.form, self.weights, levels[1], 2, candidates)
            equations = self.activity.equations(top)
        levels.append(top)
        columns = gradient_columns(self.form, self.weights, levels, self.sensitivity)
        mean = self.form.pooling == "mean"
        system = count_system(columns, self.seen, candidates, equations, self.rounding, self.num_nodes or 30, mean)
        self.debug = (len(chosen), n2, len(candidates), len(system.centres), system.unexplained)
        if system.unexplained > MATCHES * self.rounding + 1e-10: return False
        costs = self.dictionary.costs(candidates, self.form.num_layers)
        return self._enumerate(system, candidates, costs)

    def _enumerate(self, system: CountSystem, candidates: list[Profile], costs: NDArray[np.float64]) -> bool:
        """Try the likeliest solutions of the system; return whether one gives the gradient."""
        solutions: list[NDArray[np.int64]] = []
        matched = 0
        while len(solutions) < SOLUTIONS and matched < MATCHED:
            counts = solve_counts(system, self.num_nodes, costs, self.seconds, solutions)
            if counts is None:
                break
            solutions.append(counts)
            matched += self._accept(candidates, counts, float(counts @ costs))
        if not solutions:
            self.best.note = "no integer counts"
        self.debug = (*self.debug, len(solutions), matched)
        return matched > 0

    def _accept(self, candidates: list[Profile], counts: NDArray[np.int64], cost: float) -> bool:
        """Realise counts; keep the graph if it is the best so far, and return whether it gives the gradient."""
        profiles = list(chain.from_iterable(map(repeat, candidates, counts.tolist())))
        found = realise(profiles, self.prior, self.form.num_layers, self.seed)
        if found is None:
            self.best.note = "no realisation"
            return False
        kinds = [node_type(profile, self.form.num_layers) for profile in profiles]
        graph = LabelledGraph(found.edges, np.eye(self.form.num_features)[kinds], self.head.label)
        residual = relative_distance(loss_gradient(self.form, self.weights, [graph]), self.gradient)
        matches = residual <= MATCHES * self.rounding + 1e-11
        # Of graphs that give the gradient the likeliest counts, of others the nearest.
        rank = (0, cost + found.cost) if matches else (1, residual)
        if rank < self.best.rank:
            self.best = replace(self.best, rank=rank, residual=residual, graph=graph, realisation=found)
        return matches

    def _reconstruction(self) -> Reconstruction:
        best = self.best
        graph = best.graph
        return Reconstruction(
            labels=(self.head.label,),
            embedding=self.head.embedding.cpu().numpy(),
            edge_scores=None if graph is None else graph.adjacency(),
            features=None if graph is None else graph.features,
            adjacency=None if graph is None else graph.adjacency(),
            residual=best.residual if graph is not None else None,
            determined=best.residual <= MATCHES * self.rounding + 1e-11,
            note=best.note, ranks=best.ranks, details={"debug": getattr(self, "debug", None), "others": best.realisation.others if best.realisation else None},
        )
