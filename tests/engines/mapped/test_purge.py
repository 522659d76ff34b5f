"""What was removed is in no byte of a model in mapped files once it is saved."""

from __future__ import annotations

import numpy as np
import pytest
from tests.cli.test_purge import NUMBER, PLANTED, SECRET, _holders, _planted_graph, _traces_of_id
from tests.engines.mapped.models import InPanels, assert_tidy, store

from oubli import Graph, Removal, load_model
from oubli.graph import generate_graph
from oubli.models import SGCRidge


def fitted(graph, tmp_path, kind=SGCRidge, **options):
    kind(engine="mmap", scratch=str(tmp_path / "scratch"), **options).fit(graph).save(tmp_path / "model")
    return tmp_path / "model"


@pytest.mark.parametrize("kind", [SGCRidge, InPanels])
@pytest.mark.parametrize("secret", [SECRET, NUMBER])
@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("what", ["nodes", "features"])
def test_a_removed_node_or_row_leaves_no_bytes(tmp_path, kind, secret, sparse, what):
    ids = [f"s{n}" for n in range(300)] if isinstance(secret, str) else [10 * n for n in range(300)]
    ids[17] = secret
    folder = fitted(_planted_graph(ids, secret, sparse), tmp_path, kind)
    model = load_model(folder)
    row = [*(value.tobytes() for value in PLANTED), PLANTED.astype("<f8").tobytes()]
    if kind is SGCRidge:
        row.append(model.engine_.propagation.messages[model.graph_.slots([secret])[0]].tobytes())
    name = _traces_of_id(secret)
    assert _holders(folder, name) == ["ids.npy"]
    assert _holders(folder, row)
    model.unlearn(Removal(**{what: [secret]}))
    assert "journal" in _holders(folder, row), "until it is saved, the journal can lead back"
    model.save(folder)
    assert _holders(folder, row) == []
    assert _holders(folder, name) == ([] if what == "nodes" else ["ids.npy"])
    assert_tidy(folder)


def test_neighbours_that_went_are_overwritten(tmp_path):
    graph = generate_graph(num_nodes=200, num_features=4, seed=2)
    folder, gone = fitted(graph, tmp_path), graph.node_ids[[7, 90]]
    model = load_model(folder)
    model.unlearn(Removal(nodes=gone, edges=[edge for edge in graph.edges[-3:].tolist() if not set(edge) & {7, 90}]))
    model.save(folder)
    neighbours = np.load(store(folder) / "neighbours.npy")
    assert not np.isin([7, 90], neighbours).any()
    assert np.count_nonzero(neighbours < 0) == neighbours.size - 2 * model.graph_.num_edges


def test_a_class_nobody_has_any_more_leaves_no_name(tmp_path):
    plain = generate_graph(num_nodes=60, num_classes=2, num_features=4, seed=1)
    names = np.array(["common", "usual"])[plain.labels].astype("U32")
    names[5] = "diagnosis-of-one-person"
    graph = Graph.from_edges(plain.edges, features=plain.features, labels=names, train=list(range(30)))
    folder, traces = fitted(graph, tmp_path, class_weight={"usual": 2.0, "diagnosis-of-one-person": 3.0}), []
    traces = _traces_of_id("diagnosis-of-one-person")
    assert _holders(folder, traces)
    model = load_model(folder)
    model.unlearn(Removal(labels=[5]))
    model.save(folder)
    assert _holders(folder, traces) == []
    digest = model.digest()
    del model
    assert load_model(folder).digest() == digest
