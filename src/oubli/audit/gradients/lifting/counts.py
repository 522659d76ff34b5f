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

from oubli.audit.gradients.lifting.profiles import Profile
from oubli.audit.gradients.lifting.states import Columns
from torch import Tensor

SAFETY = 4.0  # How far beyond the rounding an error may go.
SOLVER = 1e-5  # What the solver takes for zero.
ACCURATE = 1e-4  # Tolerance a node below which a direction is all but exact.
MOST_NODES = 130


@dataclass(frozen=True, eq=False)
class CountSystem:
    """Whitened equations ``|directions c - n centres| <= n tolerances`` for the counts ``c`` of a mean-pooled graph.

    Parameters
    ----------
    directions : ndarray, shape (rank, candidates)
        Orthonormal rows.
    centres, tolerances : ndarray, shape (rank,)
        Per node with mean pooling; in all with sum pooling.
    slots : csr_array, shape (pairs, candidates)
        Times the counts they have to give zero.
    unexplained : float
        Relative size of what no counts can give, integer or not.
    mean : bool
        Whether the pooling is the mean.
    """

    directions: NDArray[np.float64]
    centres: NDArray[np.float64]
    tolerances: NDArray[np.float64]
    slots: sp.csr_array
    unexplained: float
    mean: bool


def count_system(
    columns: Columns, seen: Mapping[str, Tensor], candidates: Sequence[Profile], rounding: float, size: int, mean: bool
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
        unexplained,
        mean,
    )


def slot_balance(candidates: Sequence[Profile]) -> sp.csr_array:
    """Return a row for each unordered pair of different profiles: slots of the one for the other, less the reverse."""
    rows: dict[tuple[Profile, Profile], int] = {}
    entries: list[tuple[int, int, int]] = []
    for column, (own, near) in enumerate(candidates):
        mine = own
        for other, count in Counter(near).items():
            if other == mine:
                continue
            pair, sign = ((mine, other), 1) if mine < other else ((other, mine), -1)
            entries.append((rows.setdefault(pair, len(rows)), column, sign * count))
    if not entries:
        return sp.csr_array((0, len(candidates)))
    row, column, value = zip(*entries, strict=True)
    return sp.csr_array((np.array(value, float), (row, column)), shape=(len(rows), len(candidates)))


def solve_counts(
    system: CountSystem, num_nodes: int | None, costs: NDArray[np.float64], seconds: float
) -> NDArray[np.int64] | None:
    """Return integer counts that satisfy the system at the least cost, or None.

    Parameters
    ----------
    system : CountSystem
    num_nodes : int, optional
        How many nodes; by default as few as possible.
    costs : ndarray, shape (candidates,)
        Of each candidate's occurrence; used when the number of nodes is known.
    seconds : float
        Most time for the solver.
    """
    count, rank = len(costs), len(system.centres)
    rows, centres, tolerances = _reduced(system)
    zeros = np.zeros(rank)
    # The last unknown is the number of nodes, which means are multiplied by.
    centre, slack = (centres, tolerances) if system.mean else (zeros, zeros)
    fixed, allowed = (zeros, zeros) if system.mean else (centres, tolerances)
    if num_nodes and system.mean:
        centre, slack, fixed, allowed = zeros, zeros, num_nodes * centres, num_nodes * tolerances
    allowed = np.maximum(allowed, SOLVER)
    above = np.column_stack([rows, -centre - slack])
    below = np.column_stack([rows, -centre + slack])
    constraints = [LinearConstraint(np.append(np.ones(count), -1.0)[None], 0, 0)]
    if slack.any():
        constraints.append(LinearConstraint(above, -np.inf, fixed + allowed))
        constraints.append(LinearConstraint(below, fixed - allowed, np.inf))
    else:
        constraints.append(LinearConstraint(above, fixed - allowed, fixed + allowed))
    if system.slots.shape[0]:
        constraints.append(LinearConstraint(sp.hstack([system.slots, sp.csr_array((system.slots.shape[0], 1))]), 0, 0))
    low, high = (num_nodes, num_nodes) if num_nodes else (1, MOST_NODES)
    bounds = Bounds(np.append(np.zeros(count), low), np.full(count + 1, high))
    objective = np.append(costs, 0.0) if num_nodes else np.append(np.zeros(count), 1.0)
    found = milp(
        objective,
        constraints=constraints,
        integrality=np.ones(count + 1),
        bounds=bounds,
        options={"time_limit": seconds},
    )
    return None if found.x is None else np.round(found.x[:-1]).astype(np.int64)


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
