"""Fit a model from raw data alone and print its digest, or what a certificate says: the other side of `oubli.verify`.

Run as ``python -m oubli.models.rebuild FOLDER``.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oubli.graph.state import graph_from_arrays
from oubli.guarantees.folder import read_folder
from oubli.models import CertifiedClassifier, NodeClassifier
from oubli.models.parameters import estimator_class

SHUFFLE_SEED = 20_260_525


def rebuild(description: dict[str, Any], arrays: dict[str, NDArray[Any]]) -> NodeClassifier:
    """Return a model fitted anew on the graph in `arrays`, its edges shuffled and turned round."""
    graph = {name.removeprefix("graph."): array for name, array in arrays.items() if name.startswith("graph.")}
    generator = np.random.default_rng(SHUFFLE_SEED)
    edges = generator.permutation(graph["edge_index"], axis=1)
    turned = generator.random(edges.shape[1]) < 0.5
    edges[:, turned] = edges[::-1, turned]
    graph["edge_index"] = edges
    model: NodeClassifier = estimator_class(description["model"]["class"]).from_description(description["model"])
    choices = None if description["level"] == "reselected" else description["choices"]
    if isinstance(model, CertifiedClassifier):
        return model.evaluated(graph_from_arrays(graph), arrays)
    return model.fit_with(graph_from_arrays(graph), choices)


if __name__ == "__main__":
    _, description, arrays = read_folder(sys.argv[1])
    rebuilt, certificate = rebuild(description, arrays), None
    if isinstance(rebuilt, CertifiedClassifier):
        certificate = rebuilt.evaluation()
    print(json.dumps({"digest": rebuilt.digest(), "certificate": certificate}))  # noqa: T201
