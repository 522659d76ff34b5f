"""Sums and systems: exact Gram statistics, fixed-order and correctly rounded solves."""

from oubli.solve.cholesky import fixed_order_solve
from oubli.solve.gram import ExactGram
from oubli.solve.ridge import class_weights, keeps_rows, weights_from_gram, weights_from_rows
from oubli.solve.rounded import rounded_solve
from oubli.solve.scores import linear_scores
from oubli.solve.systems import GramSystem, RowSystem

__all__ = [
    "ExactGram",
    "GramSystem",
    "RowSystem",
    "class_weights",
    "fixed_order_solve",
    "keeps_rows",
    "linear_scores",
    "rounded_solve",
    "weights_from_gram",
    "weights_from_rows",
]
