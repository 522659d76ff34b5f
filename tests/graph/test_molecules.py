"""Generated molecules: shape, classes, and what tells them."""

import networkx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from oubli.errors import InputError
from oubli.graph import generate_molecules
from oubli.graph.molecules import ATOMS, NITROGEN, OXYGEN, VALENCES


def has_nitro(graph):
    beside = graph.adjacency()[:, graph.types == OXYGEN].sum(axis=1)
    return bool(((graph.types == NITROGEN) & (beside >= 2)).any())


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 2**32),
    sizes=st.tuples(st.integers(9, 40), st.integers(0, 20)),
    num_types=st.integers(3, 5),
    max_degree=st.integers(3, 4),
)
def test_every_graph_could_be_a_molecule(seed, sizes, num_types, max_degree):
    smallest, largest = sizes[0], sum(sizes)
    collection = generate_molecules(
        12,
        seed,
        min_nodes=smallest,
        max_nodes=largest,
        num_types=num_types,
        max_degree=max_degree,
        label_noise=0,
    )
    assert (collection.num_features, collection.num_classes) == (num_types, 2)
    assert collection.feature_names == ATOMS[:num_types]
    assert sum(graph.label for graph in collection) == 6
    for graph in collection:
        assert smallest <= graph.num_nodes <= largest
        assert networkx.is_connected(graph.to_networkx())
        assert (graph.degrees <= np.minimum(VALENCES, max_degree)[graph.types]).all()
        assert min(map(len, networkx.minimum_cycle_basis(graph.to_networkx()))) >= 5
        assert graph.label == has_nitro(graph)


def test_a_seed_names_the_graphs():
    one, same, other = generate_molecules(20, 3), generate_molecules(20, 3), generate_molecules(20, 4)
    equal = [
        [
            np.array_equal(a.edges, b.edges) and np.array_equal(a.features, b.features)
            for a, b in zip(one, two, strict=True)
        ]
        for two in (same, other)
    ]
    assert all(equal[0])
    assert not any(equal[1])


def test_labels_are_noisy_as_often_as_asked():
    collection = generate_molecules(600, 1, label_noise=0.2)
    wrong = np.mean([graph.label != has_nitro(graph) for graph in collection])
    assert abs(wrong - 0.2) < 4 * (0.2 * 0.8 / 600) ** 0.5


def test_the_order_of_nodes_tells_nothing():
    # Grown in order, neighbours are near one another; after the shuffle the distance is that of random pairs.
    near = [
        np.abs(np.diff(graph.edges, axis=1)).mean() / ((graph.num_nodes + 1) / 3)
        for graph in generate_molecules(200, 2)
    ]
    assert abs(np.mean(near) - 1) < 0.05


def test_counting_atoms_does_not_tell_all():
    graphs = generate_molecules(400, 5, label_noise=0)
    without = [graph for graph in graphs if not graph.label]
    composed = [(graph.features.sum(axis=0) >= np.array([0, 1, 2, 0])).all() for graph in without]
    assert np.mean(composed) > 0.4


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"num_graphs": 0}, "num_graphs >= 1"),
        ({"min_nodes": 8}, "9 <= min_nodes"),
        ({"min_nodes": 12, "max_nodes": 11}, "min_nodes <= max_nodes"),
        ({"num_types": 6}, r"num_types in 3 \.\. 5"),
        ({"max_degree": 2}, "max_degree 3 or 4"),
        ({"label_noise": 0.6}, "label_noise in"),
        ({"seed": -1}, "seed: expected"),
    ],
)
def test_values_out_of_range(arguments, said):
    with pytest.raises(InputError, match=said):
        generate_molecules(**arguments)
