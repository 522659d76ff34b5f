"""One step along an influence function: what one Newton step would do, from products with the Hessian."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from oubli.baselines.unlearning.classifier import check_number
from oubli.baselines.unlearning.step import Change, Step, SteppingGCN
from oubli.models.parameters import check_integer

if TYPE_CHECKING:
    import torch

    from oubli.baselines.unlearning.objective import Product

LEAST_SCALE = 500.0
"""Of the public code of GIF, for edges."""
NOISE_STREAM = 0x5EED << 32
"""Added to the seed for the noise, whose generator must not be that of the initial weights."""


class GIFClassifier(SteppingGCN):
    """Two-layer graph convolutional network that unlearns by the graph influence function; nothing is guaranteed.

    The terms of all training nodes that a removal reaches count: those of nodes and labels that go, and those within
    two hops whose scores change. With ``v = grad(their loss before) - grad(their loss now)`` at the weights `w`, the
    step is to ``w + H^-1 v``, `H` being the Hessian of the loss before, sums over training nodes throughout.
    Needs ``pip install 'oubli[attacks]'``.

    Parameters
    ----------
    iterations : int, default 50
        Terms of the series for the inverse Hessian, besides the first; with the default of `damp`, the 50th is a 200th
        of the first or less. The public code has 100.
    scale : float, optional
        What the Hessian is divided by, so that the series converges. Without it: 500, as in the public code for edges,
        or the Hessian's largest eigenvalue, measured at each removal, where that is more.
    damp : float, default 0.1
        What each term shrinks by, in [0, 1): `damp` times `scale` is added to the Hessian's diagonal. The public code
        has 0; a network that fits its training nodes well has a Hessian near zero, and the step would be too long.
    hidden : int, default 64
    epochs : int, default 100
        Full-batch steps of Adam; there is no early stopping.
    learning_rate, weight_decay : float
        Of Adam; the decay is part of the loss.
    dropout : float, default 0.5
        Share of the hidden layer's entries while training; influence functions are of the loss without it.
    seed : int, default 0
        On one thread, same seed, same network.

    Notes
    -----
    Wu, Yang, Qian, Sui, Wang and He, "GIF: a general graph unlearning strategy via influence function" (2023), section
    4; the series is that of Agarwal, Bullins and Hazan (2017).

    Examples
    --------
    >>> from oubli import Removal
    >>> from oubli.baselines import GIFClassifier
    >>> from oubli.graph import generate_graph
    >>> graph = generate_graph(num_nodes=200, seed=1)
    >>> model = GIFClassifier(hidden=16).fit(graph)
    >>> model.unlearn(Removal(edges=graph.edges[:5])).guarantee.to_dict()["kind"]
    'heuristic'
    """

    reason = "a first-order step, of a loss that is not convex: how far it ends from retraining is not known"

    def __init__(
        self,
        *,
        iterations: int = 50,
        scale: float | None = None,
        damp: float = 0.1,
        hidden: int = 64,
        epochs: int = 100,
        learning_rate: float = 0.05,
        weight_decay: float = 1e-4,
        dropout: float = 0.5,
        seed: int = 0,
    ) -> None:
        super().__init__(
            hidden=hidden,
            epochs=epochs,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            dropout=dropout,
            seed=seed,
        )
        self.iterations, self.scale, self.damp = iterations, scale, damp

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_integer(self.iterations, "iterations", 0, 1_000_000)
        check_number(self.damp, "damp", 0.0, 0.999)
        if self.scale is not None:
            check_number(self.scale, "scale", 1e-12, math.inf)

    def _step(self, change: Change) -> Step:
        from oubli.baselines.unlearning.inverse import truncated_series

        product = change.before.curvature(change.weights)
        scale = _scale(self.scale, product, change.weights.numel(), self.seed)
        moved = truncated_series(product, change.gradient_difference(), self.iterations, scale, self.damp)
        path = f"influence step, series of {self.iterations} terms"
        return Step(change.weights + moved, path, {"scale": scale})


class CEUClassifier(SteppingGCN):
    """Two-layer graph convolutional network that unlearns edges by one step, with noise in what it minimises.

    The objective has a linear term `b . w` with `b` drawn from a normal distribution, so that weights say less about
    single edges; the step is to ``w + H^-1 v`` as for `GIFClassifier`, by conjugate gradients. The published
    certificate is for convex losses, which that of a network with a hidden layer is not: nothing is guaranteed here.
    Needs ``pip install 'oubli[attacks]'``.

    Parameters
    ----------
    noise_std : float, default 0.1
        Standard deviation of the noise's entries, beside a loss that is summed over training nodes.
    iterations : int, default 100
        Conjugate gradient steps, at most.
    damping : float, default 0.1
        Share of `scale` that is added to the Hessian's diagonal.
    scale : float, optional
        As for `GIFClassifier`.
    hidden, epochs, learning_rate, weight_decay, dropout
        As for `GIFClassifier`.
    seed : int, default 0
        Of initial weights, and of the noise.

    Notes
    -----
    Wu, Shen, Ning, Wang and Wang, "Certified edge unlearning for graph neural networks" (2023), section 4.
    """

    kinds = ("edges",)
    reason = "the certificate of this step assumes a convex loss, and that of a hidden layer is not"

    def __init__(
        self,
        *,
        noise_std: float = 0.1,
        iterations: int = 100,
        damping: float = 0.1,
        scale: float | None = None,
        hidden: int = 64,
        epochs: int = 100,
        learning_rate: float = 0.05,
        weight_decay: float = 1e-4,
        dropout: float = 0.5,
        seed: int = 0,
    ) -> None:
        super().__init__(
            hidden=hidden,
            epochs=epochs,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            dropout=dropout,
            seed=seed,
        )
        self.noise_std, self.iterations, self.damping, self.scale = noise_std, iterations, damping, scale

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_integer(self.iterations, "iterations", 1, 1_000_000)
        check_number(self.noise_std, "noise_std", 0.0, math.inf)
        check_number(self.damping, "damping", 0.0, math.inf)
        if self.scale is not None:
            check_number(self.scale, "scale", 1e-12, math.inf)

    def _training(self) -> dict[str, Any]:
        return super()._training() | {"noise_std": self.noise_std}

    def _noise(self, size: int) -> torch.Tensor:
        import torch

        generator = torch.Generator().manual_seed((int(self.seed) + NOISE_STREAM) % 2**63)
        return torch.randn(size, generator=generator) * self.noise_std

    def _step(self, change: Change) -> Step:
        from oubli.baselines.unlearning.inverse import conjugate_gradient

        product = change.before.curvature(change.weights)
        scale = _scale(self.scale, product, change.weights.numel(), self.seed)
        moved = conjugate_gradient(product, change.gradient_difference(), self.iterations, self.damping * scale)
        path = f"influence step, at most {self.iterations} conjugate gradients"
        return Step(change.weights + moved, path, {"scale": scale})


def _scale(given: float | None, product: Product, size: int, seed: int) -> float:
    from oubli.baselines.unlearning.inverse import largest_eigenvalue

    return max(LEAST_SCALE, largest_eigenvalue(product, size, seed)) if given is None else float(given)
