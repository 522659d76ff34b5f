"""The residual of a certified model, and what is done while it grows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from oubli.errors import CertificateError
from oubli.graph.graph import Graph
from oubli.guarantees.odometer import Odometer
from oubli.models.logistic_head import LogisticHead
from oubli.propagation import Embedding

FIT_SHARE = 0.25
"""Of what the noise hides, what a fit may leave: what a removal is compared with is no exact optimum either."""

ENOUGH = 0.05
"""Share of the budget at which Newton steps end."""

MOST_STEPS, MOST_TIGHTENINGS = 50, 12


class Certificate:
    """A head on an embedding, and an account of the gradient that it leaves on exact rows.

    Parameters
    ----------
    head : LogisticHead
    embedding : Embedding
        Of the head's rows.
    epsilon, delta : float
    room : float
        Norm that the noise hides; a quarter of it belongs to the fit, three quarters are the budget of removals.

    Attributes
    ----------
    odometer : Odometer
    """

    def __init__(self, head: LogisticHead, embedding: Embedding, epsilon: float, delta: float, room: float) -> None:
        self.head, self.embedding, self._room = head, embedding, room
        self.odometer = Odometer(epsilon, delta, (1 - FIT_SHARE) * room)

    def residual(self, graph: Graph) -> float:
        """Return a bound on the norm of the gradient on exact embeddings, at the weights in force."""
        return self.head.residual() + self.head.embedding_error(self.embedding.error_bounds(graph))

    def evaluate(self, graph: Graph) -> None:
        """Open the account with the residual that the weights leave."""
        residual = self.residual(graph)
        self.odometer = replace(self.odometer, residual=residual, residual_after_step=residual)

    def fit(self, graph: Graph) -> None:
        """Train from scratch, the noise in place, and open the account.

        Raises
        ------
        CertificateError
            When the residual stays above what belongs to the fit.
        """
        goal = FIT_SHARE * self._room
        self._optimise()
        tightenings = self._tighten(graph, goal)
        self._optimise()
        self.evaluate(graph)
        self.odometer = replace(self.odometer, tightenings=tightenings)
        self._check(goal, "fit")

    def honour(self, graph: Graph, step_share: float, fresh_term: Callable[[], NDArray[np.float64]] | None) -> str:
        """Bring the residual within the budget after a removal, by the cheapest means that does.

        Parameters
        ----------
        graph : Graph
        step_share : float
            Share of the budget up to which nothing is done.
        fresh_term : callable, optional
            Draws the linear term of the loss, where it is noise: the last resort is to train again with another.

        Returns
        -------
        str
            What was done, in words.

        Raises
        ------
        CertificateError
            When nothing helps.
        """
        account, budget = self.odometer, self.odometer.budget
        residual = self.residual(graph)
        if residual <= step_share * budget:
            self.odometer = account.after(residual)
            return "weights kept, since the noise hides the residual"
        steps, retrainings = self._optimise(), 0
        tightenings = self._tighten(graph, budget)
        done = [f"{steps} Newton step{'s' if steps != 1 else ''}"]
        if tightenings:
            steps += self._optimise()
            done.append(f"residues pushed below an rmax of {self.embedding.rmax:g}")
        if fresh_term is not None and self.residual(graph) > budget:
            self.head.noise = fresh_term()
            self._optimise()
            retrainings = 1
            done.append("trained again with fresh noise")
        self.odometer = account.after(
            self.residual(graph), steps=steps, tightenings=tightenings, retrainings=retrainings
        )
        self._check(budget, "unlearn")
        return ", ".join(done)

    def _optimise(self) -> int:
        """Take Newton steps until little of the budget is left as a gradient; return how many."""
        goal = ENOUGH * self.odometer.budget
        for step in range(MOST_STEPS):
            if self.head.residual() <= goal or not self.head.newton_step(goal / 2):
                return step
        return MOST_STEPS

    def _tighten(self, graph: Graph, goal: float) -> int:
        """Push residues on until the residual is below `goal`; return how often the threshold was lowered."""
        for times in range(MOST_TIGHTENINGS):
            if self.embedding.rmax == 0.0 or self.residual(graph) <= goal:
                return times
            self.embedding.tighten(graph, self.embedding.rmax / 10 if times + 2 < MOST_TIGHTENINGS else 0.0)
            slots = graph.split_slots("train")
            self.head.replace(slots, self.embedding.rows(graph, slots))
        return MOST_TIGHTENINGS

    def _check(self, most: float, where: str) -> None:
        residual = self.odometer.residual
        # Not a number counts as too much.
        if not residual <= most:
            raise CertificateError(
                f"{where}: the gradient stays at {residual:.3g}, and the noise hides {most:.3g}; fit with more "
                "noise_std, alpha or epsilon, a smaller rmax, or scale the features down"
            )
