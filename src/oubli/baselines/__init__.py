"""What others do, for comparison: graph neural networks, trained by gradient descent."""

from oubli.baselines.classifier import GNNClassifier

__all__ = ["GNNClassifier"]
