"""Graphs in folders of mapped arrays: larger than memory, opened in an instant."""

from oubli.graph.disk.arrays import allocate, map_array
from oubli.graph.disk.folder import (
    GraphManifest,
    compare_checksums,
    is_graph_folder,
    open_graph,
    read_graph_manifest,
    write_graph,
)

__all__ = [
    "GraphManifest",
    "allocate",
    "compare_checksums",
    "is_graph_folder",
    "map_array",
    "open_graph",
    "read_graph_manifest",
    "write_graph",
]
