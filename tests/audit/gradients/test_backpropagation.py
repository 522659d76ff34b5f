"""The written-out gradient is the one that torch differentiates, for every form, padded or not."""

import pytest
import torch

from oubli.audit.gradients import ModelForm, backpropagation
from oubli.audit.gradients.backpropagation import graph_gradients
from oubli.audit.gradients.computation import DenseGraphs, loss_gradient, operator_of
from oubli.audit.gradients.form import ACTIVATIONS, LAYERS, POOLINGS
from oubli.audit.gradients.graphdlg.random_graphs import random_graphs


def largest_error(form, one_hot=True):
    weights = form.draw(3)
    graphs = random_graphs(form, (4, 7, 11), 3, one_hot, None, seed=1)
    dense = DenseGraphs.of(graphs)
    labels = torch.eye(form.num_classes, dtype=torch.float64)[[graph.label for graph in graphs]]
    operator = operator_of(form, dense.adjacency)
    found = graph_gradients(form, weights, operator, dense.features, dense.mask, labels)
    errors = []
    for place, graph in enumerate(graphs):
        truth = loss_gradient(form, weights, [graph])
        errors += [float((found[name][place] - truth[name]).abs().max()) for name in truth]
    return max(errors)


@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_closed_form_is_the_gradient(activation, pooling, layer):
    for bias in (True, False):
        form = ModelForm(3, 3, (6, 5), activation, bias, pooling, layer=layer)
        assert largest_error(form) < 1e-12


@pytest.mark.parametrize("head_bias", [True, False])
def test_deep_models_and_heads(head_bias):
    form = ModelForm(4, 2, (6, 5, 7), "gelu", head=(9, 4), head_bias=head_bias)
    assert largest_error(form, one_hot=False) < 1e-12


def test_a_lost_slope_is_noticed(monkeypatch):
    monkeypatch.setattr(backpropagation, "_slope", lambda act, before, after: torch.ones_like(after))
    assert largest_error(ModelForm(3, 2, (6, 5), "tanh")) > 1e-4


def test_it_can_be_differentiated_again():
    form = ModelForm(2, 2, (3,), "tanh")
    weights, mask = form.draw(0), torch.ones(1, 4, dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)
    adjacency = torch.rand(1, 4, 4, generator=generator, dtype=torch.float64, requires_grad=True)
    features = torch.rand(1, 4, 2, generator=generator, dtype=torch.float64, requires_grad=True)
    labels = torch.tensor([[0.3, 0.7]], dtype=torch.float64, requires_grad=True)

    def gradients(edges, rows, classes):
        symmetric = (edges + edges.mT) / 2
        return tuple(graph_gradients(form, weights, operator_of(form, symmetric), rows, mask, classes).values())

    assert torch.autograd.gradcheck(gradients, (adjacency, features, labels))
