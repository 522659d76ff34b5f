"""L-BFGS for many independent problems side by side, each with its own history and its own step length."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

ARMIJO = 1e-4
SHORTEST = 1e-12  # of steps; a problem that needs a shorter one has converged, or starts again from steepest descent


class _History:
    """The last pairs of steps and gradient changes of each problem, in a ring of its own."""

    def __init__(self, length: int, like: Tensor) -> None:
        self.steps = like.new_zeros(length, *like.shape)
        self.changes = like.new_zeros(length, *like.shape)
        self.weights = like.new_zeros(length, len(like))
        self.scale = like.new_ones(len(like))
        self.turn = torch.zeros(len(like), dtype=torch.long, device=like.device)
        self.problems = torch.arange(len(like), device=like.device)

    def add(self, step: Tensor, change: Tensor, moved: Tensor) -> None:
        curvature = (step * change).sum(-1)
        kept = moved & (curvature > 1e-10 * step.norm(dim=-1) * change.norm(dim=-1))
        which = self.problems[kept]
        place = self.turn[which] % len(self.steps)
        self.steps[place, which], self.changes[place, which] = step[which], change[which]
        self.weights[place, which] = 1 / curvature[which]
        self.scale[which] = curvature[which] / change[which].square().sum(-1)
        self.turn[which] += 1

    def forget(self, which: Tensor) -> None:
        self.weights = torch.where(which, 0.0, self.weights)
        self.scale = torch.where(which, 1.0, self.scale)

    def direction(self, slope: Tensor) -> Tensor:
        """Return ``-H g`` by the two-loop recursion, newest pair first."""
        length = len(self.steps)
        reach = min(int(self.turn.max()), length)
        # Of a problem with fewer pairs, the others have no weight.
        order = [(self.turn - 1 - back) % length for back in range(reach)]
        out, kept = -slope, []
        for place in order:
            kept.append(self.weights[place, self.problems] * (self.steps[place, self.problems] * out).sum(-1))
            out = out - kept[-1][:, None] * self.changes[place, self.problems]
        out = out * self.scale[:, None]
        for place, along in zip(reversed(order), reversed(kept), strict=True):
            share = self.weights[place, self.problems] * (self.changes[place, self.problems] * out).sum(-1)
            out = out + (along - share)[:, None] * self.steps[place, self.problems]
        return out


def minimise(
    objective: Callable[[Tensor], tuple[Tensor, Tensor]],
    start: Tensor,
    evaluations: int,
    history: int = 20,
    enough: float = 0.0,
) -> tuple[Tensor, Tensor, int]:
    """Minimise independent functions by L-BFGS with backtracking (Nocedal and Wright 2006, algorithms 7.5 and 3.1).

    Parameters
    ----------
    objective : callable
        Takes points, shape (problems, free); returns values, shape (problems,), and gradients.
    start : Tensor, shape (problems, free)
    evaluations : int
        How often the objective is evaluated at most.
    history : int, default 20
        Pairs that are kept.
    enough : float, default 0
        Value at which a problem is solved.

    Returns
    -------
    points : Tensor, shape (problems, free)
        The best of each problem.
    values : Tensor, shape (problems,)
    used : int
        Evaluations.
    """
    point = start.clone()
    value, slope = objective(point)
    memory = _History(history, point)
    direction = -slope
    length = (1 / slope.abs().sum(-1).clamp(min=1e-300)).clamp(max=1.0)
    active, used = torch.isfinite(value) & (value > enough), 1
    fresh = torch.ones_like(active)  # going down the gradient itself
    while used < evaluations and bool(active.any()):
        trial = point + (active * length)[:, None] * direction
        found, found_slope = objective(trial)
        used += 1
        expected = (slope * direction).sum(-1)
        moved = active & torch.isfinite(found) & (found <= value + ARMIJO * length * expected)
        if bool(moved.any()):
            memory.add(trial - point, found_slope - slope, moved)
            point = torch.where(moved[:, None], trial, point)
            value = torch.where(moved, found, value)
            slope = torch.where(moved[:, None], found_slope, slope)
        length = torch.where(moved, 1.0, length / 2)
        stuck = active & ~moved & (length < SHORTEST)
        active = active & ~(stuck & fresh) & (value > enough) & (slope.abs().amax(-1) > 0)
        memory.forget(stuck)
        ahead = memory.direction(slope)
        uphill = (ahead * slope).sum(-1) >= 0
        memory.forget(uphill & moved)
        ahead = torch.where(uphill[:, None], -slope, ahead)
        renew = moved | stuck
        direction = torch.where(renew[:, None], ahead, direction)
        first = (1 / slope.abs().sum(-1).clamp(min=1e-300)).clamp(max=1.0)
        length = torch.where(stuck | (moved & uphill), first, length)
        fresh = torch.where(renew, stuck | uphill, fresh)
    return point, value, used
