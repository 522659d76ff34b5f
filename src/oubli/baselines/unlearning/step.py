"""Unlearning that starts from the weights as they are, and steps away from them."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from oubli.baselines.unlearning.classifier import UnlearningGCN, taught_classes
from oubli.baselines.unlearning.reach import Reach
from oubli.guarantees import Heuristic

if TYPE_CHECKING:
    import torch

    from oubli.baselines.unlearning.objective import Objective


@dataclass(frozen=True)
class Change:
    """A removal as a step sees it; classes are those before it.

    Attributes
    ----------
    weights : torch.Tensor
        Those before.
    before, after : Objective
        What they minimised, and what is left to minimise.
    had, has : ndarray of bool
        Which training nodes of `before` and of `after` the removal reaches: their terms go, and come back as they are
        now.
    """

    weights: torch.Tensor
    before: Objective
    after: Objective
    had: NDArray[np.bool_]
    has: NDArray[np.bool_]

    @property
    def is_empty(self) -> bool:
        """Whether the removal reaches no training node, so that the objective is what it was."""
        return not self.had.any()

    def gradient_difference(self) -> torch.Tensor:
        """Return the gradient of the terms that go, minus that of the same nodes' terms as they are now."""
        return self.before.gradient(self.weights, self.had) - self.after.gradient(self.weights, self.has)


@dataclass(frozen=True)
class Step:
    """New weights, how they were come by, and the choices that were made."""

    weights: torch.Tensor
    path: str
    choices: dict[str, Any]


class SteppingGCN(UnlearningGCN):
    """Base of the networks that unlearn by a change of their weights."""

    reason: ClassVar[str]
    """Why nothing is guaranteed."""

    def guarantee(self) -> Heuristic:
        """Return that nothing is guaranteed, and why."""
        return Heuristic(self.reason)

    @abstractmethod
    def _step(self, change: Change) -> Step:
        """Return the weights after a removal that reaches a training node."""

    def _follow(self, former: UnlearningGCN, reach: Reach) -> tuple[str, dict[str, Any]]:
        import torch

        from oubli.baselines.unlearning.objective import Objective

        before, weights = former._objective, torch.from_numpy(former.weights_)
        after = Objective(self.graph_, former.classes_, before.shape, self.weight_decay, before.noise)
        # In the order of ids, as the slots of both graphs are.
        had, now = former.graph_.index.ids[before.slots[reach.left]], self.graph_.index.ids[after.slots]
        change = Change(weights, before, after, reach.left, np.isin(now, had))
        step = Step(weights, "reaches no training node", {}) if change.is_empty else self._step(change)
        self.classes_ = taught_classes(self.graph_)
        kept = np.isin(former.classes_, self.classes_)
        if kept.all():
            self._keep(after, step.weights)
        else:
            self._keep(after.narrowed(kept), before.shape.narrow(step.weights, kept))
        return step.path, step.choices
