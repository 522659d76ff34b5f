"""Edges of any size to a graph folder, in bounded memory: bucketed, sorted, deduplicated, and resumable."""

from oubli.graph.importing.importer import import_graph
from oubli.graph.importing.report import ImportReport

__all__ = ["ImportReport", "import_graph"]
