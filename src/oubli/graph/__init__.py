"""What is learned from: graphs with stable ids, removals, data sets and converters."""

from oubli.graph.graph import Graph
from oubli.graph.removal import Removal, RemovalPlan

__all__ = ["Graph", "Removal", "RemovalPlan"]
