"""What others do, for comparison: graph neural networks, and certified removal as it was published."""

from oubli.baselines.cgu import CGUClassifier
from oubli.baselines.classifier import GNNClassifier
from oubli.baselines.hidden_layer import HiddenLayerClassifier

__all__ = ["CGUClassifier", "GNNClassifier", "HiddenLayerClassifier"]
