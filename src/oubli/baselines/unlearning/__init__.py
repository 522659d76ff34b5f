"""Approximate unlearning of a two-layer graph convolutional network, as others do it, and the two ends between.

Every model has `fit`, `unlearn`, `predict` and `decision_function`, whose values are the logits. Models whose training
is the same learn the same bytes from the same seed; `resume` takes over what one of them learned.
"""

from oubli.baselines.unlearning.ascent import GradientAscentClassifier
from oubli.baselines.unlearning.influence import CEUClassifier, GIFClassifier
from oubli.baselines.unlearning.references import RetrainedClassifier, StaleClassifier

__all__ = ["CEUClassifier", "GIFClassifier", "GradientAscentClassifier", "RetrainedClassifier", "StaleClassifier"]
