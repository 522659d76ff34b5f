"""The span test: which profiles of a level are in the graph, by the column space of the next layer's gradient.

``dL/dW_(l+1) = H_l^T (A G_(l+1))``: its columns are combinations of the states ``H_l`` of the nodes that are there. A
candidate whose state is not in their span is not in the graph. GRAIN (Drencheva et al., ICLR 2025) tests so too.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def column_space(matrix: Tensor, cutoff: float) -> Tensor:
    """Return an orthonormal basis of the columns, by singular values above `cutoff` times the largest."""
    left, sizes, _ = torch.linalg.svd(matrix, full_matrices=False)
    return left[:, sizes > cutoff * sizes[0]]


def distances_from(basis: Tensor, states: Tensor) -> NDArray[np.float64]:
    """Return the relative distance of each row from the span of an orthonormal basis, shape (rows,)."""
    apart = states - (states @ basis) @ basis.T
    sizes = states.norm(dim=1).clamp(min=1e-300)
    return np.asarray((apart.norm(dim=1) / sizes).numpy())


def unexplained_share(matrix: Tensor, states: Tensor) -> float:
    """Return the relative size of what of the columns is not in the span of the rows of states."""
    left, sizes, _ = torch.linalg.svd(states.T, full_matrices=False)
    basis = left[:, sizes > 1e-12 * sizes[0]]
    return float((matrix - basis @ (basis.T @ matrix)).norm() / matrix.norm())
