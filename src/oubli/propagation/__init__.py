"""Messages over edges: the operator, integer hops and delta push, and averages of floats."""

from oubli.propagation.average import Averaging
from oubli.propagation.messages import RandomMessages
from oubli.propagation.operator import Operator
from oubli.propagation.quantise import Quantiser
from oubli.propagation.state import OutputChange, Propagation

__all__ = ["Averaging", "Operator", "OutputChange", "Propagation", "Quantiser", "RandomMessages"]
