"""Messages over edges: the operator, integer hops and delta push, and averages of floats."""

from oubli.propagation.average import Averaging
from oubli.propagation.messages import Arcs, RandomMessages, Surroundings
from oubli.propagation.operator import Operator
from oubli.propagation.quantise import Quantiser
from oubli.propagation.state import OutputChange, Propagation

__all__ = [
    "Arcs",
    "Averaging",
    "Operator",
    "OutputChange",
    "Propagation",
    "Quantiser",
    "RandomMessages",
    "Surroundings",
]
