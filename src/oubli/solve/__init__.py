"""Sums and systems: exact Gram statistics, fixed-order and correctly rounded solves, kernels, components."""

from oubli.solve.cholesky import FixedOrderFactor, fixed_order_solve
from oubli.solve.components import principal_components
from oubli.solve.gram import ExactGram
from oubli.solve.kernel import Distances, KernelSystem, dual_coefficients, landmark_coefficients
from oubli.solve.leave_one_out import LeaveOneOutRidge
from oubli.solve.products import exact_product, ordered_product
from oubli.solve.ridge import class_weights, keeps_rows, weights_from_gram, weights_from_rows
from oubli.solve.rounded import rounded_solve
from oubli.solve.scores import linear_scores
from oubli.solve.standard import Standardiser
from oubli.solve.standardised import PenalisedSystem, standardised_weights
from oubli.solve.systems import GramSystem, RowSystem

__all__ = [
    "Distances",
    "ExactGram",
    "FixedOrderFactor",
    "GramSystem",
    "KernelSystem",
    "LeaveOneOutRidge",
    "PenalisedSystem",
    "RowSystem",
    "Standardiser",
    "class_weights",
    "dual_coefficients",
    "exact_product",
    "fixed_order_solve",
    "keeps_rows",
    "landmark_coefficients",
    "linear_scores",
    "ordered_product",
    "principal_components",
    "rounded_solve",
    "standardised_weights",
    "weights_from_gram",
    "weights_from_rows",
]
