"""Systems with a Hessian of which only products are known."""

from __future__ import annotations

import torch

from oubli.baselines.unlearning.objective import Product
from oubli.errors import InputError

POWER_STEPS = 20
"""Power iterations: on citation graphs the estimate has settled to within a few per cent by then."""
TOLERANCE = 1e-6


def largest_eigenvalue(product: Product, size: int, seed: int) -> float:
    """Return an estimate of the largest absolute eigenvalue, by power iteration from a random vector."""
    vector = torch.randn(size, generator=torch.Generator().manual_seed(seed))
    value = 0.0
    for _ in range(POWER_STEPS):
        vector /= vector.norm()
        vector = product(vector)
        value = float(vector.norm())
        if not value:
            break
    return value


def truncated_series(
    product: Product, vector: torch.Tensor, iterations: int, scale: float, damp: float
) -> torch.Tensor:
    """Return an approximation of ``H^-1 v`` by ``h <- v + (1 - damp) h - H h / scale``, over `scale` at the end.

    The recursion of Agarwal, Bullins and Hazan (2017), as used for influence functions by Koh and Liang (2017).

    Raises
    ------
    InputError
        When the recursion diverges: its last term is longer than the first one.
    """
    total = vector
    for _ in range(iterations):
        former, total = total, vector + (1 - damp) * total - product(total) / scale
    last = float((total - former).norm()) if iterations else 0.0
    if not last <= float(vector.norm()):
        raise InputError(
            f"scale: the series diverges with {scale:g}, its last term being longer than its first; it must be above "
            "half of the Hessian's largest eigenvalue: give more, or None to have it measured; or give damp above 0, "
            "or fewer iterations"
        )
    return total / scale


def conjugate_gradient(product: Product, vector: torch.Tensor, iterations: int, damping: float) -> torch.Tensor:
    """Return an approximation of ``(H + damping I)^-1 v`` by conjugate gradients.

    Where the Hessian turns out not to be positive along a direction, what was found before is the answer (Steihaug
    1983); it is the vector itself if that is the first direction.

    Parameters
    ----------
    product : callable
    vector : torch.Tensor
    iterations : int
        At most.
    damping : float
    """
    answer, residual = torch.zeros_like(vector), vector.clone()
    direction, squared = residual.clone(), float(residual @ residual)
    enough = TOLERANCE**2 * squared
    for number in range(iterations):
        if squared <= enough:
            break
        along = product(direction) + damping * direction
        bend = float(direction @ along)
        if bend <= 0:
            return vector.clone() if number == 0 else answer
        step = squared / bend
        answer += step * direction
        residual -= step * along
        former, squared = squared, float(residual @ residual)
        direction = residual + (squared / former) * direction
    return answer
