"""The data sets, with the splits and the score that are usual for each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.data import data_folder, has_dataset
from oubli import load_dataset
from oubli.graph import Graph
from oubli.graph.archive import read_npz


@dataclass(frozen=True)
class Task:
    """A data set, its splits, and what predictions are scored by; random splits are drawn by their numbers."""

    name: str
    title: str
    scoring: str
    splits: list[int]
    is_random: bool = False
    by_name: bool = False

    @property
    def is_there(self) -> bool:
        """Whether the file is to be had."""
        return has_dataset(self.name)

    def load(self, split: int) -> Graph:
        """Return the graph with one of its splits."""
        if self.is_random:
            return random_split(read_npz(data_folder() / f"{self.name}.npz", split=None), split)
        if self.by_name:
            return load_dataset(self.name, root=data_folder(), split=split)
        return read_npz(data_folder() / f"{self.name}.npz", split=split)


def random_split(graph: Graph, seed: int) -> Graph:
    """Return the graph with 60% of its nodes for training, 20% for validation and the rest for testing."""
    order = np.random.default_rng(seed).permutation(graph.num_nodes)
    parts = np.split(graph.node_ids[order], [int(0.6 * order.size), int(0.8 * order.size)])
    return Graph.from_edges(
        graph.edges,
        features=graph.features,
        labels=graph.labels,
        node_ids=graph.node_ids,
        train=parts[0],
        val=parts[1],
        test=parts[2],
    )


def _public(name: str, title: str, by_name: bool = False) -> Task:
    return Task(name, f"{title}, public split", "accuracy", [0], by_name=by_name)


def _official(name: str, title: str, scoring: str = "accuracy", by_name: bool = False) -> Task:
    return Task(name, f"{title}, official splits", scoring, list(range(10)), by_name=by_name)


def _random(name: str, title: str, splits: int = 5) -> Task:
    return Task(name, f"{title}, random 60/20/20", "accuracy", list(range(splits)), is_random=True)


# In the order of what they cost.
TASKS = [
    _public("cora", "Cora"),
    _public("citeseer", "CiteSeer"),
    _official("chameleon-filtered", "Chameleon, filtered"),
    _official("squirrel-filtered", "Squirrel, filtered"),
    _official("actor", "Actor"),
    _official("minesweeper", "Minesweeper", "roc_auc"),
    _random("twitch-de", "Twitch DE"),
    _random("amazon-photo", "Amazon Photo"),
    _random("facebook-pages", "facebook-pages"),
    _random("amazon-computers", "Amazon Computers"),
    _random("github-social", "GitHub developers", 3),
    _random("coauthor-physics", "Coauthor Physics", 3),
]

# Run where their files lie beside the others.
FURTHER_TASKS = [
    _public("pubmed", "PubMed", by_name=True),
    _official("wikics", "WikiCS", by_name=True),
    _official("roman-empire", "Roman-empire", by_name=True),
    _official("amazon-ratings", "Amazon-ratings", by_name=True),
    _official("questions", "Questions", "roc_auc", by_name=True),
    _official("tolokers", "Tolokers", "roc_auc", by_name=True),
    _random("coauthor-cs", "Coauthor CS"),
    _public("ogbn-arxiv", "ogbn-arxiv", by_name=True),
]


def available_tasks(names: list[str] | None = None) -> list[Task]:
    """Return the tasks of these names, all without any, with a line for each whose file is not there.

    Raises
    ------
    SystemExit
        For a name that is none of theirs.
    """
    known = {task.name: task for task in TASKS + FURTHER_TASKS}
    unknown = [name for name in names or [] if name not in known]
    if unknown:
        raise SystemExit(f"no task is called {unknown[0]}; there are {', '.join(known)}")
    wanted = [known[name] for name in names] if names else list(known.values())
    for task in wanted:
        if not task.is_there:
            print(f"{task.name}: skipped, its file is not in the folder of the data")
    return [task for task in wanted if task.is_there]
