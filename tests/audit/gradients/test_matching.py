"""Gradient matching: searches that get nearer, that do not notice each other, and that repeat themselves."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch

from oubli.audit.gradients import Case, Defence, ModelForm
from oubli.audit.gradients.graphdlg.random_graphs import random_graphs
from oubli.audit.gradients.matching import DLG, IDLG, InvertingGradients
from oubli.audit.gradients.matching.limited_memory import minimise
from oubli.errors import InputError

FORM = ModelForm(3, 2, (16, 16), "tanh", bias=False)
SEARCHES = (DLG(2), IDLG(2), InvertingGradients(12, precision="float64"))


def observed(sizes=(5, 8), form=FORM, **known):
    graphs = random_graphs(form, sizes, len(sizes), True, None, seed=4)
    case = Case(form, form.draw(1), one_hot=True, **known)
    return graphs, [case.observe([graph])[0] for graph in graphs]


def loss(attack, transcripts):
    return attack.reconstruct(transcripts, seed=0)[0].details["loss"]


@pytest.mark.parametrize("kind", [DLG, IDLG])
def test_dlg_gets_nearer(kind):
    _, transcripts = observed((5,))
    assert loss(kind(8), transcripts) < 1e-2 * loss(kind(0), transcripts)


def test_inverting_gradients_gets_nearer():
    _, transcripts = observed((5,))
    assert loss(InvertingGradients(80), transcripts) < 0.2 * loss(InvertingGradients(0), transcripts)


def test_a_given_structure_is_kept_and_gives_the_features_away():
    graphs, transcripts = observed((5,))
    given = [replace(transcripts[0], structure=(graphs[0].adjacency(),))]
    for attack in (DLG(15, oracle=True), InvertingGradients(20, oracle=True)):
        assert attack.kind == "oracle"
        assert attack.name.endswith("-oracle")
        np.testing.assert_allclose(attack.reconstruct(given)[0].edge_scores, graphs[0].adjacency())
        with pytest.raises(InputError, match="structure: missing"):
            attack.reconstruct(transcripts)
    searched = DLG(15, oracle=True).reconstruct(given)[0].features
    start = DLG(0, oracle=True).reconstruct(given)[0].features
    assert ((searched - graphs[0].features) ** 2).mean() < ((start - graphs[0].features) ** 2).mean()


@pytest.mark.parametrize("attack", SEARCHES, ids=lambda attack: attack.name)
def test_neighbours_and_padding_do_not_matter(attack):
    _, transcripts = observed((5, 9))
    together, alone = attack.reconstruct(transcripts)[0], attack.reconstruct(transcripts[:1])[0]
    np.testing.assert_allclose(together.edge_scores, alone.edge_scores, atol=1e-6)
    np.testing.assert_allclose(together.features, alone.features, atol=1e-6)
    assert together.features.shape == (5, 3)


@pytest.mark.parametrize("attack", SEARCHES, ids=lambda attack: attack.name)
def test_a_seed_gives_one_guess(attack):
    _, transcripts = observed((6,))
    one, two, other = (attack.reconstruct(transcripts, seed)[0] for seed in (0, 0, 1))
    assert np.array_equal(one.edge_scores, two.edge_scores)
    assert np.array_equal(one.features, two.features)
    assert not np.array_equal(one.edge_scores, other.edge_scores)


@pytest.mark.parametrize("attack", SEARCHES, ids=lambda attack: attack.name)
def test_guesses_have_the_shape_of_graphs(attack):
    graphs, transcripts = observed((5, 8))
    for graph, guess in zip(graphs, attack.reconstruct(transcripts), strict=True):
        assert guess.edge_scores.shape == (graph.num_nodes, graph.num_nodes)
        np.testing.assert_array_equal(guess.edge_scores, guess.edge_scores.T)
        assert not np.diag(guess.edge_scores).any()
        assert guess.features.min() >= 0
        assert guess.features.max() <= 1
        assert attack.name == "dlg" or guess.labels == (graph.label,)


def test_inverting_gradients_sees_directions_only():
    _, transcripts = observed((6,))
    doubled = replace(transcripts[0], gradient={name: 4 * value for name, value in transcripts[0].gradient.items()})
    attack = InvertingGradients(12, precision="float64")
    one, two = attack.reconstruct(transcripts)[0], attack.reconstruct([doubled])[0]
    np.testing.assert_allclose(one.edge_scores, two.edge_scores, atol=1e-8)


def test_batches_are_several_graphs_of_one_gradient():
    graphs = random_graphs(FORM, (4, 6), 2, True, None, seed=4)
    transcript, _ = Case(FORM, FORM.draw(1), one_hot=True).observe(graphs, Defence("batch:2", num_graphs=2))
    for attack in (DLG(10), InvertingGradients(20)):
        guess = attack.reconstruct([transcript])[0]
        assert guess.features.shape == (10, 3)
        assert len(guess.labels) == 2
        assert not guess.edge_scores[:4, 4:].any()
    assert loss(DLG(10), [transcript]) < 0.1 * loss(DLG(0), [transcript])
    with pytest.raises(InputError, match="the gradient of 2; use dlg"):
        IDLG(1).reconstruct([transcript])


def test_sizes_have_to_come_from_somewhere():
    _, transcripts = observed((5,), num_nodes_known=False)
    with pytest.raises(InputError, match="num_nodes_known=True"):
        DLG(1).reconstruct(transcripts)
    auxiliary = random_graphs(FORM, (7,), 3, True, None, seed=9)
    _, supposed = observed((5,), num_nodes_known=False, auxiliary=auxiliary)
    assert DLG(0).reconstruct(supposed)[0].features.shape == (7, 3)


def rosenbrock(points):
    points = points.detach().requires_grad_(True)
    values = (1 - points[:, 0]) ** 2 + 100 * (points[:, 1] - points[:, 0] ** 2) ** 2
    return values.detach(), torch.autograd.grad(values.sum(), points)[0]


def test_limited_memory_finds_each_minimum_on_its_own():
    starts = torch.tensor([[-1.2, 1.0], [3.0, -2.0], [1.0, 1.0]], dtype=torch.float64)
    points, values, used = minimise(rosenbrock, starts, 300)
    torch.testing.assert_close(points, torch.ones_like(points), atol=1e-6, rtol=0)
    assert values.max() < 1e-12
    assert used <= 300
    alone, _, _ = minimise(rosenbrock, starts[:1], 300)
    torch.testing.assert_close(alone[0], points[0], atol=1e-6, rtol=0)


def test_limited_memory_never_goes_up():
    starts = torch.tensor([[-1.2, 1.0], [30.0, -20.0]], dtype=torch.float64)
    values = [minimise(rosenbrock, starts, budget)[1] for budget in (1, 5, 20, 60)]
    for before, after in itertools.pairwise(values):
        assert (after <= before).all()
