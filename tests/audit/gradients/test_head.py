"""Label and embedding of one graph from the gradient of the head."""

import numpy as np
import pytest
import torch
from tests.audit.gradients.graphs import random_graph

from oubli.audit.gradients import Case, Defence, ModelForm, invert_head
from oubli.errors import InputError
from oubli.graph import LabelledGraph, load_collection

ACTIVATIONS = ("relu", "leaky_relu", "tanh", "sigmoid", "gelu")


def inverted(form, graph, seed=0, precision="float64"):
    transcript, secret = Case(form, form.draw(seed), precision).observe([graph])
    found = invert_head(transcript)
    truth = secret.embeddings[0]
    return found, float((found.embedding - truth).norm() / truth.norm())


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("pooling", ["mean", "sum", "max"])
@pytest.mark.parametrize("layer", ["gcn", "gin"])
@pytest.mark.parametrize("head", [(), (16,), (16, 8)])
def test_label_and_embedding_are_exact(activation, pooling, layer, head):
    for seed in range(5):
        form = ModelForm(4, 3, hidden=(32, 32), activation=activation, pooling=pooling, layer=layer, head=head)
        graph = random_graph(9, 4, seed, label=seed % 3)
        found, error = inverted(form, graph, seed)
        assert found.label == graph.label
        assert error < 1e-12


def test_the_sensitivity_is_what_graph_layers_start_from():
    form = ModelForm(4, 2, hidden=(16,), activation="tanh", bias=True)
    graph = random_graph(7, 4, 3)
    transcript, _ = Case(form, form.draw(1)).observe([graph])
    found = invert_head(transcript)
    # The bias's gradient of one layer under mean pooling: the mean over nodes of g * act'(Z).
    looped = graph.adjacency() + np.eye(7)
    scale = looped.sum(axis=1) ** -0.5
    before = scale[:, None] * looped * scale @ graph.features @ transcript.weights["W1"].numpy()
    before = before + transcript.weights["b1"].numpy()
    expected = ((1 - np.tanh(before) ** 2) * found.sensitivity.numpy()).mean(axis=0)
    np.testing.assert_allclose(transcript.gradient["b1"].numpy(), expected, rtol=1e-10, atol=1e-15)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("head", [(), (16,)])
@pytest.mark.parametrize("classes", [2, 3])
def test_without_biases_the_scale_is_found_or_the_answer_is_marked_ambiguous(activation, head, classes):
    form = ModelForm(4, classes, hidden=(32, 32), activation=activation, head=head, head_bias=False)
    unique = 0
    for seed in range(3):
        graph = random_graph(9, 4, seed, label=seed % classes)
        found, error = inverted(form, graph, seed)
        if found.unique:
            unique += 1
            assert found.label == graph.label
            assert error < 1e-12
    if classes == 3:
        assert unique == 3


def test_float32_gives_float32(data_root):
    graphs = load_collection("tu-mutag", data_root)
    form = ModelForm(graphs.num_features, 2, activation="relu")
    results = [inverted(form, graph, 1, "float32") for graph in graphs[:30]]
    assert [found.label for found, _ in results] == [graph.label for graph in graphs[:30]]
    assert max(error for _, error in results) < 1e-5


def test_every_label_of_mutag(data_root):
    graphs = load_collection("tu-mutag", data_root)
    form = ModelForm(graphs.num_features, 2, activation="tanh", bias=False)
    results = [inverted(form, graph, 1) for graph in graphs]
    assert [found.label for found, _ in results] == [graph.label for graph in graphs]
    assert max(error for _, error in results) < 1e-12


class Silent(Defence):
    def share(self, gradient, generator):
        return {name: torch.zeros_like(value) for name, value in gradient.items()}


class Broken(Defence):
    def share(self, gradient, generator):
        return {name: value / 0 for name, value in gradient.items()}


@pytest.mark.parametrize(("defence", "said"), [(Silent(), "that of the head is zero"), (Broken(), "not finite")])
def test_an_update_that_tells_nothing(defence, said):
    form = ModelForm(4, 2, hidden=(8,))
    transcript, _ = Case(form, form.draw()).observe([random_graph(5, 4, 0)], defence)
    with pytest.raises(InputError, match=said):
        invert_head(transcript)


def test_a_graph_without_edges_still_has_a_label():
    form = ModelForm(4, 2, hidden=(8, 8))
    graph = LabelledGraph(np.empty((0, 2), int), np.eye(4)[:3], 1)
    found, error = inverted(form, graph)
    assert found.label == 1
    assert error < 1e-12


def test_without_biases_saturated_units_are_no_obstacle():
    found = 0
    for seed in range(10):
        form = ModelForm(3, 3, hidden=(16, 16), activation="tanh", pooling="max", head_bias=False)
        weights = {name: value * (1000 if name == "W2" else 1) for name, value in form.draw(seed).items()}
        graph = LabelledGraph([(0, 1), (1, 2), (2, 3)], np.random.default_rng(seed).standard_normal((4, 3)), seed % 3)
        transcript, secret = Case(form, weights).observe([graph])
        assert float(secret.embeddings.abs().max()) == 1
        inverted = invert_head(transcript)
        near = torch.allclose(inverted.embedding, secret.embeddings[0], rtol=1e-9)
        found += near and inverted.label == graph.label
    assert found == 10
