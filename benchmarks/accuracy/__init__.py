"""Accuracy on node classification: closed forms beside graph neural networks, all tuned on validation nodes alone."""
