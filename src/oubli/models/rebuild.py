"""Fit a model from raw data alone and print its digest, or what a certificate says: the other side of `oubli.verify`.

Run as ``python -m oubli.models.rebuild FOLDER``.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from oubli.graph.disk.links import has_links, import_again
from oubli.graph.graph import Graph
from oubli.graph.state import graph_from_arrays
from oubli.guarantees.folder import read_folder
from oubli.models import CertifiedClassifier, NodeClassifier
from oubli.models.parameters import estimator_class

SHUFFLE_SEED = 20_260_525


def rebuild(folder: Path) -> NodeClassifier:
    """Return a model fitted anew on the data in a folder, the edges shuffled and turned round."""
    _, description, arrays = read_folder(folder)
    kind = estimator_class(description["model"]["class"])
    model: NodeClassifier = kind.from_description(description["model"])
    if has_links(folder):
        graph = import_again(folder, arrays["graph.label_values"], SHUFFLE_SEED)
        model.set_params(scratch=str(folder))
    else:
        graph = _shuffled(arrays)
    if isinstance(model, CertifiedClassifier):
        return model.evaluated(graph, arrays)
    return model.fit_with(graph, None if description["level"] == "reselected" else description["choices"])


def _shuffled(arrays: dict[str, NDArray[Any]]) -> Graph:
    graph = {name.removeprefix("graph."): array for name, array in arrays.items() if name.startswith("graph.")}
    generator = np.random.default_rng(SHUFFLE_SEED)
    edges = generator.permutation(graph["edge_index"], axis=1)
    turned = generator.random(edges.shape[1]) < 0.5
    edges[:, turned] = edges[::-1, turned]
    graph["edge_index"] = edges
    return graph_from_arrays(graph)


if __name__ == "__main__":
    rebuilt, certificate = rebuild(Path(sys.argv[1])), None
    if isinstance(rebuilt, CertifiedClassifier):
        certificate = rebuilt.evaluation()
    print(json.dumps({"digest": rebuilt.digest(), "certificate": certificate}))  # noqa: T201
