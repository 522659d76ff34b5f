"""How many nodes an attack gives its guess: the size that is public, or one that it supposes."""

from __future__ import annotations

import numpy as np

from oubli.audit.gradients.transcript import Transcript
from oubli.errors import InputError


def sizes_of(transcript: Transcript) -> tuple[int, ...]:
    """Return a size for each graph behind a transcript: what is known, or else the median of the auxiliary graphs.

    Raises
    ------
    InputError
        When nothing says how large a graph may be.
    """
    if transcript.num_nodes is not None:
        return transcript.num_nodes
    if not transcript.auxiliary:
        raise InputError(
            "transcript: neither the sizes of the graphs are known nor are there auxiliary graphs to suppose one from; "
            "set num_nodes_known=True or give auxiliary graphs"
        )
    return (int(np.median([graph.num_nodes for graph in transcript.auxiliary])),) * transcript.num_graphs
