"""Small graphs, and attacks that are simple enough to know what they must score."""

import numpy as np

from oubli.audit.gradients import Attack, ModelForm, Reconstruction, invert_head
from oubli.errors import InputError
from oubli.graph.collection import GraphCollection, LabelledGraph

TYPES = 4


def tree(random, num_nodes):
    """A random tree whose nodes are of a random type."""
    edges = [(int(random.integers(node)), node) for node in range(1, num_nodes)]
    return LabelledGraph(
        np.array(edges), np.eye(TYPES)[random.integers(TYPES, size=num_nodes)], int(random.integers(2))
    )


def trees(count=24, seed=0):
    random = np.random.default_rng(seed)
    return GraphCollection([tree(random, int(random.integers(5, 9))) for _ in range(count)], "trees", 2, tuple("CNOF"))


def small_form(**settings):
    return ModelForm(TYPES, 2, **{"hidden": (8, 8), "activation": "tanh"} | settings)


class Head(Attack):
    """Label and embedding, in closed form."""

    name = "head"
    batch_size = 3

    def reconstruct(self, transcripts, seed=0):
        found = [invert_head(transcript) for transcript in transcripts]
        return [Reconstruction((head.label,), head.embedding.numpy(), ranks={"V1": 1}) for head in found]


class Structure(Attack):
    """What it is given: an oracle of the structure, of features without a say."""

    name, kind = "structure-oracle", "oracle"

    def check(self, transcript):
        if transcript.num_graphs > 1:
            raise InputError("structure: supported for one graph, not for several")

    def reconstruct(self, transcripts, seed=0):
        return [self.guess(transcript.structure[0]) for transcript in transcripts]

    def guess(self, adjacency):
        return Reconstruction(adjacency=adjacency, features=np.eye(TYPES)[np.zeros(len(adjacency), int)], residual=0.5)


class Path(Attack):
    """A null: a path through nodes of the first type, and a coin for the label."""

    name, kind = "path", "null"

    def reconstruct(self, transcripts, seed=0):
        random = np.random.default_rng(seed)
        return [self.guess(transcript.num_nodes[0], random) for transcript in transcripts]

    def guess(self, size, random):
        adjacency = np.eye(size, k=1) + np.eye(size, k=-1)
        features = np.eye(TYPES)[np.zeros(size, int)]
        return Reconstruction((int(random.integers(2)),), adjacency=adjacency, features=features, residual=1.0)


class Seldom(Attack):
    """Gives up on every second graph, by its size, and knows the label of the others."""

    name = "seldom"

    def reconstruct(self, transcripts, seed=0):
        if transcripts[0].num_nodes[0] % 2:
            raise InputError("seldom: no odd sizes")
        return [Reconstruction(labels=(invert_head(transcripts[0]).label,))]
