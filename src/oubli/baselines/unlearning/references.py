"""The two ends between which approximate unlearning lies: to keep the weights, and to train again."""

from __future__ import annotations

from typing import Any

from oubli.baselines.unlearning.classifier import UnlearningGCN
from oubli.baselines.unlearning.reach import Reach
from oubli.baselines.unlearning.step import Change, Step, SteppingGCN
from oubli.guarantees import Exact, Guarantee


class StaleClassifier(SteppingGCN):
    """Two-layer graph convolutional network that keeps its weights at a removal: only the graph shrinks.

    The worst case to compare with. Needs ``pip install 'oubli[attacks]'``.

    Parameters
    ----------
    hidden, epochs, learning_rate, weight_decay, dropout, seed
        As for `GIFClassifier`.
    """

    reason = "the weights are those learned with the removed data"

    def _step(self, change: Change) -> Step:
        return Step(change.weights, "weights kept", {})


class RetrainedClassifier(UnlearningGCN):
    """Two-layer graph convolutional network that is trained again at each removal, from the same seed.

    The floor of what an attacker can learn, and exact: on one thread the weights are to the byte those of a fit on what
    remains. Needs ``pip install 'oubli[attacks]'``.

    Parameters
    ----------
    hidden, epochs, learning_rate, weight_decay, dropout, seed
        As for `GIFClassifier`.
    """

    def guarantee(self) -> Guarantee:
        """Return that a removal leaves what a fit on the rest would."""
        return Exact("reselected")

    def _follow(self, former: UnlearningGCN, reach: Reach) -> tuple[str, dict[str, Any]]:
        self._train()
        return "trained again", {}
