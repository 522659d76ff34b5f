"""Profile lifting: the exact graph from one gradient, by what profiles of nodes there are and how many of each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from oubli.audit.gradients.head import invert_head
from oubli.audit.gradients.lifting.candidates import Dictionary
from oubli.audit.gradients.lifting.rings import RingPrior
from oubli.audit.gradients.lifting.search import Findings, Search
from oubli.audit.gradients.reconstruction import Attack, Reconstruction
from oubli.audit.gradients.transcript import Transcript
from oubli.errors import InputError
from oubli.graph.collection import LabelledGraph


class ProfileLifting(Attack):
    """Recover a graph from the multiset of its nodes' L-hop profiles, which its gradient is linear in.

    Candidates come from auxiliary graphs first, then from enumeration up to the largest degree. A span test leaves few
    of them, integer programming counts them, and a matching of slots makes a graph of the counts. A guess is accepted
    when its own gradient is the one seen, up to rounding. Of guesses that no gradient tells apart the likeliest is
    taken, by how often profiles and rings occur in auxiliary graphs, or else by a preference for rings of five and six.

    A reconstruction is called `determined` when its gradient is the one seen, no other counts of the candidates at hand
    satisfy the equations, and no other graph with the same profiles was met. Of several graphs (a batch) only the set
    of one-hop profiles is recovered, in ``details["one_hop_profiles"]``.

    Parameters
    ----------
    seconds : float, default 20.0
        After which no further candidates are tried, for each transcript.
    """

    name = "lifting"

    def __init__(self, seconds: float = 20.0) -> None:
        self.seconds = seconds
        self._known: tuple[tuple[LabelledGraph, ...], tuple[int, str], Dictionary, RingPrior] | None = None

    def check(self, transcript: Transcript) -> None:
        """Raise `InputError` for models, features or knowledge that are not supported."""
        if not transcript.one_hot:
            raise InputError("lifting: supported for one-hot features, and it is not public that these are")
        if transcript.form.pooling == "max":
            raise InputError("lifting: supported for mean and sum pooling, not max, which is no sum over nodes")
        if not transcript.auxiliary and transcript.max_degree is None:
            raise InputError("lifting: no candidates; give auxiliary graphs, or max_degree to enumerate profiles")
        for position, graph in enumerate(transcript.auxiliary):
            if graph.types is None or graph.num_features != transcript.form.num_features:
                raise InputError(
                    f"lifting: auxiliary graph {position} should have {transcript.form.num_features} one-hot columns"
                )

    def reconstruct(self, transcripts: Sequence[Transcript], seed: int = 0) -> list[Reconstruction]:
        """Lift each transcript."""
        return [self._lift(transcript, seed) for transcript in transcripts]

    def _lift(self, transcript: Transcript, seed: int) -> Reconstruction:
        self.check(transcript)
        dictionary, prior = self._auxiliary(transcript)
        head = invert_head(transcript)
        search = Search(transcript, head, dictionary, prior, self.seconds, seed)
        if transcript.num_graphs > 1:
            found = search.one_hop_profiles()
            note = f"{transcript.num_graphs} graphs together: only the set of their one-hop profiles is recovered"
            return Reconstruction(note=note, ranks=search.findings.ranks, details={"one_hop_profiles": found})
        return _reconstruction(search.run(), head.label, head.embedding.cpu().numpy())

    def _auxiliary(self, transcript: Transcript) -> tuple[Dictionary, RingPrior]:
        """Return what auxiliary graphs tell, counted once for all transcripts that have the same."""
        graphs, form = transcript.auxiliary, transcript.form
        kind = form.num_layers, form.layer
        if self._known is None or self._known[0] is not graphs or self._known[1] != kind:
            degrees = form.layer == "gcn"
            self._known = graphs, kind, Dictionary(graphs, form.num_layers, degrees), RingPrior(graphs, degrees)
        return self._known[2:]


def _reconstruction(findings: Findings, label: int, embedding: NDArray[np.float64]) -> Reconstruction:
    graph = findings.graph
    adjacency = None if graph is None else graph.adjacency()
    return Reconstruction(
        labels=(label,),
        embedding=embedding,
        edge_scores=adjacency,
        features=None if graph is None else graph.features,
        adjacency=adjacency,
        determined=findings.determined,
        ranks=findings.ranks,
        residual=None if graph is None else findings.residual,
        note=findings.note,
        details={"solutions": findings.solutions, "matching_solutions": findings.matching, **findings.sizes},
    )
