"""GraphDLG on generated graphs: what the gradient tells exactly, what it only suggests, and where the attack stops."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from oubli.audit.gradients import Case, Defence, ModelForm, invert_head
from oubli.audit.gradients.graphdlg import GraphDLG
from oubli.audit.gradients.graphdlg.composition import balanced, composition_of, present_types
from oubli.audit.gradients.graphdlg.decoder import Examples, StructureDecoder
from oubli.audit.gradients.graphdlg.random_graphs import random_graphs
from oubli.audit.gradients.graphdlg.refinement import committed, recurse_where_determined
from oubli.audit.gradients.graphdlg.retrieval import in_canonical_order, order_is_informative
from oubli.audit.gradients.graphdlg.surroundings import ProfileDictionary
from oubli.audit.gradients.nulls import MeanFeature
from oubli.audit.gradients.oracles import RecursionOracle
from oubli.errors import InputError
from oubli.graph.collection import LabelledGraph

FORM = ModelForm(4, 2, (24, 24), "tanh", bias=False)


def observed(form=FORM, sizes=(6, 8, 10), seed=4, **known):
    graphs = random_graphs(form, sizes, len(sizes), True, None, seed=seed)
    known.setdefault("auxiliary", random_graphs(form, (5, 6, 7, 8, 9, 10), 36, True, None, seed=5))
    case = Case(form, form.draw(1), one_hot=True, **known)
    return graphs, [case.observe([graph])[0] for graph in graphs]


def mean_squared(guesses, graphs):
    return np.mean(
        [((guess.features - graph.features) ** 2).mean() for guess, graph in zip(guesses, graphs, strict=True)]
    )


@pytest.mark.parametrize("layer", ["gcn", "gin"])
@pytest.mark.parametrize("pooling", ["mean", "sum"])
def test_composition_is_exact_for_known_surroundings(layer, pooling):
    form = ModelForm(4, 2, (24, 24), "tanh", pooling=pooling, layer=layer)
    graphs, transcripts = observed(form)
    dictionary = ProfileDictionary.of(form, form.draw(1), graphs)
    for graph, transcript in zip(graphs, transcripts, strict=True):
        shares, total = dictionary.shares(transcript, invert_head(transcript))
        assert total == pytest.approx(graph.num_nodes if pooling == "sum" else 1, rel=1e-4)
        np.testing.assert_allclose(shares @ dictionary.features, graph.features.mean(0), atol=1e-4)
        assert shares @ dictionary.degrees == pytest.approx(graph.degrees.mean(), abs=1e-3)


def test_types_that_occur_are_exact():
    graphs, transcripts = observed()
    for graph, transcript in zip(graphs, transcripts, strict=True):
        present = present_types(transcript)
        np.testing.assert_array_equal(present, graph.features.any(0))
        dictionary = ProfileDictionary.of(FORM, transcript.weights, transcript.auxiliary)
        found = composition_of(dictionary, dictionary.average(), present, graph.num_nodes)
        assert found.sum() == pytest.approx(1)
        assert not found[~present].any()


def test_it_beats_the_mean_feature_row():
    graphs, transcripts = observed(sizes=(6, 7, 8, 9, 10))
    guesses = GraphDLG(epochs=1).reconstruct(transcripts)
    assert mean_squared(guesses, graphs) < mean_squared(MeanFeature().reconstruct(transcripts), graphs)
    for graph, guess in zip(graphs, guesses, strict=True):
        assert guess.labels == (graph.label,)
        assert guess.edge_scores.shape == (graph.num_nodes, graph.num_nodes)
        np.testing.assert_allclose(guess.edge_scores, guess.edge_scores.T, atol=1e-6)
        np.testing.assert_allclose(guess.features.sum(1), 1, atol=1e-6)
        assert not guess.determined
        assert "estimate" in guess.note


def test_a_graph_that_is_in_memory_is_found():
    auxiliary = random_graphs(FORM, (9,), 12, True, None, seed=6)
    case = Case(FORM, FORM.draw(1), one_hot=True, auxiliary=auxiliary)
    attack = GraphDLG(epochs=0)
    guess = attack.reconstruct([case.observe([in_canonical_order(auxiliary[0])])[0]])[0]
    overlap = attack.dictionary.overlap(attack.dictionary.owned[:1] / 9, np.array([9.0]))[0]
    assert overlap.argmax() == 0
    assert overlap[0] == pytest.approx(1)
    assert guess.residual is not None


def test_a_seed_gives_one_guess():
    _, transcripts = observed()
    one, two = (GraphDLG(epochs=2).reconstruct(transcripts, seed=1) for _ in range(2))
    for first, second in zip(one, two, strict=True):
        assert np.array_equal(first.edge_scores, second.edge_scores)
        assert np.array_equal(first.features, second.features)


def test_a_batch_says_what_each_alone_does():
    _, transcripts = observed()
    attack = GraphDLG(epochs=2)
    attack.prepare(transcripts)
    together, alone = attack.reconstruct(transcripts)[1], attack.reconstruct(transcripts[1:2])[0]
    np.testing.assert_allclose(together.edge_scores, alone.edge_scores, atol=1e-4)  # float32
    np.testing.assert_allclose(together.features, alone.features, atol=1e-9)


def test_sizes_that_are_not_known():
    form = ModelForm(4, 2, (24, 24), "tanh", pooling="sum")
    auxiliary = random_graphs(form, (5, 6, 7, 8, 9, 10), 36, True, None, seed=5)
    case = Case(form, form.draw(1), one_hot=True, auxiliary=auxiliary, num_nodes_known=False)
    transcripts = [case.observe([graph])[0] for graph in auxiliary[:4]]
    guesses = GraphDLG(epochs=0).reconstruct(transcripts)
    assert [len(guess.features) for guess in guesses] == [5, 6, 7, 8]
    _, unknown = observed(num_nodes_known=False)
    assert all(5 <= len(guess.features) <= 10 for guess in GraphDLG(epochs=0).reconstruct(unknown))


def test_without_auxiliary_graphs_it_learns_from_random_ones():
    _, transcripts = observed(auxiliary=())
    guess = GraphDLG(epochs=1, num_random=20).reconstruct(transcripts)[0]
    assert "20 random graphs" in guess.note


def test_limits_are_said():
    _, transcripts = observed()
    with pytest.raises(InputError, match=r"10 nodes, and the decoder takes 8; .*max_nodes=10"):
        GraphDLG(max_nodes=8).prepare(transcripts)
    attack = GraphDLG(epochs=0)
    attack.prepare(transcripts)
    _, larger = observed(sizes=(12,))
    with pytest.raises(InputError, match=r"12 nodes, and the decoder takes 10; .*max_nodes=12"):
        attack.reconstruct(larger)
    form = ModelForm(4, 2, (8,), pooling="max")
    with pytest.raises(InputError, match="not max"):
        GraphDLG().prepare(observed(form)[1])
    graphs = random_graphs(FORM, (5,), 2, True, None, seed=4)
    batch, _ = Case(FORM, FORM.draw(1), one_hot=True).observe(graphs, Defence("batch:2", num_graphs=2))
    with pytest.raises(InputError, match="the gradient of 2"):
        GraphDLG().prepare([batch])


def examples(shift, generator, count=60):
    evidence = torch.randn(count, 5, generator=generator) + shift
    return Examples(evidence, torch.ones(count, 6), torch.full((count, 6, 6), 0.3))


def test_adaptation_brings_codes_together():
    generator = torch.Generator().manual_seed(0)
    known, asked = examples(0.0, generator), examples(2.0, generator)
    truth = (torch.rand(60, 6, 6, generator=generator) < 0.3).float()
    apart = []
    for weight in (0.0, 1.0):
        decoder = StructureDecoder(adversarial=weight, epochs=80).fit(known, truth, asked)
        apart.append(decoder.discrepancy(known.evidence, asked.evidence))
    assert apart[1] < 0.8 * apart[0]


def test_the_decoder_learns_what_evidence_tells():
    generator = torch.Generator().manual_seed(0)
    known = examples(0.0, generator, 200)
    truth = torch.zeros(200, 6, 6)
    truth[:, 0, 1] = truth[:, 1, 0] = (known.evidence[:, 0] > 0).float()
    new = examples(0.0, generator, 100)
    found = StructureDecoder(epochs=60).fit(known, truth, new).decode(new)[:, 0, 1]
    assert (((found > 0.5) == (new.evidence[:, 0] > 0)).float().mean()) > 0.9


def test_order_is_informative_only_where_places_repeat():
    path = np.array([[i, i + 1] for i in range(8)])
    draws = np.random.default_rng(0)
    paths = [LabelledGraph(path[: n - 1], np.ones((n, 1)), 0) for n in (6, 7, 8, 9) * 3]
    assert order_is_informative(paths)
    mixed = [graph.permuted(draws.permutation(graph.num_nodes)) for graph in paths]
    assert not order_is_informative(mixed)
    assert order_is_informative([in_canonical_order(graph) for graph in mixed])


def test_features_follow_from_a_true_structure_and_from_no_other():
    form = ModelForm(3, 2, (24, 24), "tanh", bias=False)
    cycle = np.array([[0, 1], [1, 2], [2, 3], [3, 4], [4, 0]])
    graph = LabelledGraph(cycle, np.random.default_rng(0).standard_normal((5, 3)), 1)
    transcript, _ = Case(form, form.draw(1)).observe([graph])
    head = invert_head(transcript)
    found = recurse_where_determined(transcript, head, graph.adjacency(), graph.features)
    np.testing.assert_allclose(found.features, graph.features, atol=1e-8)
    wrong = LabelledGraph(np.array([[0, 1], [0, 2], [0, 3], [0, 4], [1, 2]]), graph.features, 1)
    assert recurse_where_determined(transcript, head, wrong.adjacency(), graph.features).features is None


def test_the_recursion_oracle_says_whether_features_follow():
    graphs, transcripts = observed()
    case = Case(FORM, FORM.draw(1), one_hot=True)
    with pytest.raises(InputError, match="structure: missing"):
        RecursionOracle().reconstruct(transcripts)
    lonely = LabelledGraph(np.zeros((0, 2), int), np.eye(4)[[2]], 1)
    for graph in (*graphs, lonely):
        transcript, _ = case.observe([graph])
        given = replace(transcript, structure=(graph.adjacency(),))
        guess = RecursionOracle().reconstruct([given])[0]
        np.testing.assert_array_equal(guess.adjacency, graph.adjacency())
        if graph is lonely:  # the embedding is its last state: here the recursion has all it needs
            assert guess.determined
            np.testing.assert_allclose(guess.features, graph.features, atol=1e-6)
        else:
            assert not guess.determined


@given(st.integers(1, 12), st.integers(2, 5), st.integers(0, 100))
def test_random_graphs_are_connected_and_keep_to_the_degree(size, limit, seed):
    graph = random_graphs(FORM, (size,), 1, True, limit, seed)[0]
    assert graph.num_nodes == size
    assert graph.degrees.max(initial=0) <= limit
    reached = np.linalg.matrix_power(graph.adjacency() + np.eye(size), size)
    assert (reached > 0).all()


@given(st.integers(0, 1000))
def test_balanced_rows_have_the_composition(seed):
    draws = np.random.default_rng(seed)
    rows, mask = draws.random((2, 6, 3)) + 0.1, np.array([[1.0] * 6, [1.0] * 4 + [0.0] * 2])
    composition = draws.dirichlet(np.ones(3) * 3, 2)
    found = balanced(rows, mask, composition)
    np.testing.assert_allclose(found.sum(2), mask, atol=1e-9)
    np.testing.assert_allclose(found.sum(1) / mask.sum(1)[:, None], composition, atol=1e-2)


def test_committed_takes_the_best_pairs():
    scores = np.array([[0, 0.9, 0.1], [0.9, 0, 0.5], [0.1, 0.5, 0]])
    np.testing.assert_array_equal(committed(scores, 4 / 3), [[0, 1, 0], [1, 0, 1], [0, 1, 0]])


@pytest.mark.parametrize("noise", [1e-6, 1e-2, 10.0])
def test_noise_leaves_a_guess(noise):
    _, transcripts = observed()
    generator = torch.Generator().manual_seed(0)
    noisy = [
        replace(
            each,
            rounding=noise,
            gradient={k: v + noise * torch.randn(v.shape, generator=generator) for k, v in each.gradient.items()},
        )
        for each in transcripts
    ]
    for guess in GraphDLG(epochs=1).reconstruct(noisy):
        assert np.isfinite(guess.edge_scores).all()
        np.testing.assert_allclose(guess.features.sum(1), 1, atol=1e-6)
        assert not guess.determined


def test_large_auxiliary_graphs_are_left_out():
    few = random_graphs(FORM, (5, 6, 7, 90), 8, True, None, seed=5)
    _, transcripts = observed(auxiliary=few)
    attack = GraphDLG(epochs=0)
    attack.prepare(transcripts)
    assert attack.memory.mask.shape == (6, 10)
    _, none = observed(auxiliary=few[3:4])
    with pytest.raises(InputError, match="two auxiliary graphs of at most 64 nodes, got 0"):
        GraphDLG().prepare(none)
