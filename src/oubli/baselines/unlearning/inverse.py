"""Systems with a Hessian of which only products are known."""

from __future__ import annotations

import torch

from oubli.baselines.unlearning.objective import Product

TOLERANCE = 1e-6


def truncated_series(
    product: Product, vector: torch.Tensor, iterations: int, scale: float, damp: float
) -> torch.Tensor | None:
    """Return an approximation of ``H^-1 v`` by ``h <- v + (1 - damp) h - H h / scale``, over `scale` at the end.

    The recursion of Agarwal, Bullins and Hazan (2017), as used for influence functions by Koh and Liang (2017). None
    where it diverges: a term is longer than the first one.
    """
    total = vector
    longest = float(vector.norm())
    for _ in range(iterations):
        former, total = total, vector + (1 - damp) * total - product(total) / scale
        # The lengths of terms are log-convex: one that is above the first is no exception. Not turned round: a length
        # that is not a number is no shorter.
        if not float((total - former).norm()) <= longest:
            return None
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
