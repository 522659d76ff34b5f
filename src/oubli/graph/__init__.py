"""What is learned from: graphs with stable ids, removals, data sets, converters and generators."""

from oubli.graph.archive import read_npz, write_npz
from oubli.graph.collection import GraphCollection, LabelledGraph
from oubli.graph.convert import from_networkx, from_pyg, to_networkx, to_pyg
from oubli.graph.datasets import list_datasets, load_collection, load_dataset, load_graph
from oubli.graph.generate import generate_graph, label_features
from oubli.graph.graph import Graph
from oubli.graph.importing import ImportReport, import_graph
from oubli.graph.molecules import generate_molecules
from oubli.graph.removal import Removal, RemovalPlan
from oubli.graph.rmat import rmat_edges
from oubli.graph.tables import read_tables

__all__ = [
    "Graph",
    "GraphCollection",
    "ImportReport",
    "LabelledGraph",
    "Removal",
    "RemovalPlan",
    "from_networkx",
    "from_pyg",
    "generate_graph",
    "generate_molecules",
    "import_graph",
    "label_features",
    "list_datasets",
    "load_collection",
    "load_dataset",
    "load_graph",
    "read_npz",
    "read_tables",
    "rmat_edges",
    "to_networkx",
    "to_pyg",
    "write_npz",
]
