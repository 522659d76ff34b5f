"""What a client computes and a server sees; and what no server can see."""

import itertools

import numpy as np
import pytest
import torch
from tests.audit.gradients.graphs import random_graph, typed_graph

from oubli.audit.gradients import Case, Defence, ModelForm
from oubli.audit.gradients.computation import DenseGraphs, forward, loss_gradient, operator_of, relative_distance
from oubli.errors import InputError

ACTIVATIONS = ("relu", "leaky_relu", "tanh", "sigmoid", "gelu")
FORMS = [
    ModelForm(3, 2, (8, 8), activation, bias, pooling, head, layer=layer)
    for (activation, bias, pooling), (head, layer) in zip(
        itertools.product(ACTIVATIONS, (True, False), ("mean", "sum", "max")),
        itertools.cycle([((), "gcn"), ((5,), "gin"), ((), "gin"), ((5,), "gcn")]),
        strict=False,
    )
]


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_the_gradient_is_that_of_finite_differences(form):
    graph = random_graph(6, 3, 2, label=1)
    weights = form.draw(3)
    gradient = loss_gradient(form, weights, [graph])
    dense = DenseGraphs.of([graph])
    operator = operator_of(form, dense.adjacency)
    rng = np.random.default_rng(0)

    def loss(moved):
        logits = forward(form, moved, operator, dense.features, dense.mask).logits[0]
        return float(torch.logsumexp(logits, 0) - logits[1])

    direction = {name: torch.from_numpy(rng.normal(size=tuple(w.shape))) for name, w in weights.items()}
    step = 1e-6
    ahead, behind = ({n: weights[n] + s * step * direction[n] for n in weights} for s in (1, -1))
    expected = (loss(ahead) - loss(behind)) / (2 * step)
    found = sum(float((gradient[name] * direction[name]).sum()) for name in weights)
    assert found == pytest.approx(expected, rel=2e-4, abs=1e-7)


@pytest.mark.parametrize("form", FORMS[::3], ids=str)
def test_the_order_of_nodes_and_padding_do_not_show(form):
    graph = random_graph(6, 3, 5)
    weights = form.draw(1)
    seen = loss_gradient(form, weights, [graph])
    shuffled = loss_gradient(form, weights, [graph.permuted(np.random.default_rng(0).permutation(6))])
    assert relative_distance(shuffled, seen) < 1e-13
    padded = DenseGraphs.of([graph, random_graph(9, 3, 6)])
    alone = DenseGraphs.of([graph])
    both = forward(form, weights, operator_of(form, padded.adjacency), padded.features, padded.mask)
    one = forward(form, weights, operator_of(form, alone.adjacency), alone.features, alone.mask)
    torch.testing.assert_close(both.logits[:1], one.logits, rtol=1e-12, atol=1e-14)


# Decalin and bicyclopentyl: two molecules, ten carbons each, that no number of colour refinements tells apart.
DECALIN = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 0), (4, 6), (6, 7), (7, 8), (8, 9), (9, 5)]
BICYCLOPENTYL = [(0, 1), (1, 2), (2, 3), (3, 4), (4, 0), (0, 5), (5, 6), (6, 7), (7, 8), (8, 9), (9, 5)]


@pytest.mark.parametrize("form", FORMS, ids=str)
def test_graphs_of_the_same_profiles_have_the_same_gradient(form):
    weights = form.draw(2)
    one, other = (typed_graph(edges, [0] * 10, 3) for edges in (DECALIN, BICYCLOPENTYL))
    gradient = loss_gradient(form, weights, [one])
    assert relative_distance(loss_gradient(form, weights, [other]), gradient) < 1e-13
    # The test can fail: move one bond to an atom that has three, and the profiles differ.
    moved = typed_graph([*DECALIN[:-1], (9, 4)], [0] * 10, 3)
    assert relative_distance(loss_gradient(form, weights, [moved]), gradient) > 1e-6


def test_local_steps_give_the_average_gradient():
    form = ModelForm(3, 2, (8,), "tanh")
    case, graph = Case(form, form.draw()), random_graph(5, 3, 0)
    once, _ = case.observe([graph])
    still, _ = case.observe([graph], Defence("local-steps", local_steps=4, learning_rate=1e-9))
    walked, _ = case.observe([graph], Defence("local-steps", local_steps=4, learning_rate=0.5))
    assert relative_distance(still.gradient, once.gradient) < 1e-6
    assert relative_distance(walked.gradient, once.gradient) > 1e-2


def test_a_batch_is_the_mean():
    form = ModelForm(3, 2, (8,), "tanh")
    case, graphs = Case(form, form.draw()), [random_graph(5, 3, 0), random_graph(7, 3, 1, label=1)]
    both, secret = case.observe(graphs, Defence("batch:2", num_graphs=2))
    apart = [case.observe([graph])[0].gradient for graph in graphs]
    mean = {name: (apart[0][name] + apart[1][name]) / 2 for name in apart[0]}
    assert relative_distance(both.gradient, mean) < 1e-14
    assert both.num_nodes == (5, 7)
    assert len(secret.embeddings) == 2


def test_the_threat_model_says_what_is_known():
    form = ModelForm(3, 2, (8,), "tanh")
    graph = random_graph(5, 3, 0)
    plain = Case(form, form.draw(), num_nodes_known=False).observe([graph])[0].threat_model()
    assert "how many nodes" not in plain
    assert "no graphs" in plain
    told = Case(
        form, form.draw(), "float32", one_hot=True, max_degree=4, auxiliary=(graph,), auxiliary_source="a client's"
    )
    text = told.observe([graph])[0].threat_model()
    for part in ("how many nodes", "one type", "more than 4 neighbours", "1 graphs of its own (a client's)", "float32"):
        assert part in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"activation": "swish"}, "'swish' is not supported; supported: tanh"),
        ({"pooling": "set2set"}, "supported: sum, mean, max"),
        ({"layer": "gat"}, "supported: gcn, gin"),
        ({"hidden": ()}, "needs a graph layer"),
        ({"head": (0,)}, "widths of 1 or more"),
    ],
)
def test_other_forms_are_refused(arguments, said):
    with pytest.raises(InputError, match=said):
        ModelForm(3, 2, **arguments)


def test_what_does_not_fit_is_refused():
    form = ModelForm(3, 2, (8,))
    with pytest.raises(InputError, match="W1 should be of shape"):
        Case(form, ModelForm(4, 2, (8,)).draw())
    with pytest.raises(InputError, match="supported: float64, float32"):
        Case(form, form.draw(), "float8")
    case = Case(form, form.draw())
    with pytest.raises(InputError, match="graph 0: 4 feature columns, and the model takes 3"):
        case.observe([random_graph(5, 4, 0)])
    with pytest.raises(InputError, match="label 2, and the model has 2 classes"):
        case.observe([random_graph(5, 3, 0, label=2)])
    with pytest.raises(InputError, match="puts 1 together, got 2"):
        case.observe([random_graph(5, 3, 0)] * 2)
