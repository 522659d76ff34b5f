"""Nulls do not look at the gradient, and a test that says so would notice if one did."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from oubli.audit.gradients import Case, Defence, ModelForm
from oubli.audit.gradients.graphdlg.random_graphs import random_graphs
from oubli.audit.gradients.nulls import MeanFeature, NoiseDecoder, PriorAdjacency, RandomGuess
from oubli.graph import generate_molecules

FORM = ModelForm(3, 2, (16, 16), "tanh", bias=False)
NULLS = (RandomGuess, MeanFeature, PriorAdjacency, lambda: NoiseDecoder(epochs=3))


def observed(with_auxiliary=True, sizes=(6, 8)):
    graphs = random_graphs(FORM, sizes, len(sizes), True, None, seed=4)
    auxiliary = random_graphs(FORM, (5, 6, 7, 8), 24, True, None, seed=5) if with_auxiliary else ()
    case = Case(FORM, FORM.draw(1), one_hot=True, auxiliary=auxiliary)
    return [case.observe([graph])[0] for graph in graphs]


def depends_on_gradient(make, transcripts):
    generator = torch.Generator().manual_seed(0)
    noisy = [
        replace(
            each, gradient={k: torch.randn(v.shape, generator=generator).double() for k, v in each.gradient.items()}
        )
        for each in transcripts
    ]
    for one, two in zip(make().reconstruct(transcripts), make().reconstruct(noisy), strict=True):
        same = one.labels == two.labels and np.array_equal(one.edge_scores, two.edge_scores)
        if not (same and np.array_equal(one.features, two.features)) or one.embedding is not None:
            return True
    return False


@pytest.mark.parametrize("make", NULLS)
@pytest.mark.parametrize("with_auxiliary", [True, False])
def test_no_null_looks_at_the_gradient(make, with_auxiliary):
    assert make().kind == "null"
    assert not depends_on_gradient(make, observed(with_auxiliary))


class PeekingAtLabel(MeanFeature):
    def _labels(self, transcript, draws):
        return (int(transcript.gradient["c1"].argmin()),)


class PeekingAtTypes(RandomGuess):
    def _one(self, transcript, size, draws):
        edges, features = super()._one(transcript, size, draws)
        return edges, features * transcript.gradient["W1"].norm(dim=1).numpy()


@pytest.mark.parametrize("make", [PeekingAtLabel, PeekingAtTypes])
def test_a_null_that_looks_is_noticed(make):
    transcripts = observed(sizes=(6, 8, 5, 7))
    assert depends_on_gradient(make, transcripts)


@pytest.mark.parametrize("make", NULLS)
def test_guesses_have_the_shape_of_graphs(make):
    for size, guess in zip((6, 8), make().reconstruct(observed()), strict=True):
        assert guess.features.shape == (size, 3)
        assert guess.edge_scores.shape == (size, size)
        np.testing.assert_allclose(guess.edge_scores, guess.edge_scores.T, atol=1e-7)
        assert not np.diag(guess.edge_scores).any()


@pytest.mark.parametrize("make", NULLS)
def test_a_seed_gives_one_guess(make):
    one, two = (make().reconstruct(observed(), seed=3)[0] for _ in range(2))
    assert np.array_equal(one.edge_scores, two.edge_scores)


def test_batches_are_several_graphs():
    graphs = random_graphs(FORM, (4, 6), 2, True, None, seed=4)
    auxiliary = random_graphs(FORM, (5, 6), 6, True, None, seed=5)
    case = Case(FORM, FORM.draw(1), one_hot=True, auxiliary=auxiliary)
    transcript, _ = case.observe(graphs, Defence("batch:2", num_graphs=2))
    for make in (RandomGuess, MeanFeature, PriorAdjacency):
        guess = make().reconstruct([transcript])[0]
        assert len(guess.labels) == 2
        assert guess.features.shape == (10, 3)
        assert not guess.edge_scores[:4, 4:].any()


def test_without_auxiliary_graphs_it_is_said():
    assert "no auxiliary graphs" in PriorAdjacency().reconstruct(observed(with_auxiliary=False))[0].note
    assert "random graphs" in NoiseDecoder(epochs=1).reconstruct(observed(with_auxiliary=False))[0].note


def test_the_prior_is_what_all_graphs_have():
    auxiliary = tuple(random_graphs(FORM, (6,), 1, True, None, seed=5)) * 8
    case = Case(FORM, FORM.draw(1), one_hot=True, auxiliary=auxiliary)
    guess = PriorAdjacency().reconstruct([case.observe([random_graphs(FORM, (6,), 1, True, None, 8)[0]])[0]])[0]
    np.testing.assert_allclose(guess.edge_scores, auxiliary[0].adjacency(), atol=0.01)
    assert guess.labels == (auxiliary[0].label,)


def test_a_last_layer_may_be_wider_than_the_one_before():
    graphs = generate_molecules(12, seed=3).graphs
    form = ModelForm(graphs[0].num_features, 2, hidden=(8,))
    transcript, _ = Case(form, form.draw(0), one_hot=True, auxiliary=graphs[1:]).observe(graphs[:1])
    (found,) = NoiseDecoder(epochs=0).reconstruct([transcript])
    assert found.edge_scores.shape == (graphs[0].num_nodes,) * 2
