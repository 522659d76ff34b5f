"""The search of profile lifting over one transcript: candidates hop by hop, counts, graphs."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, repeat

import numpy as np
import torch
from numpy.typing import NDArray

from oubli.audit.gradients.computation import loss_gradient, relative_distance
from oubli.audit.gradients.head import HeadInversion
from oubli.audit.gradients.lifting.activity import count_active
from oubli.audit.gradients.lifting.candidates import (
    Dictionary,
    close_under_reciprocity,
    combine_profiles,
    enumerate_profiles,
)
from oubli.audit.gradients.lifting.counts import CountSystem, UnsettledError, count_system, solve_counts
from oubli.audit.gradients.lifting.profiles import Profile, node_type
from oubli.audit.gradients.lifting.realise import realise
from oubli.audit.gradients.lifting.rings import RingPrior
from oubli.audit.gradients.lifting.span import column_space, distances_from, unexplained_share
from oubli.audit.gradients.lifting.states import LevelStates, gradient_columns, level_zero, next_level
from oubli.audit.gradients.transcript import Transcript
from oubli.graph.collection import LabelledGraph

MATCHES = 30.0  # Roundings by which the gradient of the right graph may differ from the one seen.
EXACT = 1e-11  # Relative difference that float64 arithmetic itself leaves.
TELLING = 1e-3  # Where more may differ, other graphs match too, and nothing is determined.
LOOSER = (1.0, 30.0, 1000.0)  # Times the rounding, in turn, when nothing was found.
SIZES = tuple(dict.fromkeys(round(4 * 1.2**step) for step in range(20)))  # Of sets of nearest candidates.
COMBINATIONS = 8000  # The most profiles that are put together from those of one hop less,
CANDIDATES = 1500  # and the most that are counted.
SETS = 8  # Sets of candidates of one level that are followed further.
SOLUTIONS = 12  # Solutions of one system that are looked at,
MATCHING = 4  # and those that give the gradient, among which the likeliest is chosen.
PROGRAM_SECONDS = 4.0  # For one integer program.


@dataclass(eq=False)
class Findings:
    """The best graph so far, and how it was come by.

    Parameters
    ----------
    graph : LabelledGraph, optional
    residual : float
        Relative distance of its gradient from the one seen.
    order : tuple
        By which guesses are compared: whether the gradient matches, then how likely, or how near.
    determined : bool
    solutions, matching : int
        Integer solutions of the last system, and those of them that give the gradient.
    ranks, sizes : dict of str to int
    note : str
    """

    graph: LabelledGraph | None = None
    residual: float = float("inf")
    order: tuple[int, float] = (2, 0.0)
    determined: bool = False
    solutions: int = 0
    matching: int = 0
    ranks: dict[str, int] = field(default_factory=dict)
    sizes: dict[str, int] = field(default_factory=dict)
    note: str = ""


class Search:
    """The attack on one transcript; see `ProfileLifting`."""

    def __init__(
        self,
        transcript: Transcript,
        head: HeadInversion,
        dictionary: Dictionary,
        prior: RingPrior,
        seconds: float,
        seed: int,
    ) -> None:
        self.form, self.label = transcript.form, head.label
        self.weights = {name: value.cpu() for name, value in transcript.weights.items()}
        self.gradient = {name: value.cpu() for name, value in transcript.gradient.items()}
        self.sensitivity = head.sensitivity.cpu()
        self.seen = {**self.gradient, "h": head.embedding.cpu()}
        self.dictionary, self.prior, self.seed = dictionary, prior, seed
        self.enumerated_degree = transcript.max_degree or dictionary.max_degree
        self.given_rounding = self.rounding = max(transcript.rounding, 2.0**-53)
        single = transcript.num_graphs == 1
        self.num_nodes = transcript.num_nodes[0] if single and transcript.num_nodes else None
        self.activity = count_active(self.form, self.seen, self.sensitivity, self.num_nodes) if single else None
        self.end = time.monotonic() + seconds
        self.types = self._types()
        self.findings = Findings(note="no set of candidates explains the gradient")

    def _types(self) -> list[int]:
        """Return the types of nodes that are there: the non-zero rows of the first layer's gradient."""
        sizes = self.gradient["W1"].norm(dim=1)
        present = torch.nonzero(sizes > min(0.5, max(1e-7, 30 * self.rounding)) * sizes.max())[:, 0]
        return [int(kind) for kind in present]

    def run(self) -> Findings:
        """Try candidates from all sources, then again with more tolerance, until a graph gives the gradient."""
        for looser in LOOSER:
            self.rounding = min(looser * self.given_rounding, max(self.given_rounding, 1e-2))
            if any(self._descend([zero], first) for zero, first in self._sources()):
                break
            if self.findings.graph is not None or self._late():
                break
        return self.findings

    def one_hop_profiles(self) -> list[Profile]:
        """Return the smallest set of one-hop profiles found that explains the second layer's gradient."""
        if self.form.num_layers > 1:
            for zero, first in self._sources():
                states = next_level(self.form, self.weights, zero, 1, first)
                for chosen in self._subsets(states, 1):
                    return chosen
        return []

    def _late(self) -> bool:
        late = time.monotonic() > self.end
        if late and self.findings.graph is None:
            self.findings.note = "out of time before a graph was found"
        return late

    def _sources(self) -> Iterator[tuple[LevelStates, list[Profile]]]:
        """Return one-hop candidates of the types present: from auxiliary graphs, then enumerated."""
        types = set(self.types)
        known = [p for p in self.dictionary.profiles(1) if {p[0][0], *(other[0] for other in p[1])} <= types]
        for first in (known, enumerate_profiles(self.types, self.enumerated_degree, self.form.layer == "gcn")):
            if first:
                parts = sorted({part for own, near in first for part in (own, *near)})
                yield level_zero(self.form, parts), first

    def _tolerance(self) -> float:
        return MATCHES * self.rounding + EXACT

    def _descend(self, levels: list[LevelStates], candidates: list[Profile]) -> bool:
        """Choose among candidates of one hop more than the levels, go on to the next; return whether a graph fits."""
        hops = len(levels)
        states = next_level(self.form, self.weights, levels[-1], hops, candidates)
        if hops == self.form.num_layers:
            return self._count([*levels, states])
        for followed, chosen in enumerate(self._subsets(states, hops)):
            combined = combine_profiles(chosen, COMBINATIONS)
            self.findings.sizes[f"profiles of {hops} hops"] = len(chosen)
            if followed == SETS or self._late():
                return False
            if combined is None:
                self.findings.note = f"{len(chosen)} profiles of {hops} hops explain the gradient: too many to combine"
                combined = self.dictionary.within(chosen, hops + 1)
            fewer = next_level(self.form, self.weights, levels[-1], hops, chosen)
            if combined and self._descend([*levels, fewer], combined):
                return True
        return False

    def _subsets(self, states: LevelStates, hops: int) -> Iterator[list[Profile]]:
        """Return growing sets of the candidates nearest to the span, each of which explains the next gradient."""
        name = f"W{hops + 1}"
        basis = column_space(self.gradient[name], min(0.5, max(1e-13, 30 * self.rounding)))
        self.findings.ranks[f"dL/d{name}"] = basis.shape[1]
        order = np.argsort(distances_from(basis, states.after), kind="stable")
        place = {profile: position for position, profile in enumerate(states.profiles)}
        last: list[Profile] = []
        for size in SIZES:
            chosen = close_under_reciprocity(states.profiles[position] for position in order[:size])
            if not chosen or chosen == last:
                continue
            last = chosen
            rows = states.after[[place[profile] for profile in chosen]]
            if unexplained_share(self.gradient[name], rows) <= self._tolerance():
                yield chosen

    def _count(self, levels: list[LevelStates]) -> bool:
        """Solve for how often each candidate of the last level occurs; return whether a solution fits."""
        top = levels[-1]
        equations = None
        if self.activity is not None:
            kept = np.nonzero(self.activity.possible(top))[0]
            if not kept.size:
                return False
            chosen = [top.profiles[position] for position in kept]
            top = next_level(self.form, self.weights, levels[-2], self.form.num_layers, chosen)
            equations = self.activity.equations(top)
        count = len(top.profiles)
        self.findings.sizes[f"profiles of {self.form.num_layers} hops"] = count
        if count > CANDIDATES:
            self.findings.note = f"{count} profiles of {self.form.num_layers} hops are left: too many to count"
            return False
        columns = gradient_columns(self.form, self.weights, [*levels[:-1], top], self.sensitivity)
        system = count_system(
            columns,
            self.seen,
            top.profiles,
            equations,
            self.rounding,
            self.num_nodes or 30,
            self.form.pooling == "mean",
        )
        self.findings.ranks["counts"] = len(system.centres)
        if system.unexplained > self._tolerance():
            return False
        return self._try_solutions(system, top.profiles)

    def _try_solutions(self, system: CountSystem, candidates: Sequence[Profile]) -> bool:
        """Realise the likeliest solutions; return whether one gives the gradient."""
        costs = self.dictionary.costs(candidates, self.form.num_layers)
        solutions: list[NDArray[np.int64]] = []
        fits, alone, exhausted, unsettled = 0, True, False, False
        while len(solutions) < SOLUTIONS and fits < MATCHING and not (solutions and self._late()):
            try:
                counts = solve_counts(system, self.num_nodes, costs, PROGRAM_SECONDS, solutions)
            except UnsettledError:
                unsettled = True
                break
            if counts is None:
                exhausted = True
                break
            solutions.append(counts)
            matches, others = self._realise(candidates, counts, float(counts @ costs))
            fits, alone = fits + matches, alone and not others
        self.findings.solutions, self.findings.matching = len(solutions), fits
        if not solutions:
            none = "no integer counts satisfy the equations"
            self.findings.note = "time was over before counts were found or excluded" if unsettled else none
        if fits:
            telling = MATCHES * self.given_rounding < TELLING
            # A mean of twice the nodes is the same.
            sized = self.num_nodes is not None or self.form.pooling != "mean"
            self.findings.determined = telling and exhausted and sized and alone and fits == 1
            self.findings.note = _verdict(fits, exhausted, sized, alone, telling)
        return fits > 0

    def _realise(self, candidates: Sequence[Profile], counts: NDArray[np.int64], cost: float) -> tuple[bool, bool]:
        """Make a graph of counts, keep it if it is the best so far; return whether it fits, and whether others do."""
        hops = self.form.num_layers
        profiles = list(chain.from_iterable(map(repeat, candidates, counts.tolist())))
        found = realise(profiles, self.prior, hops, self.seed)
        if found is None:
            self.findings.note = "no simple graph was found with the counts of profiles"
            return False, False
        kinds = [node_type(profile, hops) for profile in profiles]
        graph = LabelledGraph(found.edges, np.eye(self.form.num_features)[kinds], self.label)
        residual = relative_distance(loss_gradient(self.form, self.weights, [graph]), self.gradient)
        matches = residual <= MATCHES * self.given_rounding + EXACT
        order = (0, cost + found.cost) if matches else (1, residual)
        if order < self.findings.order:
            self.findings.order, self.findings.graph, self.findings.residual = order, graph, residual
        if not matches:
            self.findings.note = "the nearest graph does not give the gradient"
        return matches, found.others > 0


def _verdict(fits: int, exhausted: bool, sized: bool, alone: bool, telling: bool) -> str:
    if not telling:
        return "gives the gradient, but the error of what is seen is so large that other graphs would too"
    if fits > 1:
        return "the likeliest of several counts of profiles that give the gradient"
    if not exhausted:
        return "gives the gradient; whether other counts of profiles do too was not settled"
    if not sized:
        return "the smallest that gives the gradient: a mean does not tell how many nodes there are"
    return "" if alone else "the likeliest of several graphs with the same profiles"
