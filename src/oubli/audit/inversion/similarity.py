"""Nodes that are alike are likelier joined: by what the model answers, or by what is public anyway."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from oubli.audit.inversion.attack import Attack
from oubli.audit.inversion.distances import pair_distance
from oubli.audit.inversion.neighbourhood import adamic_adar, adjacency_matrix, degrees
from oubli.audit.inversion.transcript import Transcript


class PosteriorSimilarity(Attack):
    """The closer the answers for two nodes, the likelier the edge; the shadow is not used (He et al., attack 0).

    Parameters
    ----------
    distance : str
        A key of `oubli.audit.inversion.distances.DISTANCES`.
    """

    source = "He et al. 2021"

    def __init__(self, distance: str) -> None:
        self.distance = distance
        self.name = f"posterior-{distance}"
        self.describe = f"minus the {distance} distance between the answers for both ends"

    def score(self, transcript: Transcript, seed: int) -> NDArray[np.float64]:
        """Return minus the distances."""
        return -pair_distance(self.distance, transcript.seen.posteriors, transcript.pairs)


class FeatureSimilarity(Attack):
    """The closer the public features of two nodes, the likelier the edge."""

    name = "features"
    describe = "cosine of the public features of both ends"
    kind = "null"

    def score(self, transcript: Transcript, seed: int) -> NDArray[np.float64]:
        """Return cosines; 0 where a node has no features."""
        return 1.0 - pair_distance("cosine", transcript.seen.features, transcript.pairs)


class KnownNeighbours(Attack):
    """The more neighbours two nodes share on the known edges, rare ones counting more, the likelier the edge.

    Ties, of which there are many where nothing is shared, go by the product of degrees.
    """

    name = "neighbours"
    describe = "neighbours shared on the known edges (Adamic and Adar), then the product of degrees"
    kind = "null"
    source = "Liben-Nowell and Kleinberg 2003"

    def score(self, transcript: Transcript, seed: int) -> NDArray[np.float64]:
        """Return the Adamic-Adar index, with a millionth at most for degrees."""
        seen, pairs = transcript.seen, transcript.pairs
        adjacency = adjacency_matrix(seen.edges, len(seen.features))
        degree = degrees(adjacency) / max(1.0, degrees(adjacency).max(initial=0.0))
        product: NDArray[np.float64] = degree[pairs[:, 0]] * degree[pairs[:, 1]]
        return adamic_adar(adjacency, pairs) + 1e-6 * product
