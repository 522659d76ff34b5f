"""How often each candidate occurs: a linear system, solved in integers.

The rows are whitened by a singular value decomposition: along a direction of singular value ``s`` an error of the
gradient grows by ``1 / s``. Directions along which it can stay below half a node are kept, each with its own tolerance.
What they leave open is settled by integrality, by the slots (as many nodes of one profile list a neighbour of another
as the other way round) and by the number of nodes, in a mixed-integer program.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.linalg import qr, svd
from scipy.optimize import Bounds, LinearConstraint, milp
from torch import Tensor

from oubli.audit.gradients.lifting.profiles import Profile
from oubli.audit.gradients.lifting.states import Columns

SAFETY = 4.0  # How far beyond the rounding an error may go.
SOLVER = 1e-5  # What the solver takes for zero.
ACCURATE = 1e-4  # Tolerance a node below which a direction is all but exact.
MOST_NODES = 130
INFEASIBLE = 2  # As SciPy's `milp` says it.


class UnsettledError(Exception):
    """The time was over before the solver knew whether there are such counts."""


@dataclass(frozen=True, eq=False)
class CountSystem:
    """Whitened equations ``|directions c - n centres| <= n tolerances`` for the counts ``c`` of a mean-pooled graph.

    Parameters
    ----------
    directions : ndarray, shape (rank, candidates)
        Orthonormal rows.
    centres, tolerances : ndarray, shape (rank,)
        Per node with mean pooling; in all with sum pooling.
    slots : csr_array, shape (pairs, candidates + further unknowns)
        See `slot_balance`.
    active, numbers : ndarray, shape (units, candidates) and (units,)
        Zeros and ones, and what they have to give; see `Activity.equations`.
    unexplained : float
        Relative size of what no counts can give, integer or not.
    mean : bool
        Whether the pooling is the mean.
    """

    directions: NDArray[np.float64]
    centres: NDArray[np.float64]
    tolerances: NDArray[np.float64]
    slots: sp.csr_array
    active: NDArray[np.float64]
    numbers: NDArray[np.float64]
    unexplained: float
    mean: bool


def count_system(
    columns: Columns,
    seen: Mapping[str, Tensor],
    candidates: Sequence[Profile],
    equations: tuple[NDArray[np.float64], NDArray[np.float64]] | None,
    rounding: float,
    size: int,
    mean: bool,
) -> CountSystem:
    """Whiten the equations.

    Parameters
    ----------
    columns : Columns
        One a candidate.
    seen : mapping of str to Tensor
        The gradient, and ``h``, the pooled embedding.
    candidates : sequence of Profile
        Of as many hops as there are layers.
    equations : pair of ndarray, optional
        Rows and numbers of `Activity.equations`.
    rounding : float
        Relative error of what was seen.
    size : int
        Number of nodes, or a guess, by which errors of means grow.
    mean : bool
        Whether the pooling is the mean.
    """
    blocks, targets = [], []
    for name, matrix in columns.matrices.items():
        target = columns.target(name, seen[name])
        # All blocks have the same relative error.
        norm = float(np.linalg.norm(target)) or 1.0
        blocks.append(matrix / norm)
        targets.append(target / norm)
    matrix, target = np.concatenate(blocks), np.concatenate(targets)
    if len(matrix) > matrix.shape[1]:
        left, matrix = qr(matrix, mode="economic", check_finite=False)
        reduced = left.T @ target
        unexplained = float(np.linalg.norm(target - left @ reduced) / np.linalg.norm(target))
    else:
        reduced, unexplained = target, 0.0
    left, sizes, directions = svd(matrix, full_matrices=False, check_finite=False)
    centres = (left.T @ reduced) / np.maximum(sizes, 1e-300)
    tolerances = SAFETY * rounding * float(np.linalg.norm(target)) / np.maximum(sizes, 1e-300)
    scale = size if mean else 1
    kept = (tolerances * scale < 0.5) & (sizes > 1e-12 * sizes[0])
    return CountSystem(
        directions[kept],
        centres[kept],
        tolerances[kept],
        slot_balance(candidates),
        *(equations or (np.zeros((0, len(candidates))), np.zeros(0))),
        unexplained,
        mean,
    )


def slot_balance(candidates: Sequence[Profile]) -> sp.csr_array:
    """Return rows that have to give zero, shape (pairs, candidates + pairs of equal profiles).

    For each unordered pair of different profiles: slots of the one for the other, less the reverse. For pairs of equal
    ones: slots, less twice the number of edges, which is an unknown of its own.
    """
    rows: dict[tuple[Profile, Profile], int] = {}
    entries: list[tuple[int, int, int]] = []
    edges: dict[Profile, int] = {}
    for column, (own, near) in enumerate(candidates):
        slots: Counter[Profile] = Counter(near)
        for other, count in slots.items():
            pair, sign = ((own, other), 1) if own <= other else ((other, own), -1)
            row = rows.setdefault(pair, len(rows))
            entries.append((row, column, sign * count))
            if own == other and own not in edges:
                edges[own] = len(candidates) + len(edges)
                entries.append((row, edges[own], -2))
    if not entries:
        return sp.csr_array((0, len(candidates)))
    row_of, column_of, value = zip(*entries, strict=True)
    shape = (len(rows), len(candidates) + len(edges))
    return sp.csr_array((np.array(value, float), (row_of, column_of)), shape=shape)


def solve_counts(
    system: CountSystem,
    num_nodes: int | None,
    costs: NDArray[np.float64],
    seconds: float,
    excluded: Sequence[NDArray[np.int64]] = (),
) -> NDArray[np.int64] | None:
    """Return integer counts that satisfy the system at the least cost; None when there are none.

    Parameters
    ----------
    system : CountSystem
    num_nodes : int, optional
        How many nodes; by default as few as possible.
    costs : ndarray, shape (candidates,)
        Of each candidate's occurrence; used when the number of nodes is known.
    seconds : float
        Most time for the solver.
    excluded : sequence of ndarray of int, shape (candidates,)
        Counts that are not wanted, nor, where the number of nodes is not known, such with more of each.

    Raises
    ------
    UnsettledError
        When the time was over, or the solver failed, before it was known whether there are any.
    """
    count, further = len(costs), system.slots.shape[1] - len(costs)
    differences = sum(int((counts > 0).sum()) for counts in excluded)
    rows, centres, tolerances = _reduced(system)
    zeros = np.zeros(len(centres))
    # The last unknown is the number of nodes, which means are multiplied by.
    centre, slack = (centres, tolerances) if system.mean else (zeros, zeros)
    fixed, allowed = (zeros, zeros) if system.mean else (centres, tolerances)
    if num_nodes and system.mean:
        centre, slack, fixed, allowed = zeros, zeros, num_nodes * centres, num_nodes * tolerances
    allowed = np.maximum(allowed, SOLVER)

    def widen(matrix: NDArray[np.float64], last: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack([matrix, np.zeros((len(matrix), further + differences)), last])

    constraints = [LinearConstraint(widen(np.ones((1, count)), -np.ones(1)), 0, 0)]
    if slack.any():
        constraints.append(LinearConstraint(widen(rows, -centre - slack), -np.inf, fixed + allowed))
        constraints.append(LinearConstraint(widen(rows, -centre + slack), fixed - allowed, np.inf))
    else:
        constraints.append(LinearConstraint(widen(rows, -centre), fixed - allowed, fixed + allowed))
    if system.slots.shape[0]:
        balance = sp.hstack([system.slots, sp.csr_array((system.slots.shape[0], differences + 1))])
        constraints.append(LinearConstraint(balance, 0, 0))
    if len(system.active):
        active = widen(system.active, np.zeros(len(system.active)))
        constraints.append(LinearConstraint(active, system.numbers, system.numbers))
    low, high = (num_nodes, num_nodes) if num_nodes else (1, MOST_NODES)
    if excluded:
        constraints += _exclusions(excluded, count + further, differences, high)
    largest = np.concatenate([np.full(count, high), np.full(further, 4 * high), np.ones(differences), [high]])
    least = np.append(np.zeros(count + further + differences), low)
    scale = 1.0 if num_nodes else 1e-6
    objective = np.concatenate([scale * costs, np.zeros(further + differences), [0.0 if num_nodes else 1.0]])
    found = milp(
        objective,
        constraints=constraints,
        integrality=np.ones(len(objective)),
        bounds=Bounds(least, largest),
        options={"time_limit": seconds, "mip_rel_gap": 0.02},
    )
    if found.x is None and found.status != INFEASIBLE:
        raise UnsettledError
    return None if found.x is None else np.round(found.x[:count]).astype(np.int64)


def _exclusions(
    excluded: Sequence[NDArray[np.int64]], start: int, differences: int, largest: int
) -> list[LinearConstraint]:
    """Return constraints that of each unwanted solution some positive count is smaller: of equal totals, one is.

    A switch (0 or 1) for each says which; at least one has to be on.
    """
    entries: list[tuple[int, int, float]] = []
    limits: list[float] = []
    switch = start
    ones: list[tuple[int, int, float]] = []
    for solution, counts in enumerate(excluded):
        for candidate in np.nonzero(counts)[0].tolist():
            # c <= c* - 1 when the switch is on, and no constraint when it is off.
            slack = largest - int(counts[candidate]) + 1
            entries += [(len(limits), candidate, 1.0), (len(limits), switch, float(slack))]
            limits.append(float(largest))
            ones.append((solution, switch, 1.0))
            switch += 1
    width = start + differences + 1

    def matrix(cells: list[tuple[int, int, float]], height: int) -> sp.csr_array:
        rows, columns, values = zip(*cells, strict=True)
        return sp.csr_array((values, (rows, columns)), shape=(height, width))

    return [
        LinearConstraint(matrix(entries, len(limits)), -np.inf, limits),
        LinearConstraint(matrix(ones, len(excluded)), 1, np.inf),
    ]


def _reduced(system: CountSystem) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return equivalent rows that are sparser: those of accurate directions solved for as many of the counts."""
    accurate = system.tolerances < ACCURATE
    rows = system.directions[accurate]
    if not len(rows):
        return system.directions, system.centres, system.tolerances
    _, _, order = qr(rows, mode="economic", pivoting=True, check_finite=False)
    inverse = np.linalg.inv(rows[:, order[: len(rows)]])
    solved = inverse @ rows
    solved[np.abs(solved) < 1e-10] = 0
    centres, tolerances = inverse @ system.centres[accurate], np.abs(inverse) @ system.tolerances[accurate]
    return (
        np.concatenate([solved, system.directions[~accurate]]),
        np.append(centres, system.centres[~accurate]),
        np.append(tolerances, system.tolerances[~accurate]),
    )
