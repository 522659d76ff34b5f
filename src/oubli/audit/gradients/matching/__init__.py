"""Attacks that search for a graph whose gradient is the one that was seen: DLG, iDLG and inverting gradients.

For graphs the adjacency is part of the search: a symmetric matrix of weights between 0 and 1, the logistic function of
free numbers.
"""

from oubli.audit.gradients.matching.cosine import InvertingGradients
from oubli.audit.gradients.matching.euclidean import DLG, IDLG

__all__ = ["DLG", "IDLG", "InvertingGradients"]
