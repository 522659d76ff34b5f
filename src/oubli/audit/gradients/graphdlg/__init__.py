"""GraphDLG: structure from what the head and the last layer tell, by way of auxiliary graphs; then the features."""

from oubli.audit.gradients.graphdlg.attack import MAX_NODES, Evidence, GraphDLG

__all__ = ["MAX_NODES", "Evidence", "GraphDLG"]
