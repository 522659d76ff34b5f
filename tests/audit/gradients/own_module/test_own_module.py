"""A user's own torch module is recognised by its answers, or refused with the part that was not."""

import copy
import itertools

import numpy as np
import pytest
import torch
from tests.audit.gradients.graphs import random_graph

from oubli.audit.gradients import ModelForm, form_of
from oubli.audit.gradients.computation import loss_gradient, relative_distance
from oubli.audit.gradients.own_module import call_with_adjacency, call_with_edges
from oubli.errors import InputError

FUNCTIONS = {
    "tanh": torch.tanh,
    "relu": torch.relu,
    "gelu": torch.nn.functional.gelu,
    "leaky_relu": torch.nn.functional.leaky_relu,
    "sigmoid": torch.sigmoid,
}


class Layer(torch.nn.Module):
    """A GCN layer that keeps its matrix as (inputs, outputs)."""

    def __init__(self, inputs, outputs, bias):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.randn(inputs, outputs) / inputs**0.5)
        self.bias = torch.nn.Parameter(torch.zeros(outputs)) if bias else None

    def forward(self, operator, states):
        out = operator @ (states @ self.weight)
        return out if self.bias is None else out + self.bias


class Plain(torch.nn.Module):
    """``module(x, adjacency)``; keyword arguments break it in ways that no form has."""

    def __init__(self, activation="tanh", pooling="mean", head=(), head_activation=None, bias=True, broken="", width=6):
        super().__init__()
        self.activation, self.pooling, self.broken = activation, pooling, broken
        self.head_activation = head_activation or activation
        self.layers = torch.nn.ModuleList([Layer(4, width, bias), Layer(width, width, bias)])
        widths = (width, *head, 3)
        self.head = torch.nn.ModuleList([torch.nn.Linear(a, b) for a, b in itertools.pairwise(widths)])
        if broken == "norm":
            self.norm = torch.nn.BatchNorm1d(width)
        if broken == "dropout layer":
            self.drop = torch.nn.Dropout(0.3)
        if broken == "scale":
            self.scale = torch.nn.Parameter(torch.ones(1))

    def forward(self, x, adjacency):
        looped = adjacency + torch.eye(len(x), dtype=x.dtype)
        scale = looped.sum(1).rsqrt()
        operator = adjacency if self.broken == "no self-loops" else scale[:, None] * looped * scale
        states = x
        for layer in self.layers:
            if self.broken == "bias before neighbours":
                new = FUNCTIONS[self.activation](operator @ (states @ layer.weight + layer.bias))
            else:
                new = FUNCTIONS[self.activation](layer(operator, states))
            residual = self.broken == "residual" and new.shape == states.shape
            states = new + states if residual else new
        if self.broken == "dropout":
            states = torch.nn.functional.dropout(states, 0.5, self.training)
        out = states.amax(0) if self.pooling == "max" else getattr(states, self.pooling)(0)
        for position, linear in enumerate(self.head):
            out = linear(out if position == 0 else FUNCTIONS[self.head_activation](out))
        return torch.log_softmax(out, -1) if self.broken == "log-softmax" else out


@pytest.mark.parametrize(
    ("arguments", "form"),
    [
        ({}, ModelForm(4, 3, (6, 6), "tanh")),
        ({"broken": "log-softmax"}, ModelForm(4, 3, (6, 6), "tanh")),
        ({"activation": "gelu", "pooling": "sum", "bias": False}, ModelForm(4, 3, (6, 6), "gelu", False, "sum")),
        (
            {"activation": "leaky_relu", "pooling": "max", "width": 4},
            ModelForm(4, 3, (4, 4), "leaky_relu", True, "max"),
        ),
        ({"activation": "relu", "head": (6, 6)}, ModelForm(4, 3, (6, 6), "relu", head=(6, 6))),
        (
            {"activation": "sigmoid", "head": (5,), "head_activation": "relu"},
            ModelForm(4, 3, (6, 6), "sigmoid", head=(5,), head_activation="relu"),
        ),
    ],
    ids=str,
)
def test_a_plain_module_is_recognised_with_its_gradient(arguments, form):
    torch.manual_seed(0)
    module = Plain(**arguments).double()
    found, parameters = form_of(module, 4)
    assert found == form
    assert_same_gradient(module, call_with_adjacency, found, parameters, 4)


def assert_same_gradient(module, call, form, parameters, num_features):
    with torch.no_grad():
        for value in module.parameters():
            value += 0.1 * torch.randn_like(value)
    graph = random_graph(9, num_features, 1, label=1)
    module.zero_grad()
    torch.nn.functional.cross_entropy(call(module, graph)[None], torch.tensor([1])).backward()
    expected = loss_gradient(form, parameters.weights_of(module), [graph])
    assert relative_distance(parameters.gradient_of(module), expected) < 1e-10


def pyg_module(kind, activation, pooling, head=(), bias=True):
    geometric = pytest.importorskip("torch_geometric.nn")
    pools = {name: getattr(geometric, f"global_{name.replace('sum', 'add')}_pool") for name in ("mean", "sum", "max")}

    class Network(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.convs = torch.nn.ModuleList([self.conv(5, 8), self.conv(8, 8)])
            widths = (8, *head, 2)
            maps = [torch.nn.Linear(a, b) for a, b in itertools.pairwise(widths)]
            self.head = torch.nn.Sequential(*[part for each in maps for part in (each, torch.nn.ReLU())][:-1])

        @staticmethod
        def conv(inputs, outputs):
            if kind == "gcn":
                return geometric.GCNConv(inputs, outputs, bias=bias)
            if kind == "gin":
                first, second = (
                    torch.nn.Linear(inputs, outputs, bias=bias),
                    torch.nn.Linear(outputs, outputs, bias=bias),
                )
                between = {"relu": torch.nn.ReLU, "tanh": torch.nn.Tanh}[activation]()
                return geometric.GINConv(torch.nn.Sequential(first, between, second))
            return getattr(geometric, kind)(inputs, outputs)

        def forward(self, x, edge_index, batch):
            for conv in self.convs:
                x = FUNCTIONS[activation](conv(x, edge_index))
            return self.head(pools[pooling](x, batch))

    torch.manual_seed(1)
    return Network().double()


@pytest.mark.parametrize(
    ("arguments", "form"),
    [
        (("gcn", "relu", "mean"), ModelForm(5, 2, (8, 8))),
        (("gcn", "tanh", "sum", (), False), ModelForm(5, 2, (8, 8), "tanh", False, "sum")),
        (("gcn", "tanh", "max", (7,)), ModelForm(5, 2, (8, 8), "tanh", True, "max", (7,), head_activation="relu")),
        (("gin", "relu", "sum"), ModelForm(5, 2, (8, 8), pooling="sum", layer="gin")),
        (("gin", "tanh", "mean", (4,), False), None),
    ],
    ids=str,
)
def test_a_pyg_module_is_recognised_with_its_gradient(arguments, form):
    module = pyg_module(*arguments)
    found, parameters = form_of(module, 5)
    form = form or ModelForm(5, 2, (8, 8), "tanh", False, "mean", (4,), layer="gin", head_activation="relu")
    assert found == form
    assert_same_gradient(module, call_with_edges, found, parameters, 5)


def test_nothing_of_the_module_changes():
    module = pyg_module("gcn", "relu", "mean").train()
    before = copy.deepcopy(module.state_dict())
    module.head[0].weight.grad = torch.ones_like(module.head[0].weight)
    state = torch.get_rng_state()
    form_of(module, 5)
    assert torch.equal(torch.get_rng_state(), state)
    assert module.training
    assert module.convs[0].bias.grad is None
    assert bool((module.head[0].weight.grad == 1).all())
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())


@pytest.mark.parametrize(
    ("broken", "words"),
    [
        ("norm", r"norm \(BatchNorm1d\)"),
        ("dropout layer", r"drop \(Dropout\) drops at random in training"),
        ("dropout", "in training it answers otherwise"),
        ("scale", "parameter scale of shape"),
        ("residual", "a residual connection"),
        ("no self-loops", "how neighbours are weighted"),
        ("bias before neighbours", "the place of a bias"),
    ],
)
def test_another_form_is_refused_by_name(broken, words):
    with pytest.raises(InputError, match=words) as refused:
        form_of(Plain(broken=broken), 4)
    assert "supported" in str(refused.value)


@pytest.mark.parametrize("kind", ["SAGEConv", "GATConv", "GraphConv"])
def test_other_layers_of_pyg_are_refused_by_name(kind):
    with pytest.raises(InputError, match=rf"convs.0 \({kind}\) is a graph layer of another kind"):
        form_of(pyg_module(kind, "relu", "mean"), 5)


def test_what_cannot_be_called_says_how_to():
    with pytest.raises(InputError, match="pass call="):
        form_of(Plain(), 4, call=call_with_edges)
    with pytest.raises(InputError, match="do not make graph layers from 5 features"):
        form_of(Plain(), 5, call=lambda module, graph: torch.zeros(3))
    with pytest.raises(InputError, match="forward takes"):
        form_of(torch.nn.Linear(4, 2), 4)


def test_arrays_go_there_and_back_in_the_order_of_the_state():
    module = pyg_module("gin", "relu", "sum")
    _, parameters = form_of(module, 5)
    state = {name: value.numpy() for name, value in module.state_dict().items()}
    assert "convs.0.eps" in parameters.buffers  # in the state, and no parameter
    canonical = parameters.from_arrays(list(state.values()))
    for name, value in zip(state, parameters.to_arrays(canonical), strict=True):
        np.testing.assert_array_equal(value, state[name])
    fewer = parameters.from_arrays([value.detach().numpy() for value in module.parameters()])
    assert all(torch.equal(fewer[name], canonical[name]) for name in canonical)
    module.load_state_dict(parameters.own(canonical), strict=False)


def test_arrays_that_do_not_fit_are_refused():
    module = Plain()
    _, parameters = form_of(module, 4)
    arrays = [value.detach().numpy() for value in module.parameters()]
    with pytest.raises(InputError, match="5 came; the module has 6 parameters"):
        parameters.from_arrays(arrays[:-1])
    with pytest.raises(InputError, match="does not fit"):
        parameters.from_arrays(arrays[::-1])
    with pytest.raises(InputError, match="missing"):
        parameters.canonical({})
