"""Networks that others use, on graphs small enough to know the answer."""

import sys

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from sklearn.base import clone
from torch_geometric.nn import GATConv, GCNConv, SAGEConv

from oubli import Graph
from oubli.baselines import GNNClassifier
from oubli.baselines.dropout import Dropout
from oubli.baselines.networks import OPERATORS, GATLayer, GCNLayer, SAGELayer
from oubli.baselines.products import SparseMatrix, feature_inputs
from oubli.errors import InputError, NotFittedError, UnknownNodeError
from oubli.graph import generate_graph

KINDS = ["gcn", "sage", "gat"]
QUICK = {"hidden": 16, "epochs": 40, "patience": 20}
LAYERS = {
    "gcn": (GCNLayer, GCNConv, {}),
    "sage": (SAGELayer, SAGEConv, {}),
    "gat": (GATLayer, GATConv, {"heads": 3}),
}


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def graph():
    return generate_graph(num_nodes=400, num_features=24, feature_noise=1.5, seed=5)


def rebuilt(graph, **changes):
    given = {
        "features": graph.features,
        "labels": graph.labels,
        "node_ids": graph.node_ids,
        "train": graph.train_nodes,
        "val": graph.val_nodes,
        "test": graph.test_nodes,
    }
    return Graph.from_edges(graph.edges, **given | changes)


def bag_of_words(graph, words=300):
    """Return the graph with sparse features that tell a little about the labels, and with them dense."""
    rng = np.random.default_rng(0)
    counts = rng.random((graph.num_nodes, words)) < 0.02 + 0.1 * (graph.labels[:, None] == np.arange(words) % 16)
    rows = counts.astype(np.float32) * rng.integers(1, 4, counts.shape)
    return rebuilt(graph, features=sp.csr_array(rows)), rebuilt(graph, features=rows)


def arcs(graph):
    pairs = graph.adjacency.edges().T
    return torch.from_numpy(np.concatenate([pairs, pairs[::-1]], axis=1))


def dense_adjacency(graph):
    matrix = np.zeros((graph.num_nodes, graph.num_nodes))
    u, v = graph.adjacency.edges().T
    matrix[u, v] = matrix[v, u] = 1
    return matrix


def test_gcn_layer_is_its_formula(graph):
    layer = GCNLayer(24, 5)
    adjacency = dense_adjacency(graph) + np.eye(graph.num_nodes)
    degrees = adjacency.sum(axis=1)
    operator = adjacency / np.sqrt(np.outer(degrees, degrees))
    expected = operator @ graph.features @ layer.lin.weight.detach().numpy().T
    found = layer(torch.from_numpy(graph.features), OPERATORS["gcn"](graph))
    np.testing.assert_allclose(found.detach().numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("width", [2, 8, 40])  # less and more columns than come in, a block or a part of one
def test_layers_and_their_gradients_are_those_of_pyg(graph, kind, width):
    ours, theirs, settings = LAYERS[kind]
    one, other = ours(24, width, **settings), theirs(24, width, **settings)
    one.load_state_dict(other.state_dict())
    inputs = [torch.from_numpy(graph.features.copy()).requires_grad_() for _ in range(2)]
    outputs = one(inputs[0], OPERATORS[kind](graph)), other(inputs[1], arcs(graph))
    torch.testing.assert_close(*outputs, atol=1e-5, rtol=1e-4)
    direction = torch.randn(outputs[0].shape, generator=torch.Generator().manual_seed(0))
    for output in outputs:
        (output * direction).sum().backward()
    torch.testing.assert_close(inputs[0].grad, inputs[1].grad, atol=1e-4, rtol=1e-4)
    for mine, reference in zip(one.parameters(), other.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, reference.grad, atol=1e-3, rtol=1e-3)


def test_attention_is_dropped_after_the_softmax(graph):
    layer = GATLayer(24, 4, heads=2, dropout=0.5)
    operator, inputs = OPERATORS["gat"](graph), torch.from_numpy(graph.features)
    layer.draw = lambda shape, share: np.full(shape, 2.0, np.float32)
    doubled = layer(inputs, operator)
    layer.eval()
    torch.testing.assert_close(doubled, 2 * layer(inputs, operator), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_layers_take_sparse_inputs(graph, kind):
    sparse, dense = bag_of_words(graph)
    layer = LAYERS[kind][0](300, 6, **LAYERS[kind][2])
    weight = next(parameter for name, parameter in layer.named_parameters() if name.endswith("weight"))
    found = []
    for given in (sparse, dense):
        inputs = feature_inputs(given, row_normalize=True)
        assert isinstance(inputs, SparseMatrix) == (given is sparse)
        layer.zero_grad()
        output = layer(inputs, OPERATORS[kind](graph))
        (output**2).sum().backward()
        found.append((output.detach(), weight.grad.clone()))
    torch.testing.assert_close(*found, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("settings", [{}, {"kind": "sage", "layers": 3, "residual": True, "normalization": "layer"}])
def test_sparse_features_give_the_predictions_of_dense_ones(graph, settings):
    one, other = (GNNClassifier(**settings, hidden=8, epochs=6).fit(given) for given in bag_of_words(graph))
    np.testing.assert_allclose(one.decision_function(), other.decision_function(), atol=1e-3)


def test_rows_are_scaled_to_length_one(graph):
    sparse, dense = bag_of_words(graph)
    lengths = np.linalg.norm(dense.features, axis=1)
    expected = dense.features / np.where(lengths > 0, lengths, 1)[:, None]
    np.testing.assert_allclose(feature_inputs(sparse, True).rows.toarray(), expected, atol=1e-6)
    np.testing.assert_allclose(feature_inputs(dense, True).numpy(), expected, atol=1e-6)


def test_dropout_drops_the_share_and_keeps_the_mean():
    factors = Dropout(3).factors((1000, 300), 0.25)
    assert abs(np.mean(factors == 0) - 0.25) < 0.005
    np.testing.assert_allclose(np.unique(factors), [0, 4 / 3], rtol=1e-6)
    np.testing.assert_array_equal(factors, Dropout(3).factors((1000, 300), 0.25))
    assert np.any(factors != Dropout(4).factors((1000, 300), 0.25))


def test_dropout_of_a_sparse_matrix_leaves_rows_and_columns_the_same_matrix():
    matrix = SparseMatrix(sp.random_array((40, 30), density=0.2, format="csr", dtype=np.float32, rng=1))
    dropped = Dropout(0)(matrix, 0.5)
    assert 0 < np.count_nonzero(dropped.rows.data) < matrix.rows.nnz
    np.testing.assert_array_equal(dropped.rows.toarray().T, dropped.columns.toarray())


@pytest.mark.parametrize("kind", KINDS)
def test_learns(graph, kind):
    model = GNNClassifier(kind=kind, **QUICK, seed=1).fit(graph)
    assert model.score() > 0.6  # of four classes
    assert 1 <= model.best_epoch_ <= model.epochs_ <= 40
    assert min(model.seconds_, model.cpu_seconds_) > 0


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("normalization", ["layer", "batch"])
def test_deep_networks_learn(graph, kind, normalization):
    deep = {"layers": 4, "residual": True, "normalization": normalization, "dropout": 0.2}
    assert GNNClassifier(kind=kind, **QUICK, **deep).fit(graph).score() > 0.6


@pytest.mark.parametrize("kind", KINDS)
def test_seed_decides_and_nothing_else_does(graph, kind):
    settings = {"kind": kind, "hidden": 16, "epochs": 10, "input_dropout": 0.2}
    first = GNNClassifier(**settings, seed=3).fit(graph).decision_function()
    state = torch.get_rng_state()
    torch.rand(7)
    drawn = torch.get_rng_state()
    again = GNNClassifier(**settings, seed=3).fit(graph).decision_function()
    assert torch.equal(torch.get_rng_state(), drawn)
    torch.set_rng_state(state)
    np.testing.assert_array_equal(first, again)
    assert np.any(first != GNNClassifier(**settings, seed=4).fit(graph).decision_function())


def test_keeps_the_weights_of_the_best_epoch(graph):
    model = GNNClassifier(**QUICK, learning_rate=0.05).fit(graph)
    assert model.best_epoch_ < model.epochs_
    model.network_.eval()
    with torch.no_grad():
        scores = model.network_(feature_inputs(graph, False), OPERATORS["gcn"](graph))
    np.testing.assert_allclose(model.decision_function(), scores.numpy(), atol=1e-5)
    # Trained no further than that epoch, the same network comes out.
    shorter = clone(model).set_params(epochs=model.best_epoch_).fit(graph)
    np.testing.assert_array_equal(shorter.decision_function(), model.decision_function())


def test_answers_by_id(graph):
    names = np.array([f"n{i:03d}" for i in np.random.default_rng(2).permutation(graph.num_nodes)])
    order = np.argsort(names)
    edges = names[graph.edges]
    splits = {name: names[getattr(graph, f"{name}_nodes")] for name in ("train", "val", "test")}
    named = Graph.from_edges(edges, features=graph.features, labels=graph.labels, node_ids=names, **splits)
    model = GNNClassifier(**QUICK).fit(named)
    np.testing.assert_array_equal(model.predict(), model.predict(names[order]))
    some = names[[17, 3, 211]]
    np.testing.assert_array_equal(model.predict(some), [model.predict([name])[0] for name in some])
    right = model.predict(named.test_nodes) == named.labels[np.searchsorted(named.node_ids, named.test_nodes)]
    assert model.score() == pytest.approx(right.mean())
    with pytest.raises(UnknownNodeError):
        model.predict(["n9999"])


def test_classes_are_those_of_training_nodes(graph):
    labels = graph.labels + 10
    train = [node for node in graph.train_nodes if labels[node] != 13]
    model = GNNClassifier(**QUICK).fit(rebuilt(graph, labels=labels, train=train))
    assert model.classes_.tolist() == [10, 11, 12]
    assert model.decision_function([0, 1]).shape == (2, 3)
    others = [node for node in graph.test_nodes if labels[node] == 13]
    assert model.score(others) == 0


def test_two_classes_are_chosen_by_roc_auc():
    graph = generate_graph(num_nodes=300, num_classes=2, num_features=8, seed=2)
    model = GNNClassifier(**QUICK, scoring="roc_auc").fit(graph)
    assert model.score(metric="roc_auc") > 0.75


def test_changes_nothing_that_was_given(graph):
    before = graph.features.copy()
    GNNClassifier(hidden=8, epochs=2, row_normalize=True).fit(graph)
    np.testing.assert_array_equal(graph.features, before)


def test_follows_the_convention_of_estimators(graph):
    model = GNNClassifier(kind="sage", hidden=32)
    assert clone(model).get_params() == model.get_params()
    with pytest.raises(NotFittedError):
        model.predict()
    model.set_params(epochs=2).fit(graph)
    model.set_params(hidden=64)
    with pytest.raises(InputError, match="changed after fit"):
        model.predict()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "gin"}, "kind: expected one of 'gcn', 'sage', 'gat'"),
        ({"layers": 0}, "layers: expected an integer"),
        ({"dropout": 1.0}, "dropout: expected a number from"),
        ({"learning_rate": float("nan")}, "learning_rate: expected a number"),
        ({"weight_decay": float("inf")}, "weight_decay: expected a number"),
        ({"normalization": "group"}, "normalization: expected one of None"),
        ({"residual": 1}, "residual: expected one of False, True"),
        ({"scoring": "f1"}, "scoring: expected one of 'accuracy'"),
        ({"scoring": "roc_auc"}, "roc_auc needs two classes"),
        ({"kind": "gat", "hidden": 20}, "20 does not divide by 8 heads"),
        ({"seed": -1}, "seed: expected an integer"),
    ],
)
def test_refuses_parameters(graph, settings, message):
    with pytest.raises(InputError, match=message):
        GNNClassifier(**settings).fit(graph)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"val": None}, "no validation nodes; give val="),
        ({"train": None}, "no training nodes; give train="),
        ({"features": None}, "no features"),
    ],
)
def test_refuses_graphs(graph, changes, message):
    with pytest.raises(InputError, match=message):
        GNNClassifier().fit(rebuilt(graph, **changes))


def test_refuses_what_cannot_be_scored(graph):
    labels = graph.labels.copy()
    bare = graph.test_nodes[0]
    labels[bare] = -1
    with pytest.raises(InputError, match="expected a Graph, got list"):
        GNNClassifier().fit([])
    model = GNNClassifier(hidden=8, epochs=2).fit(rebuilt(graph, labels=labels, test=graph.test_nodes[1:]))
    with pytest.raises(InputError, match=f"node {bare} has no label"):
        model.score([bare])


def test_divergence_is_said(graph):
    with pytest.raises(InputError, match="lower learning_rate"):
        GNNClassifier(learning_rate=1e30, epochs=6, evaluate_every=3).fit(graph)


@pytest.mark.parametrize("name", ["torch", "torch_geometric"])
def test_missing_libraries_are_named(graph, monkeypatch, name):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ImportError, match=rf"needs {name}: pip install 'oubli\[attacks,pyg\]'"):
        GNNClassifier().fit(graph)
