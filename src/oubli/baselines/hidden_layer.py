"""A deep variant of certified removal: a hidden layer on the embeddings, which keeps what it learnt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oubli.graph import Graph
from oubli.graph.removal import RemovalPlan
from oubli.guarantees import Heuristic
from oubli.models import CertifiedClassifier
from oubli.models.parameters import check_integer
from oubli.propagation import Embedding, EmbeddingChange

RATE, DECAY = 0.01, 5e-4
SMALL = 1e-9
"""Of the head's account, which nobody is promised."""

Layer = tuple[NDArray[np.float64], NDArray[np.float64]]


class HiddenEmbedding:
    """Rows ``relu(Z U + c)`` of an embedding `Z`: `U` and `c` are trained at the fit, and stay.

    Parameters
    ----------
    inner : Embedding
    width, epochs, seed : int
        Of the layer, and of its training.
    """

    def __init__(self, inner: Embedding, width: int, epochs: int, seed: int) -> None:
        self._inner, self.width, self.epochs, self.seed = inner, width, epochs, seed
        self._matrix, self._offsets = np.empty((0, 0)), np.empty(0)

    @property
    def rmax(self) -> float:
        """Threshold of the embedding within."""
        return self._inner.rmax

    def fit(self, graph: Graph) -> HiddenEmbedding:
        """Compute the embedding, and train the layer on the training nodes' labels."""
        self._inner.fit(graph)
        slots = graph.split_slots("train")
        _, targets = np.unique(graph.label_codes[slots], return_inverse=True)
        self._matrix, self._offsets = _train(self._inner.rows(graph, slots), targets, self)
        return self

    def rows(self, graph: Graph, slots: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the rows of `slots`, shape (slots, width)."""
        return self._lift(self._inner.rows(graph, slots))

    def remove(self, graph: Graph, plan: RemovalPlan, wanted: NDArray[np.bool_]) -> EmbeddingChange:
        """Apply `plan` to the graph and bring the embedding up to date."""
        change = self._inner.remove(graph, plan, wanted)
        return EmbeddingChange(change.rows, self._lift(change.former), change.reached, change.whole)

    def error_bounds(self, graph: Graph | None = None) -> NDArray[np.float64]:
        """Return zeros: nothing is certified of these rows."""
        return np.zeros(self.width)

    def tighten(self, graph: Graph, rmax: float) -> None:
        """Push the residues of the embedding within."""
        self._inner.tighten(graph, rmax)

    def arrays(self, slots: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """Return the state of `slots` by name, to be saved."""
        return self._inner.arrays(slots) | {"hidden_matrix": self._matrix, "hidden_offsets": self._offsets}

    def restore(self, arrays: Mapping[str, NDArray[Any]]) -> HiddenEmbedding:
        """Take over a state that was saved."""
        kept = dict(arrays)
        self._matrix, self._offsets = kept.pop("hidden_matrix"), kept.pop("hidden_offsets")
        self._inner.restore(kept)
        return self

    def _lift(self, rows: NDArray[np.float64]) -> NDArray[np.float64]:
        # Of unit length, as the head's noise and penalty expect.
        lifted = np.maximum(rows @ self._matrix + self._offsets, 0.0)
        lengths = np.linalg.norm(lifted, axis=1, keepdims=True)
        scaled: NDArray[np.float64] = lifted / np.where(lengths > 0, lengths, 1.0)
        return scaled


class HiddenLayerClassifier(CertifiedClassifier):
    """`CertifiedClassifier` on a hidden layer that is trained by gradient descent; its guarantee is heuristic.

    A removal brings embeddings and the head up to date as there. The hidden layer stays, and what it learnt from the
    removed data stays with it, so the receipt says `Heuristic`. Needs ``pip install 'oubli[attacks]'``.

    Parameters
    ----------
    hidden : int, default 64
    epochs : int, default 200
        Full-batch steps of Adam.
    seed : int, default 0
    weights, hops, operator, projection, noise_std, alpha
        As for `CertifiedClassifier`.

    Notes
    -----
    The deep variants of arXiv 2408.09212 are heuristic in the same sense.

    Examples
    --------
    >>> from oubli import Removal
    >>> from oubli.baselines import HiddenLayerClassifier
    >>> from oubli.graph import generate_graph
    >>> graph = generate_graph(num_nodes=300, seed=1)
    >>> model = HiddenLayerClassifier(hidden=16, epochs=50).fit(graph)
    >>> model.unlearn(Removal(nodes=[5, 8])).guarantee
    Heuristic(reason='the hidden layer keeps what it learnt from the removed data')
    """

    def __init__(
        self,
        *,
        hidden: int = 64,
        epochs: int = 200,
        seed: int = 0,
        weights: str | Sequence[float] = "sgc",
        hops: int = 2,
        operator: str | float = "symmetric",
        projection: int | None = 512,
        noise_std: float = 0.1,
        alpha: float = 1e-2,
    ) -> None:
        super().__init__(
            delta=SMALL,
            weights=weights,
            hops=hops,
            operator=operator,
            projection=projection,
            noise_std=noise_std,
            alpha=alpha,
        )
        self.hidden = hidden
        self.epochs = epochs
        self.seed = seed

    def _check_parameters(self) -> None:
        super()._check_parameters()
        check_integer(self.hidden, "hidden", 1, 4096)
        check_integer(self.epochs, "epochs", 0, 10**6)
        check_integer(self.seed, "seed", 0, 2**31)

    def _make_embedding(self) -> Embedding:
        return HiddenEmbedding(super()._make_embedding(), int(self.hidden), int(self.epochs), int(self.seed))

    def guarantee(self) -> Heuristic:
        """Return that nothing is guaranteed, and why."""
        return Heuristic("the hidden layer keeps what it learnt from the removed data")


def _train(rows: NDArray[np.float64], targets: NDArray[np.int64], layer: HiddenEmbedding) -> Layer:
    """Return matrix and offsets of a hidden layer below a linear one, trained on cross entropy."""
    import torch
    from torch.nn import functional

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(layer.seed)
        hidden = torch.nn.Linear(rows.shape[1], layer.width, dtype=torch.float64)
        head = torch.nn.Linear(layer.width, int(targets.max()) + 1, dtype=torch.float64)
    parameters = [*hidden.parameters(), *head.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=RATE, weight_decay=DECAY)
    inputs, wanted = torch.from_numpy(rows), torch.from_numpy(targets)
    for _ in range(layer.epochs):
        optimizer.zero_grad()
        functional.cross_entropy(head(functional.relu(hidden(inputs))), wanted).backward()
        optimizer.step()
    weight, bias = (parameter.detach().numpy().copy() for parameter in hidden.parameters())
    return weight.T.copy(), bias
