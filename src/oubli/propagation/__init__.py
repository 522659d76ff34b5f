"""Messages over edges: the operator, integer hops and delta push."""

from oubli.propagation.operator import Operator
from oubli.propagation.quantise import Quantiser
from oubli.propagation.state import OutputChange, Propagation

__all__ = ["Operator", "OutputChange", "Propagation", "Quantiser"]
