"""The graphs that are measured: the real ones where their files are, generated ones otherwise."""

from __future__ import annotations

import os
from pathlib import Path

from oubli.graph import Graph, generate_graph, label_features
from oubli.graph.archive import read_npz

FEATURES = 128
FEATURE_SEED = 20_260_525
NOISE = 1.0


def data_folder() -> Path:
    """Return where the data sets lie: $OUBLI_DATA, or shared/data beside the checkout."""
    given = os.environ.get("OUBLI_DATA")
    return Path(given) if given else Path(__file__).resolve().parents[2] / "shared" / "data"


def has_dataset(name: str) -> bool:
    """Tell whether the file of a data set is there."""
    return (data_folder() / f"{name}.npz").is_file()


def arxiv() -> Graph:
    """Return the real ogbn-arxiv graph, its labels and split, with features drawn from the labels by a fixed seed."""
    return with_drawn_features(read_npz(data_folder() / "ogbn-arxiv-nofeat.npz"))


def dataset(name: str) -> Graph:
    """Return a data set by its file's name; one without splits trains on a fixed half of its nodes."""
    import numpy as np

    graph = read_npz(data_folder() / f"{name}.npz")
    if graph.train_nodes.size:
        return graph
    chosen = np.random.default_rng(FEATURE_SEED).random(graph.num_nodes) < 0.5
    return Graph.from_edges(
        graph.edges, features=graph.features, labels=graph.labels, node_ids=graph.node_ids, train=chosen, test=~chosen
    )


def small_graph() -> Graph:
    """Return a small generated graph, for runs that only try the benchmarks out."""
    return generate_graph(num_nodes=2000, num_classes=5, num_features=32, average_degree=12, seed=FEATURE_SEED)


def with_drawn_features(graph: Graph, num_features: int = FEATURES) -> Graph:
    """Return the graph with features drawn from its labels."""
    return Graph.from_edges(
        graph.edges,
        features=label_features(graph.labels, num_features, NOISE, FEATURE_SEED),
        labels=graph.labels,
        node_ids=graph.node_ids,
        train=graph.train_nodes,
        val=graph.val_nodes,
        test=graph.test_nodes,
    )
