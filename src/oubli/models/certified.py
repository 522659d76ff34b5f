"""A graph classifier whose deletions are certified: noise hides what they leave behind, and the rest is evaluated."""

from __future__ import annotations

import json
import warnings
from collections.abc import Sequence
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from oubli.errors import InputError
from oubli.graph.distinct import distinct
from oubli.graph.graph import Graph
from oubli.graph.removal import RemovalPlan
from oubli.guarantees.digest import canonical_digest
from oubli.guarantees.gaussian import hidden_shift
from oubli.guarantees.levels import Certified, Heuristic, Level
from oubli.guarantees.noise import system_normal
from oubli.guarantees.odometer import Odometer
from oubli.models.base import NodeClassifier
from oubli.models.certificate import Certificate
from oubli.models.certified_parameters import check_certified
from oubli.models.given_out import chance, noise_deviation
from oubli.models.logistic_head import LogisticHead
from oubli.models.remaining_rows import RemainingRows
from oubli.propagation import Embedding, Operator, Quantiser, hop_weights, make_embedding


class CertifiedClassifier(NodeClassifier):
    """Logistic regression on propagated features, which forgets at the cost of the change, certified.

    After a removal the gradient that the weights leave on the remaining data is evaluated, at the cost of the rows that
    changed. While noise hides it, nothing else need be done; when it passes a share of the budget, the weights move by
    Newton steps. A model that was given out cannot be told from one trained without the data, but for (epsilon, delta).

    Parameters
    ----------
    epsilon, delta : float, default 1.0 and 1e-4
        Of each model given out, the fit and every removal: at most ``exp(epsilon)`` times as likely as without the
        data, but for a probability of `delta`, which should be below one over the number of training nodes. Epsilon is
        at most 32: more hides nothing.
    weights : str or sequence of float, default "sgc"
        Of the hops: "sgc" (the last alone), "average", "ppr", "alternating", or one number a hop from 0 on.
    hops : int, default 2
    rmax : float, default 0.0
        Residues up to this stay where they are, and the error that they leave is charged; 0 propagates exactly. The
        first prediction after a removal propagates what remains whole, since a residue would tell of what went.
    noise_std : float, default 0.1
        Standard deviation of the noise, in units of the loss's gradient.
    alpha : float, default 1e-2
        Ridge strength of each training row.
    mechanism : {"output", "objective"}, default "output"
        "output": fresh noise on the weights of every model given out. "objective": one random linear term in the loss,
        as in the literature, drawn at the fit; its theorem assumes more (see Notes).
    operator : {"symmetric", "random_walk"} or float, default "symmetric"
        Normalisation of the propagation, or the convolution coefficient in [0, 1].
    teleport : float, default 0.1
        Of "ppr".
    normalize : {"l2", None}, default "l2"
        Scaling of each feature row.
    projection : int or None, default 512
        Width of a random sign projection that wider features are reduced to; None keeps all.
    fraction_bits : int, default 12
        Fractional bits of the integers that features become, with ``rmax=0``.
    step_share : float, default 0.5
        Share of the budget from which the weights are moved; 0 moves them at every request.

    Attributes
    ----------
    coef_ : ndarray of float64, shape (columns, classes)
        The weights that were given out; one column where there are two classes.
    odometer_ : Odometer
        Budget, residual, requests and releases.
    classes_, graph_, choices_
        As for every classifier; there are no choices.

    Notes
    -----
    arXiv 2408.09212 (propagation), Guo et al., "Certified data removal from machine learning models" (ICML 2020), Balle
    and Wang (ICML 2018). The residual is evaluated at the weights in force, in all classes together, with the
    optimiser's rest and rounding counted, so that nothing accumulates.

    Guo's theorem treats the residual as if it did not depend on the noise, which it does. "output" needs no such
    assumption: its noise is fresh, so it also covers requests that depend on models given out before
    (docs/proofs/certified-removal). Either covers what is given out: ``coef_`` and predictions, not the state on disk.

    Examples
    --------
    >>> from oubli import Removal
    >>> from oubli.graph import generate_graph
    >>> from oubli.models import CertifiedClassifier
    >>> graph = generate_graph(num_nodes=300, seed=1)
    >>> model = CertifiedClassifier(delta=1e-3).fit(graph)
    >>> receipt = model.unlearn(Removal(nodes=[5, 8]))
    >>> receipt.guarantee.residual < model.odometer_.budget
    True
    """

    fewest_classes = 2
    exact = False

    def __init__(
        self,
        *,
        epsilon: float = 1.0,
        delta: float = 1e-4,
        weights: str | Sequence[float] = "sgc",
        hops: int = 2,
        rmax: float = 0.0,
        noise_std: float = 0.1,
        alpha: float = 1e-2,
        mechanism: Literal["output", "objective"] = "output",
        operator: str | float = "symmetric",
        teleport: float = 0.1,
        normalize: Literal["l2"] | None = "l2",
        projection: int | None = 512,
        fraction_bits: int = 12,
        step_share: float = 0.5,
    ) -> None:
        self.epsilon = epsilon
        self.delta = delta
        self.weights = weights
        self.hops = hops
        self.rmax = rmax
        self.noise_std = noise_std
        self.alpha = alpha
        self.mechanism = mechanism
        self.operator = operator
        self.teleport = teleport
        self.normalize = normalize
        self.projection = projection
        self.fraction_bits = fraction_bits
        self.step_share = step_share

    @property
    def odometer_(self) -> Odometer:
        """Budget, residual, requests and releases."""
        self._check_fitted()
        return self._certificate.odometer

    @property
    def hidden_coef_(self) -> NDArray[np.float64]:
        """Weights before the noise, for auditors: whoever else sees them is promised nothing."""
        self._check_fitted()
        return self._head.weights.copy()

    def _check_parameters(self) -> None:
        check_certified(self)

    def _has_choices(self) -> bool:
        return False

    def _selection_metrics(self) -> set[str]:
        return set()

    def _check_remainder(self, plan: RemovalPlan) -> None:
        super()._check_remainder(plan)
        codes, gone = self.graph_.label_codes, distinct(plan.nodes, plan.labels)
        going = np.bincount(codes[gone[self.graph_.split_codes[gone] == 1]], minlength=self.graph_.label_values.size)
        if not going.any():
            return
        trained = np.bincount(codes[self.graph_.split_codes == 1], minlength=going.size)
        emptied = self.graph_.label_values[(going > 0) & (going == trained)]
        if emptied.size:
            raise InputError(
                f"unlearn: class {emptied[0].item()!r} would have no training node left, and the certificate compares "
                "models of the same classes; nothing was changed. Leave one, or fit again without the class"
            )

    def _fit(self, choices: dict[str, Any] | None) -> None:
        graph = self.graph_
        self.choices_ = {}
        slots = graph.split_slots("train")
        if self.delta > 1 / slots.size:
            warnings.warn(
                f"delta: {self.delta} is more than one over the {slots.size:,} training nodes, so it would allow to "
                "give one of them away; choose it smaller",
                UserWarning,
                stacklevel=2,
            )
        self._set_head(self._make_embedding().fit(graph))
        self._deviation()
        self._head.noise = self._fresh_term()
        self._certificate.fit(graph)
        self._release()

    def _make_embedding(self) -> Embedding:
        return make_embedding(*self._embedded_as(), float(self.rmax))

    def _embedded_as(self) -> tuple[Operator, NDArray[np.float64], Quantiser]:
        """Return what makes an embedding, but for how it is kept up to date."""
        wide = self.projection is not None and self.graph_.num_features > self.projection
        quantiser = Quantiser(int(self.fraction_bits), self.normalize, self.projection if wide else None)
        return Operator.parse(self.operator), hop_weights(self.weights, self.hops, self.teleport), quantiser

    def _set_head(self, embedding: Embedding) -> None:
        """Begin with weights of zero on the rows of an embedding."""
        graph = self.graph_
        slots = graph.split_slots("train")
        present = np.unique(graph.label_codes[slots])
        self.classes_ = graph.label_values[present]
        targets = np.searchsorted(present, graph.label_codes[slots]).astype(np.int64)
        columns = self.classes_.size
        if columns == 2:
            # One column tells two classes apart: the second is what it stands for.
            targets, columns = targets - 1, 1
        self._embedding = embedding
        self._head = LogisticHead(slots, embedding.rows(graph, slots), targets, columns, float(self.alpha))
        epsilon, delta = float(self.epsilon), float(self.delta)
        room = float(self.noise_std) * hidden_shift(epsilon, delta)
        self._certificate = Certificate(self._head, embedding, epsilon, delta, room)
        self._remaining = RemainingRows()

    def _fresh_term(self) -> NDArray[np.float64]:
        shape = self._head.weights.shape
        return self.noise_std * self._draw(shape) if self.mechanism == "objective" else np.zeros(shape)

    def _draw(self, shape: tuple[int, ...]) -> NDArray[np.float64]:
        return system_normal(shape)

    def _deviation(self) -> float:
        return noise_deviation(self.noise_std, self._head.strength)

    def _release(self) -> None:
        self.coef_ = self._head.weights.copy()
        if self.mechanism == "output":
            self.coef_ += self._deviation() * self._draw(self.coef_.shape)

    def _forget(self, plan: RemovalPlan, level: Level) -> dict[str, Any]:
        if not (plan.wiped.size or plan.labels.size or len(plan.edges)):
            # Another draw of noise on the same weights would only help to average it away.
            return {"rows_changed": 0, "reached": [], "path": "nothing to forget, so no other model is given out"}
        self._remaining.forget()
        trains = self.graph_.split_codes == 1
        gone = distinct(plan.nodes, plan.labels)
        gone = gone[trains[gone]]
        trains[gone] = False
        change = self._embedding.remove(self.graph_, plan, trains)
        rows = np.flatnonzero(trains) if change.whole else change.rows
        self._head.drop(gone)
        self._head.replace(rows, self._embedding.rows(self.graph_, rows))
        fresh_term = self._fresh_term if self.mechanism == "objective" else None
        done = self._certificate.honour(self.graph_, float(self.step_share), fresh_term)
        self._release()
        return {
            "rows_changed": int(rows.size + gone.size),
            "reached": change.reached,
            "path": f"{'propagated whole' if change.whole else 'local'}; {done}",
        }

    def guarantee(self) -> Certified | Heuristic:
        """Return what the weights given out last promise of the removals so far."""
        account = self.odometer_
        return Certified(account.epsilon, account.delta, account.residual, max(0.0, 1.0 - account.spent))

    def certified_arrays(self) -> tuple[str, ...]:
        """Return the names of the state's arrays that the certificate is about."""
        return ("weights", "noise", "coef")

    def evaluated(self, graph: Graph, arrays: dict[str, NDArray[Any]]) -> Self:
        """Take over weights, propagate a graph exactly, and open an account with the residual that they leave there."""
        self._check_parameters()
        self.graph_, self.choices_, self.level_ = graph.compacted(), {}, "reselected"
        embedding = self._make_embedding().fit(self.graph_)
        embedding.tighten(self.graph_, 0.0)
        self._resume(embedding, arrays)
        self._certificate.evaluate(self.graph_)
        self._start_life()
        return self

    def evaluation(self) -> dict[str, float]:
        """Return residual and budget, and the chance of noise as short or as long as it is on the weights given out.

        Next to no chance says that weights or noise are not those that were drawn.
        """
        draws = self._head.noise / self.noise_std
        if self.mechanism == "output":
            draws = (self.coef_ - self._head.weights) / self._deviation()
        elif not np.array_equal(self.coef_, self._head.weights):
            draws = np.full_like(draws, np.inf)
        return {"residual": self.odometer_.residual, "budget": self.odometer_.budget, "chance": chance(draws)}

    def _scores(self, slots: NDArray[np.int64]) -> NDArray[np.float64]:
        # The integer embedding has the bytes of a fresh one after every removal.
        if self.rmax:
            rows = self._remaining.rows(self.graph_, slots, self._make_embedding)
        else:
            rows = self._embedding.rows(self.graph_, slots)
        scores: NDArray[np.float64] = rows @ self.coef_
        return np.hstack([-scores, scores]) if scores.shape[1] == 1 else scores

    def weights_digest(self) -> str:
        """Return the SHA-256 of classes and the weights that were given out."""
        return canonical_digest([("classes", self.classes_), ("weights", self.coef_)])

    def _digest_parts(self) -> list[tuple[str, Any]]:
        alive = np.flatnonzero(self.graph_.index.alive)
        return [
            ("configuration", self.describe()["params"]),
            ("ids", self.graph_.index.ids[alive]),
            ("classes", self.classes_),
            *sorted(self._embedding.arrays(alive).items()),
            ("weights", self._head.weights),
            ("noise", self._head.noise),
            ("given out", self.coef_),
        ]

    def _state_arrays(self) -> dict[str, NDArray[Any]]:
        alive = np.flatnonzero(self.graph_.index.alive)
        account = json.dumps(self._certificate.odometer.counts()).encode()
        arrays = {f"embedding_{name}": array for name, array in self._embedding.arrays(alive).items()}
        arrays |= {"weights": self._head.weights, "noise": self._head.noise, "coef": self.coef_}
        return arrays | {"account": np.frombuffer(account, np.uint8)}

    def _restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        prefix = "embedding_"
        kept = {name.removeprefix(prefix): a for name, a in arrays.items() if name.startswith(prefix)}
        self._resume(self._make_embedding().restore(kept), arrays)
        self._certificate.odometer = Odometer(**json.loads(arrays["account"].tobytes()))

    def _resume(self, embedding: Embedding, arrays: dict[str, NDArray[Any]]) -> None:
        """Take over weights beside an embedding that is there."""
        self._set_head(embedding)
        noise = arrays["noise"] if self.mechanism == "objective" else np.zeros_like(self._head.noise)
        self._head.resume(arrays["weights"], noise)
        self.coef_ = arrays["coef"]
