"""What others do, for comparison: graph neural networks, certified removal as published, approximate unlearning."""

from oubli.baselines.cgu import CGUClassifier
from oubli.baselines.classifier import GNNClassifier
from oubli.baselines.hidden_layer import HiddenLayerClassifier
from oubli.baselines.unlearning import (
    CEUClassifier,
    GIFClassifier,
    GradientAscentClassifier,
    RetrainedClassifier,
    StaleClassifier,
)

__all__ = [
    "CEUClassifier",
    "CGUClassifier",
    "GIFClassifier",
    "GNNClassifier",
    "GradientAscentClassifier",
    "HiddenLayerClassifier",
    "RetrainedClassifier",
    "StaleClassifier",
]
