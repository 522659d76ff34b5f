"""A user's own torch module: which supported form it has, and which of its parameters is which."""

from oubli.audit.gradients.own_module.parameter_map import ParameterMap
from oubli.audit.gradients.own_module.recognition import call_with_adjacency, call_with_edges, form_of

__all__ = ["ParameterMap", "call_with_adjacency", "call_with_edges", "form_of"]
