"""The attack as a whole: graphs whose gradient is the one seen, and no claims beyond."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from oubli.audit.gradients import Case, Defence, ModelForm
from oubli.audit.gradients.computation import loss_gradient, relative_distance
from oubli.audit.gradients.lifting import ProfileLifting, node_profiles, profile_histogram
from oubli.errors import InputError
from oubli.graph import load_collection
from oubli.graph.collection import LabelledGraph


class Noise(Defence):
    """Gaussian noise on every entry, relative to the gradient's size."""

    def share(self, gradient, generator):
        size = torch.sqrt(sum((value**2).sum() for value in gradient.values()))
        noise = {n: torch.randn(v.shape, generator=generator, dtype=v.dtype) for n, v in gradient.items()}
        return {name: value + 1e-2 * size * noise[name] for name, value in gradient.items()}


def guessed(reconstruction):
    edges = np.argwhere(np.triu(reconstruction.adjacency))
    return LabelledGraph(edges, reconstruction.features, reconstruction.labels[0])


@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_the_guess_has_the_same_gradient_and_the_same_profiles(make_molecule, observe, seed):
    graph = make_molecule(seed)
    transcript = observe([graph])
    (found,) = ProfileLifting().reconstruct([transcript])
    again = guessed(found)
    gradient = loss_gradient(transcript.form, transcript.weights, [again])
    assert relative_distance(gradient, transcript.gradient) < 1e-11
    assert found.residual == pytest.approx(relative_distance(gradient, transcript.gradient), abs=1e-12)
    assert found.labels == (graph.label,)
    if found.determined:
        assert profile_histogram(again, 2) == profile_histogram(graph, 2)


@pytest.mark.parametrize(
    ("form", "precision", "known"),
    [
        ({"activation": "tanh"}, "float64", False),
        ({"activation": "tanh", "pooling": "sum"}, "float64", True),
        ({"activation": "tanh", "hidden": (32,)}, "float64", True),
        ({"activation": "tanh", "hidden": (32, 32, 32)}, "float64", True),
        ({"activation": "tanh", "layer": "gin"}, "float64", True),
        ({"activation": "relu", "hidden": (64, 64)}, "float32", True),
    ],
    ids=str,
)
def test_forms_that_are_supported(make_molecule, observe, form, precision, known):
    graph = make_molecule(11)
    auxiliary = [make_molecule(seed) for seed in range(100, 140)]
    transcript = observe([graph], precision=precision, num_nodes_known=known, auxiliary=auxiliary, **form)
    (found,) = ProfileLifting().reconstruct([transcript])
    assert found.residual < 1e-5
    layers = transcript.form.num_layers
    degrees = transcript.form.layer == "gcn"
    assert profile_histogram(guessed(found), layers, degrees) == profile_histogram(graph, layers, degrees)


def lifted(graph, auxiliary, known=True):
    form = ModelForm(8, 2, hidden=(32, 32), activation="tanh")
    case = Case(form, form.draw(1), one_hot=True, auxiliary=tuple(auxiliary), num_nodes_known=known)
    (found,) = ProfileLifting().reconstruct([case.observe([graph])[0]])
    assert found.residual < 1e-9
    return found


@pytest.mark.parametrize("known", [True, False])
def test_a_mean_over_an_unknown_number_of_nodes_determines_nothing(known):
    kinds = [0, 1, 2, 3, 4], [0, 1, 2, 3, 4] * 2
    rings = [LabelledGraph([(i, (i + 1) % len(each)) for i in range(len(each))], np.eye(8)[each], 0) for each in kinds]
    found = [lifted(graph, rings, known) for graph in rings]
    assert [each.determined for each in found] == [known, False]
    assert known == (len(found[1].adjacency) == 10)


def test_a_chain_whose_middle_can_be_turned_is_not_determined():
    kinds = [[4, 0, 1, 2, 3, *middle, 3, 2, 1, 0, 7] for middle in ((5, 6), (6, 5))]
    chains = [LabelledGraph([(i, i + 1) for i in range(11)], np.eye(8)[each], 0) for each in kinds]
    assert not any(lifted(chain, chains).determined for chain in chains)


def test_noise_is_never_called_determined(make_molecule, observe):
    graph = make_molecule(4)
    for rounding in (2.0**-53, 1e-2):
        defence = Noise("noise")
        object.__setattr__(defence, "rounding", lambda unit, stated=rounding: stated)
        (found,) = ProfileLifting(seconds=1.0).reconstruct([observe([graph], defence)])
        assert not found.determined
        assert found.note


def test_a_batch_gives_its_one_hop_profiles(make_molecule, observe):
    graphs = [make_molecule(seed) for seed in (1, 2)]
    (found,) = ProfileLifting().reconstruct([observe(graphs, Defence("batch:2", num_graphs=2))])
    assert found.adjacency is None
    present = {profile for graph in graphs for profile in node_profiles(graph, 1)}
    recovered = set(found.details["one_hop_profiles"])
    assert len(present & recovered) >= 0.9 * len(present)


def test_the_same_seed_gives_the_same_guess(make_molecule, observe):
    transcript = observe([make_molecule(6, rings=2)])
    one, other = (ProfileLifting().reconstruct([transcript], seed=3)[0] for _ in range(2))
    np.testing.assert_array_equal(one.adjacency, other.adjacency)


def test_what_is_not_supported_is_said(make_molecule, observe):
    graph = make_molecule(0)
    with pytest.raises(InputError, match="max_degree"):
        ProfileLifting().reconstruct([observe([graph], max_degree=None)])
    with pytest.raises(InputError, match="max"):
        ProfileLifting().reconstruct([observe([graph], pooling="max")])
    form = ModelForm(3, 2, (8, 8))
    with pytest.raises(InputError, match="one-hot"):
        ProfileLifting().check(Case(form, form.draw(0), max_degree=3).observe([graph])[0])
    wide = LabelledGraph([(0, 1)], np.eye(4)[:2], 0)
    with pytest.raises(InputError, match="auxiliary graph 0"):
        ProfileLifting().check(observe([graph], auxiliary=[wide]))


def test_real_molecules_are_recovered_without_auxiliary_graphs(data_root):
    networkx = pytest.importorskip("networkx")
    graphs = load_collection("tu-mutag", root=data_root)
    form = ModelForm(graphs.num_features, 2, activation="tanh", bias=False)
    case = Case(form, form.draw(1), one_hot=True, max_degree=3)
    for position in (107, 110, 83):
        truth = graphs[position]
        (found,) = ProfileLifting().reconstruct([case.observe([truth])[0]])
        one, other = guessed(found).to_networkx(), truth.to_networkx()
        assert networkx.is_isomorphic(one, other, node_match=lambda u, v: u["x"] == v["x"])
